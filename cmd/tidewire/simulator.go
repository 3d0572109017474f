package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/simulator"
)

// A simulatorCommand is the payment simulator, a process of its own: the outside world
// does not end when the platform is killed, and tests of that need one that does not.
type simulatorCommand struct {
	Listen string `required:"" help:"Address to listen on; fd:3 for an open listener that is passed on."`
	File   string `required:"" help:"Its ledger, an SQLite file."`
	Child  bool   `help:"End when standard input does: its parent is gone."`
}

// predecessorLimit is how long a simulator whose parent was killed may still hold the
// ledger: it answers what it has in hand.
const predecessorLimit = 5 * time.Second

// Run answers until it is told to stop. After its parent was killed, a new parent's child
// may come before the former one has ended: it waits for the ledger.
func (cmd simulatorCommand) Run(c *console) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	if cmd.Child {
		go func() {
			defer cancel()
			_, _ = io.Copy(io.Discard, c.in) // an error is an end as well
		}()
	}
	for start := time.Now(); ; {
		l, err := listenAt(cmd.Listen)
		if err != nil {
			return wrong(fmt.Errorf("simulator: %w", err))
		}
		err = simulator.Run(ctx, l, cmd.File, simulator.Options{})
		if !errors.Is(err, sqlite.ErrInUse) || time.Since(start) > predecessorLimit || !wait(ctx, retryPause) {
			return err
		}
	}
}

// retryPause is between two looks at a lock that its holder is about to lose.
const retryPause = 20 * time.Millisecond

// wait waits for d, and reports whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// passedOn is the listener that a parent passes on: the first file after standard error.
// It outlives every child, so that no customer of theirs is ever refused.
const passedOn = "fd:3"

func listenAt(addr string) (net.Listener, error) {
	if addr != passedOn {
		return net.Listen("tcp", addr)
	}
	return net.FileListener(os.NewFile(3, "listener"))
}
