package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// decision is what redrive and discard have in common. Both can be tried with --dry-run
// first, since neither can be taken back.
type decision struct {
	ID []string `arg:"" optional:"" help:"As dead list --letters prints them."`
	choice
	All        bool      `help:"All that the other flags choose; without any, all."`
	Why        string    `help:"Why. It is kept with your name."`
	Who        string    `help:"Who decides. Default: the user of this machine."`
	DryRun     bool      `help:"Only say what would be done."`
	Rate       float64   `help:"At most so many a second."`
	DiedBefore time.Time `format:"2006-01-02T15:04:05.999999Z07:00" placeholder:"TIME" help:"Only those that died before. A run prints the time that it began with: to go on with it."`
	JSON       bool      `help:"Print JSON."`
}

// A deadRedriveCommand gives dead letters a new start.
type deadRedriveCommand struct {
	decision
	Force bool `help:"Also those that were redriven three times and died again each time."`
}

// Help gives examples.
func (deadRedriveCommand) Help() string {
	return `Each act is recorded, with who did it and why, in the journal of the service. One that dies again in the meantime is not redriven by the same run. A run that was interrupted goes on with the --died-before that it printed.

Examples:

  tidewire dead redrive inventory/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'bug 17 is mended'
  tidewire dead redrive --all --service payment --cause timeout --rate 500 --dry-run`
}

// Run has letters tried again.
func (cmd deadRedriveCommand) Run(c *console) error { return cmd.act(c, "redrive", cmd.Force) }

// A deadDiscardCommand gives dead letters up.
type deadDiscardCommand struct {
	decision
	Yes   bool  `help:"Of --all: you know how many these are."`
	Count int64 `help:"Of --all: only if these are exactly so many."`
}

// Help gives examples.
func (deadDiscardCommand) Help() string {
	return `What is discarded is never handled. Each act is recorded, with who did it and why, in the journal of the service.

Examples:

  tidewire dead discard order/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'a test order'
  tidewire dead discard --all --type OrderShipped --age 24h --dry-run
  tidewire dead discard --all --type OrderShipped --age 24h --count 17`
}

// Run gives letters up. Many at a time are named by their number, or surely meant.
func (cmd deadDiscardCommand) Run(c *console) error {
	if cmd.All && !cmd.DryRun && !cmd.Yes && cmd.Count == 0 {
		return wrong(errors.New("nothing brings back what is discarded: look with --dry-run, then say --yes or --count N"))
	}
	if cmd.All && cmd.Count > 0 {
		door, err := c.operators()
		if err != nil {
			return err
		}
		groups, _, err := cmd.groups(door)
		if err != nil {
			return err
		}
		if n := number(groups, true); n != cmd.Count {
			return wrong(fmt.Errorf("these are %d dead letters, not %d: nothing was discarded", n, cmd.Count))
		}
	}
	return cmd.act(c, "discard", true)
}

// act does one thing with the letters that were named or chosen.
func (cmd decision) act(c *console, name string, force bool) error {
	switch {
	case len(cmd.ID) > 0 && (cmd.All || cmd.choice != choice{}):
		return wrong(errors.New("give ids, or --all with what to choose by, but not both"))
	case len(cmd.ID) == 0 && !cmd.All:
		return wrong(errors.New("name letters by id, or say --all"))
	case cmd.Rate < 0:
		return wrong(errors.New("--rate must not be negative"))
	}
	door, err := c.operators()
	if err != nil {
		return err
	}
	if cmd.Who == "" {
		cmd.Who = me()
	}
	if cmd.All {
		return sweep{decision: cmd, console: c, door: door, name: name, force: force}.all()
	}
	return cmd.each(c, door, name, force)
}

// each does it with letters that were named, each in a commit of its own: what fails for one
// is said, and the others go on.
func (cmd decision) each(c *console, door *client, name string, force bool) error {
	done := []operate.DeadLetterDecided{}
	failed := 0
	for n, id := range cmd.ID {
		if n > 0 && cmd.Rate > 0 && !wait(c.ctx, time.Duration(float64(time.Second)/cmd.Rate)) {
			break
		}
		one, err := cmd.one(door, name, id, force)
		switch {
		case errors.Is(err, errNotRunning), errors.Is(err, errWrong):
			return err
		case err != nil:
			failed++
			fmt.Fprintf(c.err, "%s: %v\n", id, err)
		default:
			done = append(done, one)
		}
	}
	if err := cmd.report(c, name, done); err != nil {
		return err
	}
	if failed > 0 {
		return errFound
	}
	return nil
}

// one does it with one letter, or looks whether it is there: a dry run fails for the
// same letters as the act would.
func (cmd decision) one(door *client, name, id string, force bool) (done operate.DeadLetterDecided, err error) {
	if cmd.DryRun {
		l, _, err := letter(door, id)
		return operate.DeadLetterDecided{Letter: l.ID, Place: l.Place, Type: l.Kind, Key: l.Key, Cause: l.Cause}, err
	}
	path, err := letterPath(id)
	if err != nil {
		return done, err
	}
	err = door.do(http.MethodPost, path+"/"+name, operate.Decision{Who: cmd.Who, Why: cmd.Why, Force: force}, &done)
	return done, err
}

// report says what was done, or would be.
func (cmd decision) report(c *console, name string, done []operate.DeadLetterDecided) error {
	if cmd.JSON {
		return printJSON(c.out, done)
	}
	would := ""
	if cmd.DryRun {
		would = "would "
	}
	for _, d := range done {
		fmt.Fprintf(c.out, "%s%s %s: %s %s in %s\n", would, name, d.Letter, d.Type, d.Key, d.Place)
	}
	fmt.Fprintf(c.out, "%d dead letters\n", len(done))
	return nil
}
