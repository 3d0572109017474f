// Package timeline puts together what all services have said about one key: in order of time,
// with what caused each message and how long that took, and what still waits.
//
// It reads the journals, jobs and parked messages of the services and changes nothing. They are
// not of one moment: the newest messages may be there without what they have caused.
//
// A journal has no index of keys, so that saying something costs nothing for it. It is read from
// where the key's history begins, of the key's partition only, and for a few seconds at most: a
// timeline that was not read to its end says so.
package timeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/tidewire/tidewire/toolkit/store"
)

// ErrUnknown: no service has a history of the key.
var ErrUnknown = errors.New("no service has a history of this key")

// A Source is a service that may have said something.
type Source struct {
	DB      *store.DB
	Follows []string // the kinds it does something about, to find what made it do its own work
	Acts    string   // the key of what operators did about this one, besides dead letters; none
}

// A Timeline is all about one key.
type Timeline struct {
	Key       string    `json:"key"`
	Moments   []Moment  `json:"moments"`
	Waiting   []Waiting `json:"waiting"`
	ReadUntil time.Time `json:"readUntil,omitzero"` // what was said later is not here; zero: all is
}

// A Moment is a message of a service.
type Moment struct {
	Time    time.Time      `json:"time"`
	Service string         `json:"service"`
	Kind    string         `json:"kind"`
	ID      string         `json:"id"`
	Class   string         `json:"class"`
	Version int64          `json:"version,omitzero"`
	Cause   string         `json:"cause,omitempty"`   // the id of the message or the work that was handled; "": a request
	By      string         `json:"by,omitempty"`      // the service that said what caused it, and
	After   string         `json:"after,omitempty"`   // what that was, where it is known
	AfterID string         `json:"afterId,omitempty"` // its id: Cause, but for work
	Through string         `json:"through,omitempty"` // work: the service's own work was in between, which leaves no row
	Waited  float64        `json:"waitedMs,omitzero"` // since its cause was said
	Act     string         `json:"act,omitempty"`     // an operator's, and
	Who     string         `json:"who,omitempty"`     // who that was,
	Why     string         `json:"why,omitempty"`     // and why
	Trace   string         `json:"trace,omitempty"`
	Body    jsontext.Value `json:"body,omitzero"`
}

