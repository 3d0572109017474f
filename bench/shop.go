package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// A bench is one run of this program.
type bench struct {
	options
	progress io.Writer
	dir      string // of everything it makes
	build    sync.Once
	built    error
	capacity map[way]float64 // orders/s of ours, once measured

	databases []string // made in PostgreSQL
}

// A side is whose figure it is.
type side int

const (
	ours side = iota
	raw
)

// workplace makes the directory of this run.
func (b *bench) workplace() (err error) {
	b.dir, err = os.MkdirTemp("", "tidewire-bench-")
	return err
}

// platform builds the platform's binary, once.
func (b *bench) platform(ctx context.Context) error {
	b.build.Do(func() {
		c := exec.CommandContext(ctx, "go", "build", "-o", b.binary(), "github.com/tidewire/tidewire/cmd/tidewire")
		if said, err := c.CombinedOutput(); err != nil {
			b.built = fmt.Errorf("build the platform: %w: %s", err, said)
		}
	})
	return b.built
}

func (b *bench) binary() string { return filepath.Join(b.dir, "tidewire") }

func (b *bench) close() {
	if b.keep {
		fmt.Fprintln(b.progress, "kept:", b.dir)
		return
	}
	_ = os.RemoveAll(b.dir) // temporary files
}

// A shop is a running platform, or its twin, with its simulator, on new databases.
type shop struct {
	way
	dir       string
	database  string // its URL, in PostgreSQL
	url       string
	admin     string    // of ours
	provider  string    // URL of the simulator
	started   time.Time // the services, after the simulator
	server    *process
	simulator *process
}

// An engine is where a side stores: "" is SQLite, postgres a new database there.
type engine string

const (
	files    engine = ""
	postgres engine = "postgres"
)

// A way is where a side stores, and how its orders flow.
type way struct {
	on    engine
	style string
}

// choreographed is the way that both twins know.
func choreographed(on engine) way { return way{on, contract.Choreographed} }

// alone is the way of rows without a twin, in which the flags choose the style.
func (b *bench) alone(on engine) way { return way{on, cmp.Or(b.style, contract.Choreographed)} }

// open starts a side.
func (b *bench) open(ctx context.Context, s side, w way) (*shop, error) {
	return b.openWith(ctx, s, w)
}

// openWith starts a side with more arguments: of ours, settings, or the services to run.
func (b *bench) openWith(ctx context.Context, s side, w way, more ...string) (*shop, error) {
	if err := b.platform(ctx); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	at, err := freeAddresses(3)
	if err != nil {
		return nil, err
	}
	var database string
	if w.on == postgres {
		if database, err = b.newDatabase(ctx); err != nil {
			return nil, err
		}
	}
	p := &shop{way: w, dir: dir, database: database, url: "http://" + at[0], admin: "http://" + at[1], provider: "http://" + at[2]}
	if p.simulator, err = launch(ctx, self, simulatorChild, "-listen", at[2], "-data", filepath.Join(dir, "simulator.db")); err != nil {
		return nil, err
	}
	if err := b.serve(ctx, p, s, more...); err != nil {
		return nil, errors.Join(err, p.simulator.stop())
	}
	return p, nil
}

// serve starts the services of a side on the databases of p.
func (b *bench) serve(ctx context.Context, p *shop, s side, more ...string) (err error) {
	p.started = time.Now()
	listen := strings.TrimPrefix(p.url, "http://")
	if s == ours {
		args := []string{"up", "--data", p.dir, "--listen", listen, "--set", "admin=" + strings.TrimPrefix(p.admin, "http://"),
			"--set", "grpc.listen=127.0.0.1:0", "--set", "payment.simulator=" + p.provider, "--set", "database=" + p.database, "--set", "order.style=" + p.style}
		p.server, err = launch(ctx, b.binary(), append(args, more...)...)
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p.server, err = launch(ctx, self, twinChild, "-listen", listen, "-data", p.dir, "-simulator", p.provider, "-database", p.database, "-style", p.style)
	return err
}

// close stops a side. What it stored stays until the end of the run.
func (p *shop) close() error { return errors.Join(p.server.stop(), p.simulator.stop()) }

// freeAddresses returns addresses that nobody listens on now.
func freeAddresses(n int) (all []string, err error) {
	var errs []error
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { errs = append(errs, l.Close()) }()
		all = append(all, l.Addr().String())
	}
	return all, nil
}

// String is how a side is shown.
func (s side) String() string { return [...]string{"ours", "twin"}[s] }
