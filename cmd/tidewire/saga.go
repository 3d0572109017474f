package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/saga"
)

// A sagaCommand is about sagas: orders, as long as somebody conducts them.
type sagaCommand struct {
	List   sagaListCommand   `cmd:"" help:"Who waits for whom, since when and until when."`
	Show   sagaShowCommand   `cmd:"" help:"Show one with its definition, its way through it and its dead letters."`
	Retry  sagaRetryCommand  `cmd:"" help:"Redrive its dead letters; if there are none, ask again for what it waits for."`
	Cancel sagaCancelCommand `cmd:"" help:"Have what was done for it undone, as long as that is possible."`
}

// A sagaListCommand lists sagas.
type sagaListCommand struct {
	Saga    string `help:"Of this definition, such as place-order."`
	State   string `default:"waiting" enum:"waiting,running,undoing,completed,undone,closed,all" help:"${enum}; waiting is running or undoing."`
	Step    string `help:"That wait for this step."`
	Who     string `help:"That wait for this service."`
	Overdue bool   `help:"Whose deadline has passed."`
	Limit   int    `default:"1000" help:"At most so many; 0: all."`
	JSON    bool   `help:"Print JSON."`
}

// Help explains the columns.
func (sagaListCommand) Help() string {
	return `STEP is what a saga waits for, WHO the service that is asked for it, TRIES how often. A running saga that is not answered UNTIL then is undone; after its pivot, and while it is undoing, it asks again.

Examples:

  tidewire saga list
  tidewire saga list --who payment --overdue
  tidewire saga list --state undone --json`
}

// Run prints sagas.
func (cmd sagaListCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	sagas, err := some[operate.Saga](door, "/admin/v1/sagas", cmd.query(), cmd.Limit)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return errors.Join(printJSON(c.out, sagas), cmd.nothing(c, len(sagas)))
	}
	t := newTable(c.out, "ID", "SAGA", "STATE", "STEP", "WHO", "FOR", "UNTIL", "TRIES", "WHY")
	for _, s := range sagas {
		t.row(s.ID, s.Saga, s.State, s.Step, s.Who, since(s.Since), clock(s.Until), s.Tries, s.Why)
	}
	return errors.Join(t.end(), cmd.nothing(c, len(sagas)))
}

// nothing says so if filters choose nothing: they may be mistyped. Where nothing waits at
// all, all is well.
func (cmd sagaListCommand) nothing(c *console, n int) error {
	if n > 0 || cmd.State == "waiting" && cmd.Saga+cmd.Step+cmd.Who == "" && !cmd.Overdue {
		return nil
	}
	fmt.Fprintln(c.err, "no saga is like that")
	return errFound
}

func (cmd sagaListCommand) query() url.Values {
	q := url.Values{"limit": {"500"}}
	state := cmd.State
	if state == "all" {
		state = ""
	}
	for name, value := range map[string]string{"saga": cmd.Saga, "state": state, "step": cmd.Step, "who": cmd.Who} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if cmd.Overdue {
		q.Set("overdue", "true")
	}
	return q
}

// A sagaShowCommand shows all of one.
type sagaShowCommand struct {
	ID      string `arg:"" help:"As saga list prints it; without a service, of the order service."`
	Diagram bool   `help:"Print its way through the definition, as Mermaid."`
	JSON    bool   `help:"Print JSON."`
}

// Help gives examples.
func (sagaShowCommand) Help() string {
	return `Examples:

  tidewire saga show order/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e
  tidewire saga show 0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --diagram > saga.mmd`
}

// Run prints one saga.
func (cmd sagaShowCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	var s operate.WholeSaga
	if err := door.do(http.MethodGet, sagaPath(cmd.ID), nil, &s); err != nil {
		return sagaError(cmd.ID, err)
	}
	switch {
	case cmd.JSON:
		return printJSON(c.out, s)
	case cmd.Diagram:
		fmt.Fprint(c.out, s.Diagram)
		return nil
	}
	fmt.Fprintf(c.out, "%s, saga %s, is %s; it began %s\n", s.ID, s.Saga.Saga, s.State, clock(s.Started))
	if s.Waits != "" {
		fmt.Fprintf(c.out, "it %s\n", s.Waits)
	}
	if s.Turned != "" {
		did := "turned back"
		if s.State == saga.Closed { // nothing was undone by it
			did = "left its way"
		}
		fmt.Fprintf(c.out, "it %s at %s: %s\n", did, s.Turned, s.Why)
	}
	fmt.Fprintln(c.out)
	return cmd.steps(c, s)
}