// A Waiting is what is still to be done.
type Waiting struct {
	Service string    `json:"service"`
	What    string    `json:"what"`  // work, parked (to be tried again), behind (another of its key), dead
	Place   string    `json:"place"` // the queue, or the log that it was read from
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`
	Since   time.Time `json:"since"` // it was said
	Due     time.Time `json:"due,omitzero"`
	Tries   int       `json:"tries,omitzero"` // that failed
	Failure string    `json:"failure,omitempty"`
}

// Of returns the timeline of a key; ErrUnknown if there is none.
func Of(ctx context.Context, key string, sources []Source) (Timeline, error) {
	t := Timeline{Key: key, Moments: []Moment{}, Waiting: []Waiting{}}
	began, err := beginning(ctx, key, sources)
	if err != nil {
		return t, err
	}
	found := make([]part, len(sources))
	errs := make(chan error)
	for i, s := range sources {
		go func() {
			var err error
			found[i], err = read(ctx, s.DB, key, began.Add(-margin))
			if err != nil {
				err = fmt.Errorf("%s: %w", s.DB.Service(), err)
			}
			errs <- err
		}()
	}
	for range sources {
		err = errors.Join(err, <-errs)
	}
	follows := map[string][]string{}
	for i, p := range found {
		follows[sources[i].DB.Service()] = sources[i].Follows
		t.Moments, t.Waiting = append(t.Moments, p.moments...), append(t.Waiting, p.waiting...)
		if !p.until.IsZero() && (t.ReadUntil.IsZero() || p.until.Before(t.ReadUntil)) {
			t.ReadUntil = p.until
		}
	}
	replaced, aside := t.decided(ctx, sources)
	err = errors.Join(err, aside)
	slices.SortStableFunc(t.Moments, func(a, b Moment) int { return a.Time.Compare(b.Time) })
	slices.SortStableFunc(t.Waiting, func(a, b Waiting) int { return a.Since.Compare(b.Since) })
	t.connect(follows, replaced)
	return t, err
}

// connect finds what each message was said after: of what was edited, the edit.
func (t *Timeline) connect(follows map[string][]string, replaced map[string]string) {
	at := map[string]int{}
	for i, m := range t.Moments {
		at[m.ID] = i
	}
	for by, edit := range replaced {
		at[by] = at[edit]
	}
	for i := range t.Moments {
		m := &t.Moments[i]
		c, known := at[m.Cause]
		if !known {
			if c, known = t.before(m, follows[m.Service]); known {
				m.Through = "work"
			}
		}
		if known {
			cause := t.Moments[c]
			m.By, m.After, m.AfterID = cause.Service, cause.Kind, cause.ID
			m.Waited = float64(m.Time.Sub(cause.Time).Microseconds()) / 1000
		}
	}
}

// before finds what made a service send itself the work that m was said for. The work is gone,
// but its id tells when it was sent: that was when the last message was handled that the service
// follows. Work with an id of its own, such as a deadline, was not caused by a message.
func (t *Timeline) before(m *Moment, follows []string) (at int, ok bool) {
	id, err := uuid.Parse(m.Cause)
	if err != nil || id.Version() != 7 {
		return 0, false
	}
	sec, nsec := id.Time().UnixTime()
	sent := time.Unix(sec, nsec).Add(time.Millisecond) // an id has whole ones
	for i, p := range t.Moments {
		if p.ID != m.ID && !p.Time.After(sent) && slices.Contains(follows, p.Kind) {
			at, ok = i, true
		}
	}
	return at, ok
}

// Diagram draws what happened in Mermaid: an arrow goes from the service that said something to
// each that made something of it, dashed where its own work was in between. What nobody made
// anything of is a note.
func (t Timeline) Diagram() string {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	var services []string
	outside := false
	for _, m := range t.Moments {
		services = append(services, m.Service)
		outside = outside || m.Cause == ""
	}
	for _, w := range t.Waiting {
		services = append(services, w.Service)
	}
	if outside {
		b.WriteString("    actor outside\n")
	}
	var named []string
	for _, s := range services {
		if !slices.Contains(named, s) {
			named = append(named, s)
			fmt.Fprintf(&b, "    participant %s\n", label(s))
		}
	}
	for i, m := range t.Moments {
		t.draw(&b, i, m)
	}
	for _, w := range t.Waiting {
		due := ""
		if !w.Due.IsZero() {
			due = ", due " + w.Due.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(&b, "    Note over %s: %s %s%s\n", label(w.Service), label(w.What), label(w.Kind), due)
	}
	return b.String()
}

// draw writes the arrows of one message.
func (t Timeline) draw(b *strings.Builder, i int, m Moment) {
	what := m.Kind
	if m.Act != "" {
		what += " (" + m.Act + " by " + m.Who + ")"
	}
	after := label(what) + offset(m.Time.Sub(t.Moments[0].Time))
	if m.Cause == "" && (i == 0 || t.Moments[i-1].Service != m.Service || !t.Moments[i-1].Time.Equal(m.Time)) { // one says several things at once
		fmt.Fprintf(b, "    outside->>%s: request\n", label(m.Service))
	} else if m.Cause != "" && m.After == "" {
		fmt.Fprintf(b, "    Note over %s: for %s\n", label(m.Service), label(m.Cause))
	}
	var told []string
	for _, r := range t.Moments[i+1:] {
		if r.AfterID != m.ID || slices.Contains(told, r.Service) {
			continue
		}
		told = append(told, r.Service)
		arrow := "->>"
		if r.Through != "" {
			arrow = "-->>"
		}
		fmt.Fprintf(b, "    %s%s%s: %s\n", label(m.Service), arrow, label(r.Service), after)
	}
	if len(told) == 0 {
		fmt.Fprintf(b, "    Note over %s: %s\n", label(m.Service), after)
	}
}

// offset is how long after the first message one was said.
func offset(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " (+" + d.Round(100*time.Microsecond).String() + ")"
}

// label keeps what no syntax of Mermaid is made of.
func label(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(";#:<>\"%", r) {
			return '_'
		}
		return r
	}, s)
}
