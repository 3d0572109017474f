package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// A projectionCommand is about what services keep of events.
type projectionCommand struct {
	List    projectionListCommand    `cmd:"" help:"List projections: how large, how far a rebuild is, when the last one was and what it found."`
	Rebuild projectionRebuildCommand `cmd:"" help:"Make one anew from its events, beside live traffic."`
	Verify  projectionVerifyCommand  `cmd:"" help:"Compare one with its events, and change nothing."`
	Cancel  projectionCancelCommand  `cmd:"" help:"End the rebuild that is under way."`
}

// A projectionListCommand lists projections.
type projectionListCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help explains the columns.
func (projectionListCommand) Help() string {
	return `EVENTS were folded by the last rebuild, LEFT are about those that it has still to fold. EQUAL says whether the tables in use were what their events come to, when the last rebuild or comparison was at the same place. REBUILT is when tables were last exchanged.

Examples:

  tidewire projection list
  tidewire projection list --json | jq '.[] | select(.equal == false) | .name'`
}

// Run prints projections.
func (cmd projectionListCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	projections, err := all[operate.Projection](door, "/admin/v1/projections", nil)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, projections)
	}
	t := newTable(c.out, "NAME", "SERVICE", "ROWS", "STATE", "EVENTS", "LEFT", "RATE", "EQUAL", "REBUILT", "BY", "ERROR")
	for _, p := range projections {
		t.row(p.Name, p.Service, rowsOf(p), cmp.Or(p.State, "never rebuilt"), p.Events, p.Left, rate(p), equal(p), clock(p.Rebuilt), p.Rebuilder, firstLine(p.Error))
	}
	return t.end()
}

// rowsOf is how large each table is.
func rowsOf(p operate.Projection) string {
	var tables []string
	for table, n := range p.Rows {
		tables = append(tables, fmt.Sprintf("%s %d", table, n))
	}
	slices.Sort(tables)
	return strings.Join(tables, ", ")
}

// rate is how fast a rebuild goes; "" where none does.
func rate(p operate.Projection) string {
	if p.Rate == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f/s", p.Rate)
}

func equal(p operate.Projection) string {
	switch {
	case p.Equal == nil:
		return ""
	case *p.Equal:
		return "yes"
	}
	return "no"
}

// A rebuilding is what the commands that begin something have in common.
type rebuilding struct {
	Name string `arg:"" help:"As projection list prints it."`
	Why  string `help:"Why. It is kept with your name."`
	Who  string `help:"Who decides. Default: the user of this machine."`
	JSON bool   `help:"Print JSON."`
}

// A projectionRebuildCommand makes a projection anew.
type projectionRebuildCommand struct {
	rebuilding
	Wait bool `help:"Wait for the end, and show how far it is."`
}

// Help gives examples.
func (projectionRebuildCommand) Help() string {
	return `The tables are made anew from the first event on, beside those in use, and put in their places in one transaction once they have as much. Nothing stops meanwhile. If the platform is killed, the rebuild goes on after the next start. Who asked for it, and why, is recorded in the journal of the service.

It exits 1 if the rebuild fails; the tables in use are then as they were.

Examples:

  tidewire projection rebuild analytics --why 'bug 17 is mended' --wait
  tidewire projection rebuild orders`
}

// Run asks for a rebuild.
func (cmd projectionRebuildCommand) Run(c *console) error { return cmd.begin(c, "rebuild", cmd.Wait) }

// A projectionVerifyCommand compares a projection with its events.
type projectionVerifyCommand struct{ rebuilding }

// Help gives examples.
func (projectionVerifyCommand) Help() string {
	return `All events are folded as for a rebuild, and then compared with the tables in use at one moment, by digest. Nothing is exchanged. It exits 1 if they differ; projection rebuild mends that.

Examples:

  tidewire projection verify orders
  tidewire projection verify analytics --json | jq .equal`
}

// Run compares, and waits for what comes of it.
func (cmd projectionVerifyCommand) Run(c *console) error { return cmd.begin(c, "compare", true) }

// A projectionCancelCommand ends a rebuild.
type projectionCancelCommand struct{ rebuilding }

// Help gives an example.
func (projectionCancelCommand) Help() string {
	return `The tables in use stay as they are. It is too late once they are exchanged.

Examples:

  tidewire projection cancel orders --why 'after the sale'`
}

// Run cancels.
func (cmd projectionCancelCommand) Run(c *console) error { return cmd.begin(c, "cancel", false) }

// begin asks for something, and follows it to its end if that is waited for.
func (cmd rebuilding) begin(c *console, act string, wait bool) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	var p operate.Projection
	path := "/admin/v1/projections/" + url.PathEscape(cmd.Name)
	if err := door.do(http.MethodPost, path+"/"+act, operate.Decision{Who: cmp.Or(cmd.Who, me()), Why: cmd.Why}, &p); err != nil {
		return err
	}
	if wait {
		if p, err = cmd.follow(c, door, path); err != nil {
			return err
		}
	}
	if cmd.JSON {
		err = printJSON(c.out, p)
	} else {
		_, err = fmt.Fprintln(c.out, standing(p))
	}
	if err == nil && wait && (p.State != "done" || act == "compare" && equal(p) == "no") {
		err = errFound
	}
	return err
}

// follow shows how far a rebuild is, until it is over.
func (cmd rebuilding) follow(c *console, door *client, path string) (p operate.Projection, err error) {
	for {
		if err := door.do(http.MethodGet, path, nil, &p); err != nil {
			return p, err
		}
		if !slices.Contains([]string{"asked", "folding", "clearing"}, p.State) {
			return p, nil
		}
		if !cmd.JSON {
			fmt.Fprintln(c.err, standing(p))
		}
		if !wait(c.ctx, time.Second) {
			return p, c.ctx.Err()
		}
		p = operate.Projection{}
	}
}

// standing is where a rebuild stands, in one line.
func standing(p operate.Projection) string {
	s := fmt.Sprintf("%s: %s, %d events folded", p.Name, p.State, p.Events)
	switch {
	case p.Error != "":
		s += ": " + p.Error
	case p.State == "done" && equal(p) == "yes":
		s += "; the tables were what they come to"
	case p.State == "done" && p.Compare:
		s += "; the tables are not what they come to"
	case p.State == "done":
		s += "; the tables were not what they come to, and are now"
	case p.Left > 0 && p.Rate > 0:
		s += fmt.Sprintf(" of about %d, %.0f/s, about %s more", p.Events+p.Left, p.Rate, (time.Duration(float64(p.Left) / p.Rate * float64(time.Second))).Round(time.Second))
	}
	return s
}
