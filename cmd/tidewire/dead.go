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
	List    deadListCommand    `cmd:"" help:"List dead letters by what they died of, or one by one."`
	Show    deadShowCommand    `cmd:"" help:"Show one: its envelope, its body, its failures, and what waits behind it."`
	Edit    deadEditCommand    `cmd:"" help:"Put a message with another body in its place."`
	Redrive deadRedriveCommand `cmd:"" help:"Have them tried again, from the beginning."`
	Discard deadDiscardCommand `cmd:"" help:"Give them up; what waits behind them goes on."`
}

// A choice of dead letters. The zero value chooses all, so acts ask for --all besides.
type choice struct {
	Service string        `help:"Of this service."`
	Type    string        `aliases:"kind" help:"Of this type, such as OrderCreated."`
	Key     string        `help:"Of this key, such as an order's id."`
	Cause   string        `placeholder:"WORDS" help:"Whose problem, as dead list prints it, has these words in it."`
	Age     time.Duration `help:"Dead for at least so long, such as 90m."`
}

// filter is the choice as the operators' door knows it.
func (ch choice) filter() operate.Filter {
	f := operate.Filter{Service: ch.Service, Kind: ch.Type, Key: ch.Key, Cause: ch.Cause}
	if ch.Age > 0 {
		f.Age = ch.Age.String()
	}
	return f
}

// query is the choice as parameters.
func (ch choice) query() url.Values {
	q, f := url.Values{"limit": {"500"}}, ch.filter()
	for name, value := range map[string]string{"service": f.Service, "kind": f.Kind, "key": f.Key, "cause": f.Cause, "age": f.Age} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// groups asks for all groups of the letters that were chosen, and for the time at which that
// was so: what dies later is not among them.
func (ch choice) groups(door *client) (all []operate.Group, at time.Time, err error) {
	all = []operate.Group{}
	for q := ch.query(); ; {
		var page operate.Groups
		if err := door.do(http.MethodGet, "/admin/v1/dead/groups?"+q.Encode(), nil, &page); err != nil {
			return nil, at, err
		}
		if at.IsZero() {
			at = page.At
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, at, nil
		}
		q.Set("cursor", page.Next)
	}
}

// none says that a choice has chosen nothing, which it was not meant to.
func (ch choice) none(c *console, found int) error {
	if found > 0 || ch == (choice{}) {
		return nil
	}
	fmt.Fprintln(c.err, "no dead letter is like that: tidewire dead list shows all there are")
	return errFound
}

// A deadListCommand lists dead letters.
type deadListCommand struct {
	choice
	Letters bool `help:"A line for each letter, not for each group."`
	JSON    bool `help:"Print JSON."`
}

// Help gives examples.
func (deadListCommand) Help() string {
	return `A dead letter is a message that failed as often as it may. On a stream, later messages of its key wait behind it. Letters that died of the same are one group: PROBLEM is their cause, with numbers, ids and quoted words replaced. LOOPING counts those that were redriven three times and died again each time.

Examples:

  tidewire dead list
  tidewire dead list --service inventory --type PaymentProcessed --age 10m --letters
  tidewire dead list --cause timeout --json`
}

// Run prints dead letters.
func (cmd deadListCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	if cmd.Letters {
		letters, err := all[operate.Letter](door, "/admin/v1/dead", cmd.query())
		if err != nil {
			return err
		}
		return errors.Join(cmd.printLetters(c, letters), cmd.none(c, len(letters)))
	}
	groups, _, err := cmd.groups(door)
	if err != nil {
		return err
	}
	return errors.Join(cmd.printGroups(c, groups), cmd.none(c, len(groups)))
}

func (cmd deadListCommand) printLetters(c *console, letters []operate.Letter) error {
	if cmd.JSON {
		return printJSON(c.out, letters)
	}
	t := newTable(c.out, "ID", "WHERE", "TYPE", "KEY", "DEAD FOR", "BEHIND", "REDRIVES", "CAUSE")
	for _, l := range letters {
		t.row(l.ID, l.Place, l.Kind, l.Key, since(l.Died), l.Behind, l.Redrives, firstLine(l.Cause))
	}
	return t.end()
}

func (cmd deadListCommand) printGroups(c *console, groups []operate.Group) error {
	if cmd.JSON {
		return printJSON(c.out, groups)
	}
	t := newTable(c.out, "LETTERS", "SERVICE", "WHERE", "TYPE", "OLDEST", "NEWEST", "REDRIVES", "LOOPING", "PROBLEM")
	for _, g := range groups {
		t.row(g.Count, g.Service, g.Place, g.Kind, since(g.Oldest), since(g.Newest), g.Redrives, g.Looping, g.Problem)
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
	l, _, err := letter(door, cmd.ID)
	if err != nil {
		return err
	}
	return printJSON(c.out, l)
}

// letter asks for one by its id, and returns its route with it.
func letter(door *client, id string) (l operate.Letter, path string, err error) {
	if path, err = letterPath(id); err != nil {
		return l, path, err
	}
	err = door.do(http.MethodGet, path, nil, &l)
	return l, path, err
}

// letterPath is the route of a letter, of which service/message is the id.
func letterPath(id string) (string, error) {
	service, message, ok := strings.Cut(id, "/")
	if !ok || service == "" || message == "" {
		return "", wrong(fmt.Errorf("%q is no id of a dead letter: tidewire dead list prints them", id))
	}
	return "/admin/v1/dead/" + url.PathEscape(service) + "/" + url.PathEscape(message), nil
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
