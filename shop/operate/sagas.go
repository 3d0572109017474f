package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Saga is where one instance of a saga stands.
type Saga struct {
	ID      string     `json:"id"` // service/instance
	Service string     `json:"service"`
	Saga    string     `json:"saga"`
	State   saga.State `json:"state"`
	Step    string     `json:"step,omitempty"` // that it waits for
	Who     string     `json:"who,omitempty"`  // whom it waits for
	Turned  string     `json:"turned,omitempty"`
	Why     string     `json:"why,omitempty"`
	Tries   int64      `json:"tries"`
	Started time.Time  `json:"started"`
	Since   time.Time  `json:"since"`
	Until   time.Time  `json:"until,omitzero"`
}

// A WholeSaga is one with all that is known of it.
type WholeSaga struct {
	Saga
	Waits      string          `json:"waits,omitempty"` // for what, in words
	Definition saga.Definition `json:"definition"`
	Diagram    string          `json:"diagram"` // Mermaid: its way through the definition
	Dead       []Letter        `json:"dead"`    // letters of its key, of any service
}

// SagaDecided records what an operator did with a saga.
type SagaDecided struct {
	Saga     string       `json:"saga"`
	Instance string       `json:"instance"` // service/instance
	Act      string       `json:"act"`      // retry, cancel
	State    saga.State   `json:"state"`    // before
	Step     string       `json:"step"`
	Outcome  saga.Outcome `json:"outcome,omitempty"` // "": its dead letters were redriven
	Redriven []string     `json:"redriven,omitempty"`
	Decision
}

// Kind is the name of the contract.
func (SagaDecided) Kind() string { return "SagaDecided" }

// Class keeps it for the retention, apart from the service's own facts.
func (SagaDecided) Class() message.Class { return message.Audit }

// of is an instance of a service, as it is shown.
func of(service string, i saga.Instance) Saga {
	return Saga{ID: service + "/" + i.ID, Service: service, Saga: i.Saga, State: i.State, Step: i.Step, Who: i.Who, Turned: i.Turned, Why: i.Why,
		Tries: i.Tries, Started: i.Started, Since: i.Since, Until: i.Until}
}

// sagaRoutes are the routes of sagas.
func (d *Desk) sagaRoutes() []door.Route {
	return []door.Route{
		{Pattern: "GET /admin/v1/sagas", Handle: d.listSagas, Query: []string{"service", "saga", "state", "step", "who", "overdue", "limit", "cursor"}},
		{Pattern: "GET /admin/v1/sagas/{service}/{id}", Handle: d.showSaga},
		{Pattern: "POST /admin/v1/sagas/{service}/{id}/retry", Handle: d.decideSaga("retry", d.retrySaga)},
		{Pattern: "POST /admin/v1/sagas/{service}/{id}/cancel", Handle: d.decideSaga("cancel", cancelSaga)},
	}
}

// sagaStates are the words for a state that a list can be asked for.
var sagaStates = []saga.State{"", saga.Waiting, saga.Running, saga.Undoing, saga.Completed, saga.Undone, saga.Closed}

// listSagas answers with a page of the instances of all services, one service after the
// other.
func (d *Desk) listSagas(r *http.Request) (door.Answer, error) {
	limit, after, err := door.Page(r)
	if err != nil {
		return door.Answer{}, err
	}
	q := r.URL.Query()
	f := saga.Filter{State: saga.State(q.Get("state")), Step: q.Get("step"), Who: q.Get("who"), Overdue: q.Get("overdue") == "true"}
	if !slices.Contains(sagaStates, f.State) {
		return door.Answer{}, door.BadRequest("", door.Field{Field: "state", Detail: "must be waiting, running, undoing, completed, undone or closed"})
	}
	if o := q.Get("overdue"); o != "" && o != "true" && o != "false" {
		return door.Answer{}, door.BadRequest("", door.Field{Field: "overdue", Detail: "must be true or false"})
	}
	page := door.List[Saga]{Items: []Saga{}}
	afterService, afterID, ok := strings.Cut(after, "/")
	if after != "" && !ok {
		return door.Answer{}, door.BadCursor()
	}
	for _, service := range slices.Sorted(maps.Keys(d.Sagas)) {
		definition := d.Sagas[service].Definition()
		if service < afterService || q.Get("service") != "" && q.Get("service") != service || q.Get("saga") != "" && q.Get("saga") != definition.Name {
			continue
		}
		db, err := d.service(service)
		if err != nil {
			return door.Answer{}, err
		}
		if f.After = ""; service == afterService {
			f.After = afterID
		}
		f.Most = limit + 1 - len(page.Items)
		found, err := definition.List(r.Context(), db, f)
		if err != nil {
			return door.Answer{}, err
		}
		for _, i := range found {
			page.Items = append(page.Items, of(service, i))
		}
		if len(page.Items) > limit {
			page.Items = page.Items[:limit]
			page.Next = door.Cursor(page.Items[limit-1].ID)
			break
		}
	}
	return door.Answer{Body: page}, nil
}

// An operatedSaga is an instance that a request names.
type operatedSaga struct {
	saga.Instance
	service string
	db      *store.DB
	by      saga.Operated
}

func (d *Desk) operated(r *http.Request) (o operatedSaga, err error) {
	o.service = r.PathValue("service")
	if o.db, err = d.service(o.service); err != nil {
		return o, err
	}
	by, ok := d.Sagas[o.service]
	if !ok {
		return o, door.NotFound("saga")
	}
	o.by = by
	o.Instance, err = by.Definition().Show(r.Context(), o.db, r.PathValue("id"))
	if errors.Is(err, saga.ErrUnknown) {
		err = unconducted(r.Context(), o.db, r.PathValue("id"))
	}
	return o, sagaProblem(err, o.Instance)
}

