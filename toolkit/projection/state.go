package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// The states of a rebuild. The last three are ends.
const (
	Asked     = "asked"
	Folding   = "folding"
	Clearing  = "clearing"
	Done      = "done"
	Failed    = "failed"
	Cancelled = "cancelled"
)

var (
	// ErrRunning: one rebuild of a projection at a time.
	ErrRunning = errors.New("a rebuild is under way")
	// ErrIdle: there is no rebuild to be cancelled.
	ErrIdle = errors.New("no rebuild is under way")
	// ErrEarly: a Fold misses what an entry is about, where not all is folded before it.
	ErrEarly = errors.New("what the event is about was not folded yet")

	errLost   = errors.New("the rebuild has another owner, or was cancelled")
	errBehind = errors.New("the tables in use have read more than is at hand")
)

// An Order is who asks for a rebuild, and why.
type Order struct {
	Who, Why string
	Compare  bool // only compare the tables in use with the fold
}

// A Status is what is known of a projection and its last rebuild.
type Status struct {
	Name, Service string
	Rows          map[string]int64 // by table
	State         string           // "": it was never rebuilt
	Order
	Asked, Ended  time.Time
	Owner         string
	Events        int64   // that were folded
	Left          int64   // to be folded, about
	Rate          float64 // events a second
	Exchanged     bool
	Error         string
	Digest, Live  string    // of the fold, and of the tables in use at the same place; "" as long as one is not known
	Rebuilt       time.Time // when the tables were last exchanged
	Rebuilder     string    // and who had asked for it
	token, strike int64
	format        int64 // that it was begun with
	until         time.Time
}

// Running reports whether the rebuild goes on.
func (s Status) Running() bool { return s.State == Asked || s.State == Folding || s.State == Clearing }

// Equal reports whether the tables in use were what their events come to, as far as that is
// known.
func (s Status) Equal() (equal, known bool) {
	known = s.State == Done || s.Live != ""
	return s.Digest == s.Live, known && s.State != ""
}

// topic of hints: there is something to rebuild.
const topic = "rebuild"

// Ask begins a rebuild in a change of the projection's own database; ErrRunning, and the
// Status of the one that runs, where there is one.
func (r *Rebuilder) Ask(tx *store.Tx, o Order) (Status, error) {
	if err := tx.Lock("rebuild " + r.Name); err != nil {
		return Status{}, err
	}
	s, err := r.load(tx)
	if err != nil {
		return s, err
	}
	if s.Running() {
		return s, fmt.Errorf("%w: %s asked for it at %s", ErrRunning, s.Who, s.Asked.UTC().Format(time.RFC3339))
	}
	tx.Then(func() { r.DB.Hint(topic) })
	err = tx.Exec(`INSERT INTO rebuild (projection, state, compares, who, why, asked) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (projection) DO UPDATE SET state = excluded.state, compares = excluded.compares, who = excluded.who, why = excluded.why, asked = excluded.asked,
			owner = '', until = 0, strikes = 0, events = 0, digest = '', live = '', outcome = '', error = '', exchanged = 0, ended = 0`,
		r.Name, Asked, o.Compare, o.Who, o.Why, tx.Now)
	return Status{Name: r.Name, Service: r.DB.Service(), State: Asked, Order: o, Asked: tx.Now}, err
}

// Cancel ends the rebuild that runs, and leaves the tables in use as they are; ErrIdle where
// none runs, or it has exchanged them already.
func (r *Rebuilder) Cancel(tx *store.Tx, o Order) (Status, error) {
	if err := tx.Lock("rebuild " + r.Name); err != nil {
		return Status{}, err
	}
	found, err := tx.Row([]any{nil}, `UPDATE rebuild SET state = $1, outcome = $2, error = $3 WHERE projection = $4 AND state IN ($5, $6) RETURNING token`,
		Clearing, Cancelled, "cancelled by "+o.Who+": "+o.Why, r.Name, Asked, Folding)
	if err == nil && !found {
		err = ErrIdle
	}
	if err != nil {
		return Status{}, err
	}
	tx.Then(func() { r.DB.Hint(topic) })
	return r.load(tx)
}

// load reads the row of the projection.
func (r *Rebuilder) load(tx *store.Tx) (s Status, err error) {
	s = Status{Name: r.Name, Service: r.DB.Service()}
	_, err = tx.Row([]any{&s.State, &s.Compare, &s.Who, &s.Why, &s.Asked, &s.Owner, &s.token, &s.until, &s.strike, &s.format, &s.Events, &s.Digest, &s.Live, &s.Error, &s.Exchanged, &s.Ended, &s.Rebuilt, &s.Rebuilder},
		`SELECT state, compares, who, why, asked, owner, token, until, strikes, format, events, digest, live, error, CASE WHEN exchanged > 0 THEN 1 ELSE 0 END, ended, rebuilt, rebuilder
		FROM rebuild WHERE projection = $1`, r.Name)
	for _, t := range []*time.Time{&s.Asked, &s.Ended, &s.Rebuilt, &s.until} {
		if t.UnixMicro() == 0 {
			*t = time.Time{}
		}
	}
	return s, err
}

// Status returns what is known of the projection and its last rebuild.
func (r *Rebuilder) Status(ctx context.Context) (s Status, err error) {
	at, limits := map[string]int64{}, map[string]int64{}
	err = r.DB.View(ctx, func(tx *store.Tx) (err error) {
		if s, err = r.load(tx); err != nil {
			return err
		}
		s.Rows = map[string]int64{}
		for _, t := range r.Tables {
			var n int64
			if _, err := tx.Row([]any{&n}, `SELECT count(*) FROM `+t.Name); err != nil {
				return err
			}
			s.Rows[t.Name] = n
		}
		if err := farthest(tx, at, `SELECT log, max(seq) FROM rebuild_position WHERE projection = $1 GROUP BY log`, r.Name); err != nil {
			return err
		}
		return farthest(tx, limits, `SELECT log, max(seq) FROM position WHERE subscription = $1 GROUP BY log`, r.DB.Service())
	})
	if err != nil || !s.Running() {
		return s, err
	}
	if limits[r.DB.Service()], err = r.DB.Settled(ctx); err != nil {
		return s, err
	}
	if s.State != Clearing {
		for _, source := range r.Sources {
			s.Left += max(0, limits[source.Log]-at[source.Log])
		}
	}
	if took := time.Since(s.Asked).Seconds(); took > 0 {
		s.Rate = float64(s.Events) / took
	}
	return s, nil
}

// farthest reads how far each log was read. Sequences of a log have few gaps.
func farthest(tx *store.Tx, into map[string]int64, query, of string) error {
	return tx.Rows(query, []any{of}, func(scan func(...any) error) error {
		var log string
		var seq int64
		err := scan(&log, &seq)
		into[log] = seq
		return err
	})
}
