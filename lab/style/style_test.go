package style

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/store"
	"golang.org/x/sync/errgroup"
)

const (
	never   = -1 // the customer does not cancel
	ordered = 2  // of a product
)

var (
	methods = []string{"ok", "declined", "fails_twice", "unavailable", "timeout_captured", "timeout_lost", "slow", "declined_late"}
	stocks  = []string{"enough", "short", "runs out"}
	stopped = []string{"", "payment", "inventory", "shipping", "order", "notification", "analytics"} // "order" takes orders, and hears nothing
)

// A trial is one order.
type trial struct {
	style, method, stock, stopped string
	cancel                        int // after how many letters; never
}

func (t trial) String() string {
	return fmt.Sprintf("%s, %s, stock %s, cancel at %d, stopped %q", t.style, t.method, t.stock, t.cancel, t.stopped)
}

// id names the order and its product.
func (t trial) id() string {
	return strings.ReplaceAll(fmt.Sprintf("%s-%s-%s-%d-%s", t.style, t.method, t.stock, t.cancel, t.stopped), " ", "_")
}

// doubled is whether messages come twice in this trial: in a quarter of all.
func (t trial) doubled() bool { return t.seed()%4 == 0 }

// seed draws the order of the messages.
func (t trial) seed() uint64 {
	seed := fnv.New64a()
	seed.Write([]byte(t.id()))
	return seed.Sum64()
}

// An end is all that is left of an order, in words that can be compared between styles.
type end struct{ status, reason, money, stock string }

// A verdict is how a trial went.
type verdict struct {
	trial
	got       end
	paid      paid
	cancelled bool    // the customer was told so
	refusal   refusal // how the wish to cancel was received
	steps     int
	twice     int // messages that came again
}