// unconducted is about a saga that there is not. What has a history all the same goes without
// a conductor, in the style that its first fact may name.
func unconducted(ctx context.Context, db *store.DB, key string) error {
	var body []byte
	found := false
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = tx.Row([]any{&body}, `SELECT body FROM journal WHERE key = $1 AND version = 1`, key)
		return err
	})
	if err != nil {
		return err
	}
	p := door.NotFound("saga")
	if found {
		var first struct {
			Style string `json:"style"`
		}
		p.Detail = "Nobody conducts it: tidewire order show says all of it."
		if json.Unmarshal(body, &first) == nil && first.Style != "" {
			p.Detail = "Nobody conducts it, its style is " + first.Style + ": tidewire order show says all of it."
		}
	}
	return p
}

// sagaProblem is err as it is answered.
func sagaProblem(err error, i saga.Instance) error {
	switch {
	case errors.Is(err, saga.ErrUnknown):
		return door.NotFound("saga")
	case errors.Is(err, saga.ErrIllegal) && i.State.Ended():
		return door.Conflict("saga_ended", fmt.Sprintf("The saga has ended: it is %s.", i.State))
	case errors.Is(err, saga.ErrIllegal):
		return door.Conflict("past_pivot", fmt.Sprintf("The saga is %s, at step %s: what was done is not undone any more.", i.State, i.Step))
	}
	return err
}

// showSaga answers with all that is known of one instance.
func (d *Desk) showSaga(r *http.Request) (door.Answer, error) {
	o, err := d.operated(r)
	if err != nil {
		return door.Answer{}, err
	}
	whole := WholeSaga{Saga: of(o.service, o.Instance), Definition: o.by.Definition(), Waits: waits(o.Instance)}
	whole.Diagram = whole.Definition.Diagram(&o.Instance)
	whole.Dead, err = d.lettersOf(r.Context(), o.ID)
	return door.Answer{Body: whole}, err
}

// waits says what an instance waits for.
func waits(i saga.Instance) string {
	what := map[saga.State]string{saga.Running: "the answer", saga.Undoing: "the undo"}[i.State]
	if what == "" {
		return ""
	}
	until := "with no deadline"
	if !i.Until.IsZero() {
		until = "until " + i.Until.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("waits for %s of step %s by %s since %s %s; asked %d times", what, i.Step, i.Who, i.Since.UTC().Format(time.RFC3339), until, i.Tries)
}

// lettersOf returns the dead letters with a key, in all services.
func (d *Desk) lettersOf(ctx context.Context, key string) ([]Letter, error) {
	letters := []Letter{}
	w, err := Filter{Key: key}.understood()
	if err != nil {
		return nil, err
	}
	err = d.piles(ctx, w, place{mark: ever}, func(w wanted, tx *store.Tx, at place) error {
		found, _, err := piles()[at.pile].gather(tx, w, at, 100)
		for _, l := range found {
			letters = append(letters, l.brief())
		}
		return err
	})
	return letters, err
}

// decideSaga answers a request to do something with the instance that it names.
func (d *Desk) decideSaga(act string, do func(context.Context, operatedSaga, *SagaDecided) error) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		var why Decision
		if err := decided(r, &why); err != nil {
			return door.Answer{}, err
		}
		o, err := d.operated(r)
		if err != nil {
			return door.Answer{}, err
		}
		done := SagaDecided{Saga: o.Saga, Instance: o.service + "/" + o.ID, Act: act, State: o.State, Step: o.Step, Decision: why}
		if err := do(r.Context(), o, &done); err != nil {
			now, _ := o.by.Definition().Show(r.Context(), o.db, o.ID) // it may have ended meanwhile
			return door.Answer{}, sagaProblem(err, now)
		}
		return door.Answer{Body: done}, nil
	}
}

// retrySaga redrives the dead letters of an instance, in every service: one of them may be
// what it waits for. If there are none, it asks again for that.
func (d *Desk) retrySaga(ctx context.Context, o operatedSaga, done *SagaDecided) error {
	if o.State.Ended() {
		return saga.ErrIllegal
	}
	letters, err := d.lettersOf(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, l := range letters {
		db, err := d.service(l.Service)
		if err != nil {
			return err
		}
		_, id, _ := strings.Cut(l.ID, "/")
		_, err = redrive.on(ctx, db, id, done.Decision)
		var gone *door.Problem
		switch {
		case errors.As(err, &gone) && gone.Status == http.StatusNotFound: // somebody else was faster
		case err != nil:
			return err
		default:
			done.Redriven = append(done.Redriven, l.ID)
		}
	}
	if len(letters) > 0 {
		_, err := o.db.Update(ctx, []string{o.ID}, func(tx *store.Tx) error { return done.record(tx, "") })
		return err
	}
	_, err = o.by.Retry(ctx, o.ID, done.record)
	return err
}

// cancelSaga has an instance undone.
func cancelSaga(ctx context.Context, o operatedSaga, done *SagaDecided) error {
	if o.State.Ended() {
		return saga.ErrIllegal
	}
	_, err := o.by.Cancel(ctx, o.ID, saga.CalledOff{Who: done.Who, Why: done.Why}, done.record)
	return err
}

// record keeps an act, in the commit that it is.
func (s *SagaDecided) record(tx *store.Tx, out saga.Outcome) error {
	s.Outcome = out
	_, id, _ := strings.Cut(s.Instance, "/")
	return tx.Append(sagaKey(id), *s)
}

// sagaKey is the key of what operators did with an instance.
func sagaKey(id string) string { return "saga:" + id }
