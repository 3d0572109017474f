package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// A Line is one order in the ledger: what its customer knows of it.
type Line struct {
	Key       string    `json:"key"`
	OrderID   string    `json:"orderId"`
	InvokedAt time.Time `json:"invokedAt"`
	Outcome   string    `json:"outcome"` // ok, rejected, unknown
	Final     string    `json:"final"`   // completed, failed, cancelled; "" if that was not seen
	Total     string    `json:"total"`   // as answered: 1200.00
	Currency  string    `json:"currency"`
	Items     []Item    `json:"items"`
}

// An Item is a product that was ordered.
type Item struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// ledger is a file of lines. The zero ledger keeps nothing. The first error stays, and
// is told at the end.
type ledger struct {
	file *os.File
	buf  *bufio.Writer
	err  error
}

// openLedger opens a ledger to append to: the lines of former runs stay, as the orders
// of former runs do in the platform.
func openLedger(path string) (*ledger, error) {
	if path == "" {
		return &ledger{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &ledger{file: f, buf: bufio.NewWriterSize(f, 1<<16)}, nil
}

// write adds the line of an order whose fate is known. It is on disk after close.
func (l *ledger) write(p *placed, o outcome, final string) {
	if l.file == nil || l.err != nil {
		return
	}
	b, err := json.Marshal(Line{Key: p.key, OrderID: p.ID, InvokedAt: p.invoked.UTC(), Outcome: string(o), Final: final,
		Total: p.Total, Currency: p.Currency, Items: []Item{{ProductID: p.product, Quantity: 1}}})
	if err == nil {
		_, err = l.buf.Write(append(b, '\n'))
	}
	l.err = err
}

func (l *ledger) flush() {
	if l.file != nil && l.err == nil {
		l.err = l.buf.Flush()
	}
}

// close puts the ledger on disk.
func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	l.flush()
	if l.err == nil {
		l.err = l.file.Sync()
	}
	if err := l.file.Close(); l.err == nil {
		l.err = err
	}
	if l.err != nil {
		return fmt.Errorf("ledger: %w", l.err)
	}
	return nil
}
