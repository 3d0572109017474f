package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// change writes into the database of a service.
func (p *platform) change(t *testing.T, service, query string) {
	t.Helper()
	if _, err := p.databases[service].Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(query) }); err != nil {
		t.Fatal(err)
	}
}

// look looks once, and tells whether orders are taken, and what is not ready.
func (p *platform) look(t *testing.T) (halted bool, why string) {
	t.Helper()
	if err := p.standstill.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range p.desk.Ready {
		if err := c.Works(t.Context()); err != nil {
			why += c.Name + ": " + err.Error() + "\n"
		}
	}
	return p.standstill.halted(), why
}

// ahead makes a service have read what a log does not have; stop is what its reader makes
// of that, and back puts the log back, as far as the service can see.
const (
	ahead = `INSERT INTO position (subscription, log, partition, seq, id, identity)
		SELECT 'payment', 'order', 3, 7, 'lost', 'of another log'`
	stop = `UPDATE position SET stopped = 'it was replaced' WHERE partition = 3`
	back = `UPDATE position SET seq = 0, id = '', identity = ''`
	goOn = `UPDATE position SET stopped = ''`
)

// Orders are taken only while all is read that they wait for: what the readers will find is
// known before they have looked, what they have found within a second, and it is over when
// both are.
func TestStandstill(t *testing.T) {
	p := wired(t)
	if !p.standstill.halted() || !errors.Is(p.standstill.works("payment")(t.Context()), errNotCompared) {
		t.Error("orders are taken before anybody has looked")
	}
	for _, step := range []struct {
		name, service, query string
		why                  string // "": orders are taken
	}{
		{"all is well", "payment", `UPDATE position SET seq = seq`, ""},
		{"somebody whom no order waits for stops", "analytics", `INSERT INTO position (subscription, log, partition, stopped) VALUES ('analytics', 'order', 3, 'it was replaced')`, ""},
		{"a reader stops", "payment", ahead + `; ` + stop, "readers of payment: 1 partitions of the log order are not read: it was replaced\n"},
		{"it goes on, and has still read another log", "payment", goOn, "it was wiped or replaced\n"},
		{"the log is put back", "payment", back, ""},
	} {
		for query := range strings.SplitSeq(step.query, "; ") {
			p.change(t, step.service, query)
		}
		if halted, why := p.look(t); halted != (step.why != "") || !strings.HasSuffix(why, step.why) || step.why == "" && why != "" {
			t.Errorf("%s: halted %t, %q, want %q", step.name, halted, why, step.why)
		}
	}
}

// Who begins takes nothing that readers before it have stopped at, nor what its own will stop
// at; nor before they go on.
func TestStandstillAtTheBeginning(t *testing.T) {
	for _, tt := range []struct {
		name    string
		queries []string
		halted  bool
	}{
		{"no reader has looked yet", []string{ahead}, true},
		{"one has", []string{ahead, stop}, true},
		{"the log was put back, and none has looked since", []string{ahead, stop, back}, true},
		{"one has, and goes on", []string{ahead, stop, back, goOn}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := wired(t)
			for _, q := range tt.queries {
				p.change(t, "payment", q)
			}
			if halted, why := p.look(t); halted != tt.halted {
				t.Errorf("halted %t, %q, want %t", halted, why, tt.halted)
			}
		})
	}
}

// A database that is away leaves what was known as it was: nothing is taken before the first
// look, and after it the database speaks for itself.
func TestStandstillWithADatabaseAway(t *testing.T) {
	for _, tt := range []struct {
		name   string
		known  *map[string]error
		halted bool
	}{
		{"nothing", nil, true},
		{"all is well", &map[string]error{}, false},
		{"one stands still", &map[string]error{"payment": errors.New("it stands still")}, true},
	} {
		s := &standstill{members: []member{{db: store.Open("payment", away{}), awaited: true}}}
		s.stopped.Store(tt.known)
		if err := s.look(t.Context()); !errors.Is(err, store.ErrUnavailable) || s.halted() != tt.halted {
			t.Errorf("known: %s; got %v, halted %t, want %t", tt.name, err, s.halted(), tt.halted)
		}
	}
}

// It looks once a second, until it is told to stop.
func TestStandstillLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &standstill{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.run(ctx) }()
		<-time.After(lookEvery / 2)
		if !s.halted() {
			t.Error("it has looked at once: who starts it has done that")
		}
		<-time.After(lookEvery)
		if s.halted() {
			t.Error("it has not looked after a second")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// away is a database that does not answer.
type away struct{}

func (away) Update(context.Context, store.Change) error         { return store.ErrUnavailable }
func (away) View(context.Context, func(store.Conn) error) error { return store.ErrUnavailable }
func (away) Settled(context.Context) (int64, error)             { return 0, store.ErrUnavailable }
func (away) Close() error                                       { return nil }
