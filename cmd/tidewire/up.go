package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/run"
)

// An upCommand runs services.
type upCommand struct {
	Service []string `arg:"" optional:"" help:"Services to run. Default: all."`
	Listen  string   `placeholder:"ADDR" help:"Customers' door. Default: 127.0.0.1:3000."`
	Empty   bool     `help:"Without the demo catalogue: user 1, products 1 to 8."`
}

// Help gives examples.
func (upCommand) Help() string {
	return `When everything is ready it prints one line with the URL. SIGTERM and SIGINT drain: no more requests are taken, work in hand is finished, and what is left goes on after the next start. The log is on standard error.

Examples:

  tidewire up
  tidewire up --data /var/lib/tidewire --listen 127.0.0.1:8080 --empty
  tidewire up --set database=postgres://shop:secret@localhost/shop
  tidewire up order payment --set database=postgres://shop:secret@localhost/shop
  tidewire up user --config shop.yaml --data ./user --listen 127.0.0.1:3010 --set admin=127.0.0.1:3011`
}

// drainLimit is what is left of ten seconds after a signal: those who run containers
// kill what has not ended by then, and a second is kept for the exit itself.
const drainLimit = 9 * time.Second

// Run runs the platform until a signal asks it to stop.
func (cmd upCommand) Run(c *console) error {
	loaded, err := c.load(map[string]string{"listen": cmd.Listen})
	if err != nil {
		return err
	}
	if err := knownServices(cmd.Service); err != nil {
		return wrong(err)
	}
	log, err := newLog(c.err, loaded.Log.Format, loaded.Log.Level)
	if err != nil {
		return wrong(err)
	}
	slog.SetDefault(log)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200) // half the collector's work; what lives is small
	}
	for _, w := range loaded.Warnings {
		log.Warn(w)
	}
	// What is promised is the ten seconds. Nothing is lost by leaving earlier than a
	// call to the outside world ends: its job is still there, and its key is stored.
	ended := make(chan error, 1)
	go func() { ended <- cmd.run(c, loaded, log) }()
	select {
	case err := <-ended:
		return err
	case <-c.ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(drainLimit):
		log.Warn("draining took too long: what is left is done after the next start")
		return nil
	}
}

// run starts everything and returns when everything has stopped:
//
//	what was there is there → data directory, doors (bound, not yet answering) → simulator → databases → ready
//	signal → customers' door closes → readers and workers finish → databases → lock
//
// What a signal interrupts is no failure: it is stored, and goes on after the next start.
// What fails before the platform is ready is wrong configuration, as far as the user is
// concerned.
func (cmd upCommand) run(c *console, loaded *config.Loaded, log *slog.Logger) (err error) {
	s := &start{Config: loaded.Config, log: log, here: here(loaded.Config, cmd.Service)}
	ready := false
	defer func() { // who reads that it has stopped finds everything free
		if err = errors.Join(err, s.close()); ready {
			log.Info("stopped")
		}
	}()
	if err := s.prepare(c.ctx, cmd.Empty); err != nil {
		if c.ctx.Err() != nil {
			return nil // told to stop before it was ready
		}
		return wrong(err)
	}
	if err := s.platform.conducts(c.ctx, s.here); err != nil {
		return wrong(err)
	}
	parts := s.platform.parts(s.here)
	if s.provider != nil {
		parts = append(parts, func(ctx context.Context) error { return s.provider.watch(ctx, log) })
	}
	if s.platform.desk.Backups != nil {
		parts = append(parts, s.platform.desk.Backups.Run)
	}
	parts = append(parts, func(ctx context.Context) error {
		return door.Serve(ctx, s.operators, s.platform.desk.Handler(s.metrics))
	})
	if err := s.platform.standstill.look(c.ctx); err != nil && c.ctx.Err() == nil {
		log.Warn("no orders are taken yet: what was read cannot be compared with the logs", "error", err)
	}
	routes := door.Handler(door.Options{OpenMode: s.Auth.Mode == "open", Log: log, Meter: s.metrics.Meter, Tracers: s.platform.process.Tracers,
		Refuse: s.platform.strain.Refuse, Halted: s.platform.standstill.halted}, s.platform.routes(s.here)...)
	ready = true
	log.Info("ready", "instance", s.platform.process.Instance, "data", s.Data, "grpc", called(s.calls))
	simulator := ""
	if s.Payment.Simulator != "" {
		simulator = ", payment simulator " + s.Payment.Simulator
	}
	fmt.Fprintf(c.out, "tidewire ready http://%s (operators http://%s%s)\n", s.customers.Addr(), s.operators.Addr(), simulator)
	// Work does not end with the signal, but after the last customer is answered: until
	// then a request is taken, and what it begins is best begun at once.
	work, stopWork := context.WithCancel(context.WithoutCancel(c.ctx))
	defer stopWork()
	return run.All(c.ctx,
		func(context.Context) error { return run.All(work, parts...) },
		func(ctx context.Context) error { // first nobody comes in any more, then the work stops
			defer stopWork()
			return run.All(ctx, append(s.doors(routes), func(ctx context.Context) error { return door.Serve(ctx, s.customers, routes) })...)
		})
}

