// Command tidewire is the whole platform in one program: its services, and what their
// operators need. tidewire --help says how to begin.
//
//	wire.go       the topology: which services there are, and who follows whom
//	engine.go     where it is stored: SQLite files, or schemas of one PostgreSQL
//	up.go         starts, and stops, what wire.go puts together
//	provider.go   the payment simulator as a child that is kept alive
//	datadir.go    one process for each data directory
//	databases.go  no start without a database that was there
//	copying.go    all databases of one moment, for a backup
//
// The commands are clients of a platform that runs, by HTTP and nothing else; load and
// audit could live in programs of their own, and know no service. Only doctor and backup
// look at the data directory itself, and only while no platform runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// What a command ends with. Scripts branch on it, so a meaning never changes.
const (
	exitDone  = 0
	exitFound = 1 // found something wrong, or failed while running
	exitWrong = 2 // wrong usage or configuration, or a port that is taken
)

// Errors that decide how the program ends.
var (
	// errWrong: the command was used in a way that cannot work.
	errWrong = errors.New("wrong")
	// errFound: what is wrong has been said already.
	errFound = errors.New("found something wrong")
)

// wrong marks err as one of usage or configuration.
func wrong(err error) error { return &wrongUse{err} }

type wrongUse struct{ error }

func (w *wrongUse) Unwrap() error        { return w.error }
func (w *wrongUse) Is(target error) bool { return target == errWrong }

// A program is every command and flag. The parser reads it by reflection: what is not
// here cannot be typed.
type program struct {
	settings

	Up         upCommand         `cmd:"" help:"Run all services, or those named, in one process."`
	Load       loadCommand       `cmd:"" help:"Place orders over HTTP and follow each to its final state."`
	Audit      auditCommand      `cmd:"" help:"Prove the promises on the stored data."`
	Doctor     doctorCommand     `cmd:"" help:"Find what is misconfigured, stuck or lost, and say what to do."`
	Health     healthCommand     `cmd:"" help:"Ask whether the platform is ready."`
	Backup     backupCommand     `cmd:"" help:"Copy all databases as they are at one moment."`
	Order      orderCommand      `cmd:"" help:"Look at an order."`
	Stream     streamCommand     `cmd:"" help:"Look at streams: who reads what, and how far."`
	Queue      queueCommand      `cmd:"" help:"Look at queues."`
	Dead       deadCommand       `cmd:"" help:"Dead letters: what nobody could handle."`
	Saga       sagaCommand       `cmd:"" help:"Sagas: who waits for whom, and until when."`
	Schedule   scheduleCommand   `cmd:"" help:"Work that waits for its time: deadlines, retries."`
	Projection projectionCommand `cmd:"" help:"What is kept of events: list it, compare it with them, make it anew."`
	Config     configCommand     `cmd:"" help:"Print every configuration key, its value and where it came from."`
	Version    versionCommand    `cmd:"" help:"Print version, commit, Go version and engine versions."`

	Simulator simulatorCommand `cmd:"" hidden:"" help:"Run the payment simulator."`
}

const description = `Tidewire takes orders and sees each one through: paid, reserved, shipped; or failed, and everything undone.

Begin with

  tidewire up

and, in another terminal,

  curl -X POST localhost:3000/api/orders -H 'Content-Type: application/json' -d '{"userId": "1", "productId": "1", "quantity": 2}'

Every command exits 0 when done, 1 when it found something wrong or failed while running, 2 on wrong usage or configuration.`

func main() {
	// The first signal asks to stop; a second one, after stop, ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(execute(&console{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}, os.Args[1:]))
}

// A console is what a command talks to, so that tests can run one without a process.
type console struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
	environ  []string
	settings *settings
}

// execute runs one command line, and returns what the process exits with.
func execute(c *console, args []string) int {
	var p program
	parser, err := kong.New(&p, kong.Name("tidewire"), kong.Description(description), kong.Writers(c.out, c.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 110}), kong.Exit(os.Exit))
	if err != nil {
		return c.end(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		return c.end(wrong(fmt.Errorf("%w; tidewire --help shows how it is used", err)))
	}
	c.settings = &p.settings
	return c.end(command.Run(c))
}

// end says what went wrong in one sentence, and returns what the process exits with.
// Nothing else prints an error, so that none is told twice.
func (c *console) end(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFound):
		return exitFound
	}
	fmt.Fprintf(c.err, "tidewire: %v\n", err)
	if errors.Is(err, errWrong) {
		return exitWrong
	}
	return exitFound
}
