package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// A scheduleCommand is about work that waits for its time.
type scheduleCommand struct {
	List   scheduleListCommand   `cmd:"" help:"What is to be done later, the next first."`
	Cancel scheduleCancelCommand `cmd:"" help:"Call it off: it is never done."`
	Move   scheduleMoveCommand   `cmd:"" help:"Give it another time."`
}

// A scheduleListCommand lists what waits.
type scheduleListCommand struct {
	Service string `help:"Of this service."`
	Queue   string `help:"Of this queue, such as order_deadlines."`
	Kind    string `help:"Of this kind, such as expire."`
	Key     string `help:"Of this key, such as an order."`
	After   string `placeholder:"TIME" help:"Due after this time, or after so long from now, such as +1h."`
	Before  string `placeholder:"TIME" help:"Due before this time, or within so long from now, such as +1h."`
	Limit   int    `help:"At most so many; 0 is all." default:"1000"`
	JSON    bool   `help:"Print JSON."`
}

// Help gives examples.
func (scheduleListCommand) Help() string {
	return `Deadlines of orders and sagas, retries, and whatever else was sent for later. What a worker has begun is not here (tidewire queue list), nor what is dead (tidewire dead list).

Examples:

  tidewire schedule list --before +5m
  tidewire schedule list --queue order_deadlines --limit 20
  tidewire schedule list --key 0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --json`
}

// Run prints what waits.
func (cmd scheduleListCommand) Run(c *console) error {
	q := url.Values{}
	for name, value := range map[string]string{"service": cmd.Service, "queue": cmd.Queue, "kind": cmd.Kind, "key": cmd.Key} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, text := range map[string]string{"after": cmd.After, "before": cmd.Before} {
		if text == "" {
			continue
		}
		at, err := instant(text, time.Now())
		if err != nil {
			return wrong(fmt.Errorf("--%s: %w", name, err))
		}
		q.Set(name, at.Format(time.RFC3339Nano))
	}
	door, err := c.operators()
	if err != nil {
		return err
	}
	waiting, err := some[operate.Scheduled](door, "/admin/v1/schedule", q, cmd.Limit)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return errors.Join(printJSON(c.out, waiting), cmd.nothing(c, len(waiting)))
	}
	t := newTable(c.out, "ID", "QUEUE", "KIND", "KEY", "DUE", "IN")
	for _, w := range waiting {
		t.row(w.ID, w.Queue, w.Kind, w.Key, clock(w.Due), time.Until(w.Due).Round(time.Second))
	}
	return errors.Join(t.end(), cmd.nothing(c, len(waiting)))
}

// nothing says so if names choose nothing: they may be mistyped. That nothing is due at some
// time is an answer.
func (cmd scheduleListCommand) nothing(c *console, n int) error {
	if n > 0 || cmd.Service+cmd.Queue+cmd.Kind+cmd.Key == "" {
		return nil
	}
	fmt.Fprintln(c.err, "nothing that waits is like that")
	return errFound
}

// instant reads a time, or a duration from now on: 2026-01-31T12:00:00Z, +90m, now.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now.UTC(), nil
	}
	if strings.HasPrefix(text, "+") {
		if d, err := time.ParseDuration(text); err == nil {
			return now.Add(d).UTC(), nil
		}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%q is neither a time such as 2026-01-31T12:00:00Z, a duration such as +90m, nor now", text)
	}
	return at.UTC(), nil
}

// rescheduling is what cancel and move have in common.
type rescheduling struct {
	ID   string `arg:"" help:"As schedule list prints it."`
	Why  string `help:"Why. It is kept with your name."`
	Who  string `help:"Who decides. Default: the user of this machine."`
	JSON bool   `help:"Print JSON."`
}

// A scheduleCancelCommand calls work off.
type scheduleCancelCommand struct{ rescheduling }

// Help warns of what it means.
func (scheduleCancelCommand) Help() string {
	return `What is cancelled is never done, and nothing takes its place. An order or a saga whose deadline is cancelled waits for its next message for ever, if that does not come; tidewire audit names it. To give it more time, move the deadline. The act is recorded, with who did it and why, in the journal of the service.

Examples:

  tidewire schedule cancel notification/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'the customer has called'`
}

// Run calls work off.
func (cmd scheduleCancelCommand) Run(c *console) error {
	return cmd.act(c, "cancel", map[string]any{})
}

// A scheduleMoveCommand gives work another time.
type scheduleMoveCommand struct {
	rescheduling
	To string `required:"" placeholder:"TIME" help:"When: a time, or a duration from now on, such as +90m, or now."`
}

// Help gives examples.
func (scheduleMoveCommand) Help() string {
	return `What is moved to a time that has passed is done at once. The act is recorded, with who did it and why, in the journal of the service.

Examples:

  tidewire schedule move order/deadline-0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --to +1h --why 'the bank is late'
  tidewire schedule move order/deadline-42 --to 2026-01-31T12:00:00Z --why 'promised by phone'`
}

// Run moves work.
func (cmd scheduleMoveCommand) Run(c *console) error {
	to, err := instant(cmd.To, time.Now())
	if err != nil {
		return wrong(fmt.Errorf("--to: %w", err))
	}
	return cmd.act(c, "move", map[string]any{"due": to})
}

// act asks for one thing, and says what was done.
func (cmd rescheduling) act(c *console, name string, body map[string]any) error {
	service, id, ok := strings.Cut(cmd.ID, "/")
	if !ok || service == "" || id == "" {
		return wrong(errors.New("give the id as tidewire schedule list prints it: SERVICE/WORK"))
	}
	if cmd.Who == "" {
		cmd.Who = me()
	}
	body["who"], body["why"] = cmd.Who, cmd.Why
	door, err := c.operators()
	if err != nil {
		return err
	}
	var done operate.ScheduleDecided
	if err := door.do(http.MethodPost, "/admin/v1/schedule/"+url.PathEscape(service)+"/"+url.PathEscape(id)+"/"+name, body, &done); err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, done)
	}
	fmt.Fprintf(c.out, "%s %s: %s %s in %s, due %s", done.Act, done.Work, done.Type, done.Key, done.Queue, clock(done.Due))
	if !done.To.IsZero() {
		fmt.Fprintf(c.out, ", now %s", clock(done.To))
	}
	fmt.Fprintln(c.out)
	return nil
}
