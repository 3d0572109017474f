package notification

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// off is s after a restart without a mail server.
func (s *Service) off() *Service {
	return &Service{DB: s.DB, Contacts: s.Contacts, Shop: s.Shop}
}

// exec changes what is stored.
func (s *Service) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := s.DB.Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(query, args...) }); err != nil {
		t.Fatal(err)
	}
}

// holds returns how many mails are held that were there before begun.
func (s *Service) holds(t *testing.T, begun time.Time) int64 {
	t.Helper()
	n, err := s.hold(t.Context(), begun)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// soon is when a service begins, for which everything that is there was there before.
func soon() time.Time { return time.Now().Add(time.Hour) }

// Turned off, mail leaves no job behind and nothing that waits; turned on again, all of it
// goes out that is not too old.
func TestMailTurnedOffAndOn(t *testing.T) {
	for _, c := range []struct {
		name  string
		later time.Duration // when it is turned on again
		want  map[string]string
	}{
		{"in time", time.Hour, map[string]string{"1": "welcome:sent", "o": "created:sent paid:sent", "early": "created:stored paid:sent", "alone": "paid:waiting"}},
		{"too late", horizon + time.Hour, map[string]string{"1": "welcome:stored", "o": "created:stored paid:stored", "early": "created:stored paid:stored", "alone": "paid:stored"}},
	} {
		p := &postman{}
		s := start(t, p)
		s.hears(t, "1", registration)
		s.hears(t, "o", accepted, payment)
		s.hears(t, "early", payment)
		s.hears(t, "alone", payment)
		off := s.off()
		if got := off.holds(t, soon()); got != 5 {
			t.Errorf("%s: %d are held, want 5", c.name, got)
		}
		if got := off.holds(t, soon()); got != 0 {
			t.Errorf("%s: %d are held once more", c.name, got)
		}
		off.hears(t, "early", accepted)
		for subject, want := range map[string]string{"1": "welcome:held", "o": "created:held paid:held", "early": "created:stored paid:held", "alone": "paid:held"} {
			if got := s.rows(t, subject); got != want {
				t.Errorf("%s: off: got %s, want %s", c.name, got, want)
			}
		}
		if n, _, err := off.Unsent(t.Context()); n != 0 || err != nil || len(s.jobs(t)) != 0 || s.said(t, "o") != "" {
			t.Errorf("%s: off: %d wait, %v; %d jobs; said %q", c.name, n, err, len(s.jobs(t)), s.said(t, "o"))
		}
		s.Clock = func() time.Time { return told("PaymentProcessed").Add(c.later) }
		for range 2 { // two instances may start
			if err := s.adopt(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		s.works(t)
		for subject, want := range c.want {
			if got := s.rows(t, subject); got != want {
				t.Errorf("%s: on: got %s, want %s", c.name, got, want)
			}
		}
	}
}

// What somebody has in hand is his, a dead letter is an operator's, and what another
// instance with a server notes is that one's, until nobody has taken it for a minute.
func TestHoldsWhatIsNobodys(t *testing.T) {
	for _, c := range []struct {
		name string
		job  string // what is set of it; NOW, MIN and HOUR stand for times
		want string
	}{
		{"nobody has it", "lease = '', due = NOW - MIN * 2", "held"},
		{"its worker was lost", "lease = 'x', due = NOW - MIN * 2", "held"},
		{"it is tried later", "lease = '', due = NOW + MIN, time = NOW - HOUR", "held"},
		{"somebody has it", "lease = 'x', due = NOW + MIN", "queued"},
		{"it is dead", "dead = 1, due = NOW - MIN * 2", "queued"},
		{"another has just noted it", "lease = '', due = NOW - MIN / 2", "queued"},
		{"another tries it later", "lease = '', due = NOW + MIN", "queued"},
	} {
		s := start(t, &postman{})
		begun := time.Now().Add(-time.Minute)
		s.hears(t, "o", accepted)
		s.exec(t, `UPDATE job SET `+strings.NewReplacer("NOW", fmt.Sprint(time.Now().UnixMicro()), "MIN", fmt.Sprint(time.Minute.Microseconds()), "HOUR", fmt.Sprint(time.Hour.Microseconds())).Replace(c.job))
		s.off().holds(t, begun)
		if got, want := s.rows(t, "o"), "created:"+c.want; got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
		if got, want := len(s.jobs(t)), map[string]int{"held": 0, "queued": 1}[c.want]; got != want {
			t.Errorf("%s: %d jobs, want %d", c.name, got, want)
		}
	}
}

// What an instance without a server has held leaves when another that has one hears whose
// it is.
func TestHeldByOneInstanceAndKnownToAnother(t *testing.T) {
	s := start(t, &postman{})
	s.hears(t, "o", payment)
	s.off().holds(t, soon())
	s.hears(t, "o", accepted)
	s.works(t)
	if got, want := s.rows(t, "o"), "created:sent paid:sent"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// There may be many, and a service does it by itself: it holds all when it starts without a
// server, and sends all when it starts with one.
func TestManyAreHeldAndSent(t *testing.T) {
	const orders = 2*portion + 1
	p := &postman{}
	s := start(t, p)
	for i := range orders {
		s.hears(t, fmt.Sprintf("o%d", i), accepted)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.off().Run(ctx) }()
	all := fmt.Sprint(orders)
	await(t, "all are held", 3*time.Minute, func() bool {
		return s.column(t, `SELECT CAST(COUNT(*) AS TEXT) FROM notification WHERE status = 'held'`) == all
	})
	cancel()
	if err := <-ended; err != nil || len(s.jobs(t)) != 0 {
		t.Errorf("%v, %d jobs", err, len(s.jobs(t)))
	}
	s.Clock = func() time.Time { return told("OrderCreated").Add(time.Hour) }
	s.begin(t, "one")
	await(t, "all are sent", 3*time.Minute, func() bool {
		return s.column(t, `SELECT CAST(COUNT(*) AS TEXT) FROM notification WHERE status = 'sent'`) == all
	})
}
