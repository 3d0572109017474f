package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// pulseRest is for how long what a try found holds for everybody: who asks often does not
// make a database write often.
const pulseRest = time.Second

// A pulse tells whether a database can be written. It tries when it is asked, and never
// by itself.
type pulse struct {
	turn  chan struct{} // holds one token: whoever has it tries
	tried time.Time
	err   error
}

func newPulse() *pulse {
	p := &pulse{turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// works writes another time than the last into db, and so reaches its disk: a check that
// only reads, or that leaves a row as it was, is content with a disk that is full. A try
// that was given up has found nothing, and is not kept.
func (p *pulse) works(ctx context.Context, db *store.DB) error {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return fmt.Errorf("write: %w", ctx.Err())
	}
	defer func() { p.turn <- struct{}{} }()
	if time.Since(p.tried) < pulseRest {
		return p.err
	}
	_, err := db.Background().Update(ctx, nil, func(tx *store.Tx) error { return tx.Exec(`UPDATE pulse SET time = $1`, tx.Now) })
	if err != nil {
		err = fmt.Errorf("write: %w", err)
	}
	if err == nil || ctx.Err() == nil {
		p.tried, p.err = time.Now(), err
	}
	return err
}
