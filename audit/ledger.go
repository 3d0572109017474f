package audit

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A line of the client's ledger.
type line struct {
	Key      string `json:"key"`
	OrderID  string `json:"orderId"`
	Outcome  string `json:"outcome"`
	Final    string `json:"final"`
	Total    string `json:"total"`
	Currency string `json:"currency"`
	Items    []struct {
		ProductID string `json:"productId"`
		Quantity  int64  `json:"quantity"`
	} `json:"items"`
}

// readLedger loads what the client saw.
func (a *audit) readLedger() error {
	f, err := os.Open(a.Ledger)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	orders := inserter{audit: a, table: "client", columns: []string{"key", "order_id", "outcome", "final", "total", "currency"}}
	items := inserter{audit: a, table: "client_item", columns: []string{"order_id", "product_id", "quantity"}}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return fmt.Errorf("ledger: line %d: %w", n, err)
		}
		if err := orders.add(l.Key, l.OrderID, l.Outcome, l.Final, minor(l.Total, l.Currency), l.Currency); err != nil {
			return err
		}
		for _, i := range l.Items {
			if l.Outcome != "ok" {
				continue
			}
			if err := items.add(l.OrderID, i.ProductID, i.Quantity); err != nil {
				return err
			}
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return errors.Join(orders.close(), items.close())
}

// minor reads an amount as a client sees it: 1200.00. What is no amount is nil, which
// equals no stored one.
func minor(amount, currency string) any {
	whole, fraction, _ := strings.Cut(amount, ".")
	if len(fraction) != decimals(currency) {
		return nil
	}
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		return nil
	}
	return n
}

// decimals are those that a currency is written with (ISO 4217).
func decimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}

// An inserter adds rows to a temporary table, many in one statement.
type inserter struct {
	*audit
	table   string
	columns []string
	args    []any
	full    *sql.Stmt // for as many rows as go together
}

const insertedTogether = 100

func (i *inserter) names() string { return strings.Join(i.columns, ", ") }

func (i *inserter) add(row ...any) (err error) {
	i.args = append(i.args, row...)
	if len(i.args) < insertedTogether*len(i.columns) {
		return nil
	}
	if i.full == nil {
		if i.full, err = i.conn.PrepareContext(i.ctx, i.statement()); err != nil {
			return err
		}
	}
	_, err = i.full.ExecContext(i.ctx, i.args...)
	i.args = i.args[:0]
	return err
}

// close adds what is left.
func (i *inserter) close() error {
	if i.full != nil {
		defer i.full.Close()
	}
	if len(i.args) == 0 {
		return nil
	}
	return i.exec(i.statement(), i.args...)
}

// statement has a placeholder for each of args.
func (i *inserter) statement() string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + i.table + " (" + i.names() + ") VALUES ")
	for n := range i.args {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%len(i.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		if i.dialect.remote {
			b.WriteString("$" + strconv.Itoa(n+1))
		} else {
			b.WriteString("?") // SQLite looks up each name
		}
	}
	return b.String() + ")"
}
