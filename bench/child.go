package main

import (
	"context"
	"flag"
	"fmt"
	"net"

	"github.com/tidewire/tidewire/bench/pgtwin"
	"github.com/tidewire/tidewire/bench/twin"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/simulator"
)

// The twin and the simulator are processes of their own: this program, started again with
// one of these words.
const (
	twinChild      = "child-twin"
	simulatorChild = "child-simulator"
)

func isChild(word string) bool { return word == twinChild || word == simulatorChild }

// child is what such a process does, until it is stopped.
func child(ctx context.Context, word string, args []string) error {
	f := flag.NewFlagSet(word, flag.ContinueOnError)
	listen := f.String("listen", "", "address to listen on")
	data := f.String("data", "", "directory of the databases; the simulator's ledger")
	database := f.String("database", "", "of the twin, a PostgreSQL URL; none: SQLite in data")
	provider := f.String("simulator", "", "address of the payment simulator")
	style := f.String("style", contract.Choreographed, "of the twin in SQLite: how its orders flow")
	if err := f.Parse(args); err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	ready := func() { fmt.Println("ready") }
	if word == simulatorChild {
		ready() // it listens: whoever comes early waits
		return simulator.Run(ctx, l, *data, simulator.Options{})
	}
	stopped := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stopped()
	switch {
	case *database != "" && *style != contract.Choreographed:
		return fmt.Errorf("the twin on PostgreSQL has no style %q: it is choreographed", *style)
	case *database != "":
		err = pgtwin.Run(ctx, l, *database, *provider, ready)
	default:
		err = twin.Run(ctx, l, twin.Options{Dir: *data, Simulator: *provider, Style: *style}, ready)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}
