package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// A deadCommand is about dead letters.
type deadCommand struct {
	List    deadListCommand    `cmd:"" help:"List dead letters."`
	Show    deadShowCommand    `cmd:"" help:"Show one with its body and the history of its failures."`
	Redrive deadRedriveCommand `cmd:"" help:"Have them tried again, from the beginning."`
	Discard deadDiscardCommand `cmd:"" help:"Give them up; what waits behind them goes on."`
}

// A choice of dead letters. The zero value chooses all, so acts ask for --all besides.
type choice struct {
	Service string        `help:"Of this service."`
	Type    string        `help:"Of this type, such as OrderCreated."`
	Cause   string        `placeholder:"WORDS" help:"Whose last failure has these words in it."`
	Age     time.Duration `help:"Dead for at least so long, such as 90m."`
}

// find asks for the letters that were chosen, page by page. What dies or is decided on
// meanwhile may be among them or not.
func (ch choice) find(door *client) ([]operate.Letter, error) {
	q := url.Values{"limit": {"500"}}
	for name, value := range map[string]string{"service": ch.Service, "kind": ch.Type, "cause": ch.Cause} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if ch.Age > 0 {
		q.Set("age", ch.Age.String())
	}
	return all[operate.Letter](door, "/admin/v1/dead", q)
}

// A deadListCommand lists dead letters.
type deadListCommand struct {
	choice
	JSON bool `help:"Print JSON."`
}

// Help gives examples.
func (deadListCommand) Help() string {
	return `A dead letter is a message that failed as often as it may. On a stream, later messages of its key wait behind it.

Examples:

  tidewire dead list
  tidewire dead list --service inventory --type PaymentProcessed --age 10m
  tidewire dead list --cause timeout --json`
}

// Run prints dead letters.
func (cmd deadListCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	letters, err := cmd.find(door)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, letters)
	}
	t := newTable(c.out, "ID", "WHERE", "TYPE", "KEY", "DEAD FOR", "BEHIND", "REDRIVES", "CAUSE")
	for _, l := range letters {
		t.row(l.ID, l.Place, l.Kind, l.Key, since(l.Died), l.Behind, l.Redrives, firstLine(l.Cause))
	}
	return t.end()
}

// A deadShowCommand shows all of one.
type deadShowCommand struct {
	ID string `arg:"" help:"As dead list prints it."`
}

// Run prints one dead letter as JSON.
func (cmd deadShowCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	path, err := letterPath(cmd.ID)
	if err != nil {
		return err
	}
	var l operate.Letter
	if err := door.do(http.MethodGet, path, nil, &l); err != nil {
		return err
	}
	return printJSON(c.out, l)
}

// letterPath is the route of a letter, of which service/message is the id.
func letterPath(id string) (string, error) {
	service, message, ok := strings.Cut(id, "/")
	if !ok || service == "" || message == "" {
		return "", wrong(fmt.Errorf("%q is no id of a dead letter: tidewire dead list prints them", id))
	}
	return "/admin/v1/dead/" + url.PathEscape(service) + "/" + url.PathEscape(message), nil
}

// decision is what redrive and discard have in common. Both can be tried with --dry-run
// first, since neither can be taken back.
type decision struct {
	ID []string `arg:"" optional:"" help:"As dead list prints them."`
	choice
	All    bool    `help:"All that the other flags choose; without any, all."`
	Why    string  `help:"Why. It is kept with your name."`
	Who    string  `help:"Who decides. Default: the user of this machine."`
	DryRun bool    `help:"Only say what would be done."`
	Rate   float64 `help:"At most so many a second."`
	JSON   bool    `help:"Print JSON."`
}

// A deadRedriveCommand gives dead letters a new start.
type deadRedriveCommand struct{ decision }

// Help gives examples.
func (deadRedriveCommand) Help() string {
	return `Each act is recorded, with who did it and why, in the journal of the service.

Examples:

  tidewire dead redrive inventory/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'bug 17 is mended'
  tidewire dead redrive --all --service payment --cause timeout --rate 10 --dry-run`
}

// Run has letters tried again.
func (cmd deadRedriveCommand) Run(c *console) error { return cmd.act(c, "redrive") }

// A deadDiscardCommand gives dead letters up.
type deadDiscardCommand struct{ decision }

// Help gives examples.
func (deadDiscardCommand) Help() string {
	return `What is discarded is never handled. Each act is recorded, with who did it and why, in the journal of the service.

Examples:

  tidewire dead discard order/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'a test order'
  tidewire dead discard --all --type OrderShipped --age 24h`
}

// Run gives letters up.
func (cmd deadDiscardCommand) Run(c *console) error { return cmd.act(c, "discard") }

// act does one thing with each letter that was chosen, each in a commit of its own: what
// fails for one is said, and the others go on.
func (cmd decision) act(c *console, name string) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	ids, err := cmd.chosen(door)
	if err != nil {
		return err
	}
	if cmd.Who == "" {
		cmd.Who = me()
	}
	done := []operate.DeadLetterDecided{}
	failed := 0
	for n, id := range ids {
		if n > 0 && cmd.Rate > 0 && !wait(c.ctx, time.Duration(float64(time.Second)/cmd.Rate)) {
			break
		}
		one, err := cmd.one(door, name, id)
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
func (cmd decision) one(door *client, name, id string) (done operate.DeadLetterDecided, err error) {
	path, err := letterPath(id)
	if err != nil {
		return done, err
	}
	if cmd.DryRun {
		var l operate.Letter
		err := door.do(http.MethodGet, path, nil, &l)
		return operate.DeadLetterDecided{Letter: l.ID, Place: l.Place, Type: l.Kind, Key: l.Key, Cause: l.Cause}, err
	}
	err = door.do(http.MethodPost, path+"/"+name, operate.Decision{Who: cmd.Who, Why: cmd.Why}, &done)
	return done, err
}

// chosen returns the ids that were given, or those of the letters that the flags choose.
func (cmd decision) chosen(door *client) ([]string, error) {
	switch {
	case len(cmd.ID) > 0 && (cmd.All || cmd.choice != choice{}):
		return nil, wrong(errors.New("give ids, or --all with what to choose by, but not both"))
	case len(cmd.ID) > 0:
		return cmd.ID, nil
	case !cmd.All:
		return nil, wrong(errors.New("name letters by id, or say --all"))
	}
	letters, err := cmd.find(door)
	var ids []string
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	return ids, err
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

// me is the user of this machine, as far as that is known. An act without a name is
// refused, for the audit facts are to say who it was.
func me() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "unknown"
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