// A start is what is open, in the order in which it was opened. A nil was not opened yet,
// or is not needed: close passes over it.
type start struct {
	config.Config
	log       *slog.Logger
	here      []string // the services that this process runs
	dir       *dataDir
	customers net.Listener
	operators net.Listener
	calls     map[string]net.Listener // by service
	provider  *provider               // nil: it runs elsewhere
	metrics   *operate.Metrics
	traces    *tracing // nil: nobody collects them
	platform  *platform
}

// prepare opens everything, up to where it can be used. What it opened before it failed
// stays in s, for close. What is cheap to refuse comes
// first; the simulator starts while the databases are opened.
func (s *start) prepare(ctx context.Context, empty bool) (err error) {
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.claim(); err != nil {
		return err
	}
	if s.metrics, err = operate.NewMetrics(); err != nil {
		return err
	}
	if s.Payment.Simulator == "" && slices.Contains(s.here, "payment") {
		if s.provider, err = startProvider(s.dir.file("simulator.db")); err != nil {
			return err
		}
		s.Payment.Simulator = s.provider.url()
	}
	if s.traces, err = newTracing(s.Traces, s.metrics.Meter, s.log); err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	if err := s.wire(ctx); err != nil {
		return err
	}
	if s.traces != nil {
		s.platform.process.Tracers = s.traces
	}
	if s.provider != nil {
		if err := s.provider.ready(ctx); err != nil {
			return err
		}
	}
	if err := s.bind(ctx); err != nil {
		return err
	}
	if empty {
		return nil
	}
	return s.platform.demo(ctx)
}

// claim takes the data directory and the doors. The directory comes first, for its lock
// waits until a process that was killed has ended, and says whose it is. One that has yet
// to be made comes last: a port that is taken leaves nothing behind.
func (s *start) claim() (err error) {
	lock := func() error { s.dir, err = openDataDir(s.Data); return err }
	open := func() error {
		if s.customers, err = listen("listen", s.Listen); err != nil {
			return err
		}
		if s.operators, err = listen("admin", s.Admin); err != nil {
			return err
		}
		s.calls, err = listenCalls(s.GRPC, s.here)
		return err
	}
	first, then := lock, open
	if _, missing := os.Stat(s.Data); errors.Is(missing, fs.ErrNotExist) {
		first, then = open, lock
	}
	if err := first(); err != nil {
		return err
	}
	return then()
}

// look refuses what cannot work before anything is made or written.
func (s *start) look(ctx context.Context) error {
	if err := errors.Join(lookAtCache(ctx, s.Config), lookAtSearch(ctx, s.Config)); err != nil {
		return err
	}
	if s.Database == "" {
		_, err := databases(s.Data, serviceNames())
		return err
	}
	server, err := postgres.Connect(ctx, s.Database)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	server.Close()
	return nil
}

// wire puts the services together, on databases that are listed before and after: what
// is not listed yet may be half made, if we die.
func (s *start) wire(ctx context.Context) (err error) {
	if s.Database != "" {
		s.platform, err = wire(ctx, s.Config, s.metrics.Meter, s.here...)
		return err
	}
	there, err := databases(s.Data, serviceNames())
	if err != nil {
		return err
	}
	if err := s.dir.list(there); err != nil {
		return err
	}
	if s.platform, err = wire(ctx, s.Config, s.metrics.Meter, s.here...); err != nil {
		return err
	}
	if there, err = databases(s.Data, serviceNames()); err != nil {
		return err
	}
	return s.dir.list(there)
}

// bind sees to it that this database has always had this provider. One that runs
// elsewhere and is away now may come later; it cannot be checked then.
func (s *start) bind(ctx context.Context) error {
	if !slices.Contains(s.here, "payment") {
		return nil // nobody here asks the provider
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ledger, err := healthy(ctx, s.Payment.Simulator)
	if err != nil && s.provider == nil {
		s.log.Warn("payment.simulator does not answer: orders wait until it does, or time out", "error", err)
		return nil
	}
	if err != nil || ledger == "" {
		return err
	}
	if err := s.platform.bind(ctx, ledger); err != nil {
		return fmt.Errorf("%w: set payment.simulator to the address of the one it began with", err)
	}
	return nil
}

// close closes what was opened, the last first. The lock of the data directory goes last
// of all: whoever waits for it finds everything else free.
func (s *start) close() error {
	var errs []error
	if s.platform != nil {
		errs = append(errs, s.platform.close())
	}
	if s.traces != nil { // after the last step, and before the lock is free: whoever waits for it may count on the traces
		errs = append(errs, s.traces.close())
	}
	if s.provider != nil {
		errs = append(errs, s.provider.stop())
	}
	for _, l := range append(slices.Collect(maps.Values(s.calls)), s.operators, s.customers) {
		if l == nil {
			continue
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) { // a door closes its own
			errs = append(errs, err)
		}
	}
	if s.dir != nil {
		errs = append(errs, s.dir.Close())
	}
	return errors.Join(errs...)
}

// listen opens the door that a configuration key names. Its error names that key, for
// what to change is in the configuration and not in the kernel's words.
func listen(key, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is taken: stop whoever listens there, or choose another with --set %s=HOST:PORT", key, addr, key)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", key, strings.TrimPrefix(err.Error(), "listen "))
	}
	return l, nil
}
