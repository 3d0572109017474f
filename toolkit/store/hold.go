package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Copier is a Driver whose database can be copied while it is in use.
type Copier interface {
	// Snapshot begins a snapshot of all that is committed, and of nothing else. It waits
	// for no change.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// A Snapshot is a database as it was at one moment, whatever is committed meanwhile.
type Snapshot interface {
	// Size is what Copy will write, in bytes.
	Size() int64
	// Copy writes the database to a new file and returns nil once it is on disk. It
	// calls tell now and then, with how many bytes are written, and ends with ctx.
	Copy(ctx context.Context, path string, tell func(done int64)) error
	Close() error
}

// ErrNoCopy: the database is not one that can be copied or held. Its server can.
var ErrNoCopy = errors.New("the database is kept by a server, which copies it")

// Snapshot begins a snapshot of all that is committed; ErrNoCopy where it cannot.
func (db *DB) Snapshot(ctx context.Context) (Snapshot, error) {
	c, ok := db.driver.(Copier)
	if !ok {
		return nil, fmt.Errorf("%s: %w", db.service, ErrNoCopy)
	}
	return c.Snapshot(ctx)
}

// Hold runs do while nothing is committed to any of dbs, and returns for how long that
// was. So what do reads is of one moment: if an effect is there, its cause is, whichever
// database it is in. It is one change in each of them that only waits, and so bounded as
// every change: if do is not done within a second, it may not have been alone, and Hold
// returns ErrRevoked. Two Holds at a time could wait for each other until then.
//
// It needs databases that nobody else has open, else it returns ErrNoCopy.
func Hold(ctx context.Context, dbs []*DB, do func() error) (held time.Duration, err error) {
	for _, db := range dbs {
		if !db.Alone() {
			return 0, fmt.Errorf("%s: %w", db.service, ErrNoCopy)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	there, release, ended := make(chan struct{}, len(dbs)), make(chan struct{}), make(chan error, len(dbs))
	for _, db := range dbs {
		var once sync.Once // a change may run twice
		go func() {
			_, err := db.Update(ctx, nil, func(*Tx) error {
				once.Do(func() { there <- struct{}{} })
				<-release
				return nil
			})
			ended <- err
		}()
	}
	var began time.Time
	left := len(dbs)
	for n := 0; n < len(dbs) && err == nil; n++ {
		select {
		case <-there:
			if n == 0 {
				began = time.Now()
			}
		case err = <-ended: // before it was held, or too long after
			left--
		}
	}
	if err == nil {
		err = do()
	}
	cancel() // who still stands in line need not
	close(release)
	for range left {
		err = errors.Join(err, <-ended)
	}
	if !began.IsZero() {
		held = time.Since(began)
	}
	return held, err
}