// steps prints the definition, and the dead letters.
func (cmd sagaShowCommand) steps(c *console, s operate.WholeSaga) error {
	t := newTable(c.out, "", "STEP", "WHO", "ANSWER", "REFUSAL", "UNDONE BY", "WITHIN")
	for _, st := range s.Definition.Steps {
		mark := ""
		switch st.Name {
		case s.Step:
			mark = "→"
		case s.Turned:
			mark = "←"
		}
		name := st.Name
		if st.Pivot {
			name += " (pivot)"
		}
		t.row(mark, name, st.Who, st.Answer, st.Refusal, strings.Join(st.Undone, ", "), st.Within)
	}
	if err := t.end(); err != nil {
		return err
	}
	for _, l := range s.Dead {
		fmt.Fprintf(c.out, "\ndead letter %s in %s: %s: %s\n", l.ID, l.Place, l.Kind, firstLine(l.Cause))
	}
	return nil
}

// A sagaDecision is what retry and cancel have in common.
type sagaDecision struct {
	ID   string `arg:"" help:"As saga list prints it; without a service, of the order service."`
	Why  string `help:"Why. It is kept with your name."`
	Who  string `help:"Who decides. Default: the user of this machine."`
	JSON bool   `help:"Print JSON."`
}

// A sagaRetryCommand wakes one.
type sagaRetryCommand struct{ sagaDecision }

// Help gives examples.
func (sagaRetryCommand) Help() string {
	return `The act is recorded, with who did it and why, in the journal of the service. The saga waits for a minute more at least.

Example:

  tidewire saga retry order/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'payment is mended'`
}

// Run wakes a saga.
func (cmd sagaRetryCommand) Run(c *console) error { return cmd.act(c, "retry") }

// A sagaCancelCommand calls one off.
type sagaCancelCommand struct{ sagaDecision }

// Help gives examples.
func (sagaCancelCommand) Help() string {
	return `A saga can be cancelled until its pivot is done; an order, as its customer could, until it is shipped. The act is recorded, with who did it and why, in the journal of the service.

Example:

  tidewire saga cancel order/0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --why 'the customer rang'`
}

// Run calls a saga off.
func (cmd sagaCancelCommand) Run(c *console) error { return cmd.act(c, "cancel") }

func (cmd sagaDecision) act(c *console, name string) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	if cmd.Who == "" {
		cmd.Who = me()
	}
	var done operate.SagaDecided
	if err := door.do(http.MethodPost, sagaPath(cmd.ID)+"/"+name, operate.Decision{Who: cmd.Who, Why: cmd.Why}, &done); err != nil {
		return sagaError(cmd.ID, err)
	}
	if cmd.JSON {
		return printJSON(c.out, done)
	}
	switch {
	case len(done.Redriven) > 0:
		fmt.Fprintf(c.out, "%s %s: redriven: %s\n", name, done.Instance, strings.Join(done.Redriven, ", "))
	case name == "retry":
		fmt.Fprintf(c.out, "%s %s: asked again for step %s\n", name, done.Instance, done.Step)
	case done.Outcome == saga.Moved:
		fmt.Fprintf(c.out, "%s %s: ended at step %s; each service undoes what it did\n", name, done.Instance, done.Step)
	default:
		fmt.Fprintf(c.out, "%s %s: %s, from step %s on\n", name, done.Instance, done.Outcome, done.Step)
	}
	return nil
}

// sagaPath is the route of an instance. Whoever has an order's number has its saga's.
func sagaPath(id string) string {
	service, instance, ok := strings.Cut(id, "/")
	if !ok {
		service, instance = "order", id
	}
	return "/admin/v1/sagas/" + url.PathEscape(service) + "/" + url.PathEscape(instance)
}

// sagaError says which saga an error is about.
func sagaError(id string, err error) error { return fmt.Errorf("saga %s: %w", id, err) }