// TestStylesEndTheSame is every combination. An order whose customer was told that it is
// cancelled is cancelled; every other ends as if nobody had tried. What that is depends on
// the payment and the stock, and on nothing else.
func TestStylesEndTheSame(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var verdicts []verdict
	var all errgroup.Group
	all.SetLimit(32)
	for _, way := range ways() {
		all.Go(func() error {
			vs, err := w.eachStep(t.Context(), way)
			mu.Lock()
			defer mu.Unlock()
			verdicts = append(verdicts, vs...)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	purses, err := w.purses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		if want := expected(v); !want.has(v.got) {
			t.Errorf("%s (cancelled: %t): got %+v, want %+v", v.trial, v.cancelled, v.got, want)
		}
		for _, complaint := range slices.Concat(v.paid.against(v, purses[v.id()]), v.refusal.against(v)) {
			t.Errorf("%s (cancelled: %t): %s", v.trial, v.cancelled, complaint)
		}
	}
	if twice := w.mails.twice(); len(twice) > 0 || len(w.mails.came) == 0 {
		t.Errorf("of %d mails these came twice: %v", len(w.mails.came), twice)
	}
	t.Logf("%d orders, of which customers cancelled some at every %d. step\n%s\n%s", len(verdicts), w.every(), table(verdicts), repeated(t, verdicts))
}

// repeated tells in how many trials messages came twice, which are some of each style,
// payment and stock.
func repeated(t *testing.T, verdicts []verdict) string {
	cells := map[string]int{}
	trials, messages := 0, 0
	for _, v := range verdicts {
		cell := v.style + ", " + v.method + ", stock " + v.stock
		cells[cell] += 0
		if v.doubled() {
			cells[cell], trials, messages = cells[cell]+1, trials+1, messages+v.twice
		}
	}
	fewest := len(verdicts)
	for cell, n := range cells {
		if fewest = min(fewest, n); n == 0 {
			t.Errorf("%s: no message came twice", cell)
		}
	}
	return fmt.Sprintf("%d messages came twice, in %d orders: at least %d of each style, payment and stock", messages, trials, fewest)
}

// A wish is an end, and which reasons it may have.
type wish struct {
	end
	reasons []string
}

func (w wish) has(e end) bool {
	return slices.Contains(w.reasons, e.reason) && w.status == e.status && w.money == e.money && w.stock == e.stock
}

// expected is the only end that an order may have.
func expected(v verdict) wish {
	var why []string
	if v.stock != "enough" {
		why = append(why, "out_of_stock")
	}
	switch v.method {
	case "declined", "declined_late":
		why = append(why, "payment_declined")
	case "unavailable", "timeout_lost":
		why = append(why, "payment_unavailable")
	}
	switch {
	case v.cancelled:
		return wish{end{status: "cancelled", money: "0", stock: "all"}, []string{"cancelled_by_customer"}}
	case len(why) > 0:
		return wish{end{status: "failed", money: "0", stock: "all"}, why}
	}
	return wish{end{status: "completed", money: "20.00", stock: "without what was ordered"}, []string{""}}
}

// ways are all combinations of an order that its customer does not cancel.
func ways() (all []trial) {
	for _, style := range styles {
		for _, method := range methods {
			for _, stock := range stocks {
				for _, stop := range stopped {
					all = append(all, trial{style: style, method: method, stock: stock, stopped: stop, cancel: never})
				}
			}
		}
	}
	return all
}

// every is after how many letters a customer cancels next: on PostgreSQL, where the services
// do the same, after some.
func (w *world) every() int {
	if testing.Short() || strings.HasPrefix(w.Name(), "TestOnPostgres") {
		return 9
	}
	return 1
}

// eachStep tries a way, and then again with a customer who cancels after each letter of it.
func (w *world) eachStep(ctx context.Context, way trial) (all []verdict, err error) {
	v, err := w.try(ctx, way)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", way, err)
	}
	all = append(all, v)
	for way.cancel = 0; way.cancel <= v.steps; way.cancel += w.every() {
		c, err := w.try(ctx, way)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", way, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// try puts one order through its trial.
func (w *world) try(ctx context.Context, t trial) (verdict, error) {
	id := t.id()
	p := &postman{world: w, keys: []string{id}, doubles: t.doubled(), rand: rand.New(rand.NewPCG(t.seed(), 0)), read: map[post]map[string]int64{},
		refused: map[string]int{}, heard: map[string]bool{}}
	v := verdict{trial: t}
	have := 2 * ordered
	if t.stock == "short" {
		have = ordered - 1
	}
	if err := w.want(http.StatusCreated, "POST", "/api/products", fmt.Sprintf(`{"id":%q,"name":"Tea","price":"10.00","stock":%d}`, id, have)); err != nil {
		return v, err
	}
	if err := p.deliver(ctx, -1); err != nil { // the shelf
		return v, err
	}
	p.steps = 0
	order := fmt.Sprintf(`{"id":%q,"userId":"1","items":[{"productId":%q,"quantity":%d}],"style":%q,"payment":{"method":%q}}`, id, id, ordered, t.style, t.method)
	if err := w.want(http.StatusAccepted, "POST", "/api/orders", order); err != nil {
		return v, err
	}
	if t.stock == "runs out" {
		have = ordered - 1
		if err := w.want(http.StatusOK, "POST", "/api/inventory/"+id+"/adjust", fmt.Sprintf(`{"quantity":%d,"reason":"sold at the counter"}`, have-2*ordered)); err != nil {
			return v, err
		}
	}
	p.stopped = t.stopped
	if err := p.deliver(ctx, t.cancel); err != nil {
		return v, err
	}
	if t.cancel != never {
		var err error
		if v.refusal, err = w.callOff(id, over(t.style, p.heard)); err != nil {
			return v, err
		}
		v.cancelled = !v.refusal.refused
	}
	for _, p.stopped = range []string{t.stopped, ""} {
		if err := p.deliver(ctx, -1); err != nil {
			return v, err
		}
	}
	var err error
	v.steps, v.twice = p.steps, p.twice
	if v.paid, err = w.paid(id); err == nil {
		v.got, err = w.end(id, have, v.paid)
	}
	return v, cmp.Or(err, w.leftovers(ctx, id))
}

func (w *world) want(code int, method, path, body string) error {
	if got, text := w.ask(method, path, body); got != code {
		return fmt.Errorf("%s %s: %d %s", method, path, got, text)
	}
	return nil
}

// end tells what is left of an order that had so much stock, and was paid like that.
func (w *world) end(id string, had int, p paid) (e end, err error) {
	var o struct{ Status, Reason string }
	var s struct{ OnHand, Reserved int }
	if err = cmp.Or(w.show("/api/orders/"+id, &o), w.show("/api/inventory/"+id, &s)); err != nil {
		return e, err
	}
	e = end{status: o.Status, reason: o.Reason, money: p.kept(), stock: fmt.Sprintf("%d of %d, %d reserved", s.OnHand, had, s.Reserved)}
	switch {
	case s.OnHand == had && s.Reserved == 0:
		e.stock = "all"
	case s.OnHand == had-ordered && s.Reserved == 0:
		e.stock = "without what was ordered"
	}
	return e, nil
}

// leftovers returns what should not be there once an order has ended.
func (w *world) leftovers(ctx context.Context, id string) error {
	var errs []error
	count := func(service, what, query string) {
		var n int64
		err := w.at(service).db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Row([]any{&n}, query, id)
			return err
		})
		if err != nil || n > 0 {
			errs = append(errs, fmt.Errorf("%s: %d %s (%v)", service, n, what, err))
		}
	}
	for _, s := range w.services {
		count(s.db.Service(), "jobs are left", `SELECT COUNT(*) FROM job WHERE key = $1`)
	}
	count("order", "sagas go on", `SELECT COUNT(*) FROM saga WHERE id = $1 AND state IN ('running', 'undoing')`)
	return errors.Join(errs...)
}

// table tells, for each payment and stock, how the orders of each style ended, and how many
// trials that is.
func table(verdicts []verdict) string {
	count := map[string]map[string]int{}
	for _, v := range verdicts {
		row := fmt.Sprintf("%-17s %-9s", v.method, v.stock)
		if count[row] == nil {
			count[row] = map[string]int{}
		}
		count[row][v.style+" "+v.got.status]++
		count[row]["steps "+v.style] = max(count[row]["steps "+v.style], v.steps)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-17s %-9s", "payment", "stock")
	for _, s := range styles {
		fmt.Fprintf(&b, " │ %-13s compl. failed canc. steps", s)
	}
	b.WriteString("\n")
	for _, row := range slices.Sorted(func(yield func(string) bool) {
		for r := range count {
			if !yield(r) {
				return
			}
		}
	}) {
		b.WriteString(row)
		for _, s := range styles {
			c := count[row]
			fmt.Fprintf(&b, " │ %13s %6d %6d %5d %5d", "", c[s+" completed"], c[s+" failed"], c[s+" cancelled"], c["steps "+s])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestOnPostgres does all of it once more there.
func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){"TestStylesEndTheSame": TestStylesEndTheSame})
}
