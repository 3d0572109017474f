package notification

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

type streamHandler = stream.Handler

type events []func(string) message.Kind

// Who is told what: every story of an order, and the mails that it makes.
func TestWhoIsToldWhat(t *testing.T) {
	p := &postman{}
	s := start(t, p)
	for i, c := range []struct {
		name string
		give events
		want string // templates, sent
	}{
		{"a user", events{registration}, "welcome"},
		{"goes well", events{accepted, payment, parcel, arrival}, "created delivered paid shipped"},
		{"declined", events{accepted, fails(contract.PaymentDeclined)}, "created payment_failed"},
		{"provider away", events{accepted, fails(contract.PaymentUnavailable)}, "created payment_failed"},
		{"out of stock", events{accepted, payment, fails(contract.OutOfStock), refund}, "created out_of_stock paid refunded"},
		{"too late", events{accepted, fails(contract.TimedOut)}, "created failed"},
		{"for a reason of a later version", events{accepted, fails("unknown_user")}, "created failed"},
		{"called off", events{accepted, payment, cancellation, refund}, "cancelled created paid refunded"},
	} {
		id := fmt.Sprint(i)
		if i == 0 {
			id = "1"
		} else {
			id = "order-" + id
		}
		for range 2 { // whatever comes again is told already
			s.hears(t, id, c.give...)
			s.works(t)
			want := strings.ReplaceAll(c.want+" ", " ", ":sent ")
			if got := s.rows(t, id); got != strings.TrimSpace(want) {
				t.Errorf("%s: got %q, want %q", c.name, got, want)
			}
			if got, want := strings.Count(s.said(t, id), "NotificationSent"), len(strings.Fields(c.want)); got != want {
				t.Errorf("%s: NotificationSent %d times, want %d", c.name, got, want)
			}
		}
	}
	for i, m := range p.mails {
		if m.Address != "ada@example.com" || m.Text.Subject == "" || m.Text.Plain == "" || m.Text.HTML == "" {
			t.Errorf("mail %d is %+v", i, m)
		}
	}
	if got := len(p.mails); got != 21 {
		t.Errorf("%d mails, want 21", got)
	}
}

// Events of different logs come in any order. Whatever comes before its order is known
// waits for it, and in the end everything has left once.
func TestEveryOrderOfEvents(t *testing.T) {
	p := &postman{}
	s := start(t, p)
	all := events{accepted, payment, parcel}
	for n, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		id, known := fmt.Sprintf("o%d", n), false
		for _, i := range order {
			s.hears(t, id, all[i], all[i])
			known = known || i == 0
			if waits := strings.Contains(s.rows(t, id), "waiting"); waits == known {
				t.Errorf("%v: after event %d: %s", order, i, s.rows(t, id))
			}
			if jobs := len(s.jobs(t)); !known && jobs > 0 {
				t.Errorf("%v: %d jobs for nobody", order, jobs)
			}
		}
		if got, want := s.rows(t, id), "created:queued paid:queued shipped:queued"; got != want {
			t.Errorf("%v: got %s, want %s", order, got, want)
		}
		if got := len(s.jobs(t)); got != 3 {
			t.Errorf("%v: %d jobs, want 3", order, got)
		}
		s.works(t)
		if got, want := s.rows(t, id), "created:sent paid:sent shipped:sent"; got != want {
			t.Errorf("%v: got %s, want %s", order, got, want)
		}
	}
	if got := len(p.mails); got != 18 {
		t.Errorf("%d mails, want 18", got)
	}
}

// Without a mail server an event costs one row, and nothing else.
func TestStoredCostsOneRow(t *testing.T) {
	s := start(t, nil)
	s.hears(t, "o", payment, accepted, accepted, parcel)
	if got, want := s.rows(t, "o"), "created:stored paid:stored shipped:stored"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if jobs, said := len(s.jobs(t)), s.said(t, "o"); jobs != 0 || said != "" || len(s.Queues()) != 0 {
		t.Errorf("%d jobs, said %s, %d queues", jobs, said, len(s.Queues()))
	}
	const want = `{"lines":[{"n":"Laptop \u003c15″\u003e","q":1,"p":120000},{"n":"Mouse","q":2,"p":2500}],"amount":125000,"currency":"USD"} {} {}`
	if got := s.column(t, `SELECT CASE WHEN template = 'created' THEN facts ELSE '{}' END FROM notification WHERE subject = 'o' ORDER BY template`); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// What a mail server can say, and what becomes of the mail.
func TestWhatTheServerSays(t *testing.T) {
	away := errors.New("connection refused")
	for _, c := range []struct {
		name  string
		says  error
		book  func(*book)
		later time.Duration // when it is tried
		want  string
		said  string // part of what is said
		waits bool   // and is tried again, however often
	}{
		{"takes it", nil, nil, 0, "created:sent", `NotificationSent{"orderId":"o","userId":"1","channel":"email","template":"created"}`, false},
		{"refuses the recipient", errors.Join(ErrRecipient, away), nil, 0, "created:failed/refused", `"template":"created","reason":"refused"}`, false},
		{"not now", errors.Join(ErrLater, away), nil, 0, "created:queued", "", true},
		{"is away", away, nil, 0, "created:queued", "", true},
		{"is away for two days", away, nil, 48 * time.Hour, "created:queued", "", true},
		{"is away for four days", away, nil, 96 * time.Hour, "created:failed/expired", `"reason":"expired"}`, false},
		{"user is gone", nil, func(b *book) { clear(b.people) }, 0, "created:failed/no_recipient", `"reason":"no_recipient"}`, false},
		{"user service is away", nil, func(b *book) { b.err = away }, 0, "created:queued", "", true},
	} {
		p := &postman{says: c.says}
		s := start(t, p)
		s.Clock = func() time.Time { return time.Now().Add(c.later) }
		if c.book != nil {
			c.book(s.Contacts.(*book))
		}
		s.hears(t, "o", accepted)
		errs := s.works(t)
		if got := s.rows(t, "o"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if got := s.said(t, "o"); !strings.Contains(got, c.said) || (c.said == "") != (got == "") {
			t.Errorf("%s: said %s, want %s", c.name, got, c.said)
		}
		if waits := len(errs) == 1 && len(s.jobs(t)) == 1; waits != c.waits {
			t.Errorf("%s: %v, %d jobs", c.name, errs, len(s.jobs(t)))
		}
		for _, err := range errs { // a thousand times are no attempt
			next := s.CallPolicy().Judge(failure.History{Attempts: 7}, time.Now(), err)
			if next.Dead || next.Past.Attempts != 7 || time.Until(next.Retry) < time.Second || time.Until(next.Retry) > 13*time.Minute {
				t.Errorf("%s: becomes %+v", c.name, next)
			}
		}
	}
}

// A job that runs again, for its worker was lost or an operator redrove it, stores nothing
// more, and a letter about nothing is dead.
func TestMailIsRecordedOnce(t *testing.T) {
	p := &postman{}
	s := start(t, p)
	s.hears(t, "o", accepted)
	job := s.jobs(t)[0]
	first, err := s.Queues()[0].Call(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // two workers called, both record
		_, err := s.DB.Update(t.Context(), []string{"o"}, func(tx *store.Tx) error { return s.Queues()[0].Record(t.Context(), tx, job, first) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.work(t, job); err != nil || p.calls != 1 {
		t.Errorf("after it was sent: %v, %d calls", err, p.calls)
	}
	if n := strings.Count(s.said(t, "o"), "NotificationSent"); n != 1 {
		t.Errorf("said %d times", n)
	}
	lost, err := message.Encode("nothing", letter{Subject: "nothing", Template: created})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Queues()[0].Call(t.Context(), lost)
	if next := s.CallPolicy().Judge(failure.History{}, time.Now(), err); !next.Dead {
		t.Errorf("about nothing: %v", err)
	}
}

// A database that was restored alone hears again what came after its backup. Those mails go
// out again, each as the same mail.
func TestRestoredAlone(t *testing.T) {
	p := &postman{}
	s := start(t, p)
	s.hears(t, "o", accepted, payment, parcel)
	s.works(t)
	again := start(t, p)
	again.hears(t, "o", parcel, accepted, payment)
	again.works(t)
	when := map[string]time.Time{}
	for _, m := range p.mails {
		if date, ok := when[m.ID]; ok && !date.Equal(m.Date) {
			t.Errorf("%s is of %v and of %v", m.ID, date, m.Date)
		}
		when[m.ID] = m.Date
	}
	if len(p.mails) != 6 || len(when) != 3 {
		t.Errorf("%d mails under %d Message-IDs, want 6 under 3", len(p.mails), len(when))
	}
}

// Mails that waited when the mail server was taken out of the configuration go out when it
// is back, also where their order came to be known meanwhile.
func TestMailsOfATimeWithoutAServer(t *testing.T) {
	p := &postman{}
	s := start(t, p)
	s.hears(t, "o", payment)
	without := s.off()
	without.hears(t, "o", accepted)
	if got, want := s.rows(t, "o"), "created:stored paid:waiting"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if n, oldest, err := s.Unsent(t.Context()); n != 1 || !oldest.Equal(told("PaymentProcessed")) || err != nil {
		t.Errorf("%d wait since %v: %v", n, oldest, err)
	}
	s.Clock = func() time.Time { return told("PaymentProcessed").Add(time.Hour) }
	if err := s.adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.works(t)
	if got, want := s.rows(t, "o"), "created:stored paid:sent"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The tries of one mail grow apart, up to ten minutes and a bit.
func TestBackoff(t *testing.T) {
	for _, c := range []struct{ age, least, most time.Duration }{
		{0, 1500 * time.Millisecond, 2500 * time.Millisecond},
		{-time.Hour, 1500 * time.Millisecond, 2500 * time.Millisecond},
		{time.Minute, 22 * time.Second, 38 * time.Second},
		{24 * time.Hour, 7 * time.Minute, 13 * time.Minute},
	} {
		for range 100 {
			if got := backoff(c.age); got < c.least || got > c.most {
				t.Errorf("after %v: %v, want %v to %v", c.age, got, c.least, c.most)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	for _, n := range []notification{{subject: "o", template: created}, {subject: "a.b-c", template: paymentFailed}, {subject: "created", template: welcome}} {
		subject, name, ok := parseID(n.id())
		if subject != n.subject || name != n.template || !ok {
			t.Errorf("%s is read as %s %s %v", n.id(), subject, name, ok)
		}
		later := n
		later.at = n.at.Add(time.Microsecond)
		again := n
		if n.messageID() != again.messageID() || n.messageID() == later.messageID() || len(n.messageID()) != 32 {
			t.Errorf("%s has the Message-IDs %s and %s", n.id(), n.messageID(), later.messageID())
		}
	}
	for _, id := range []string{"", "o", "o.", "o.nothing", "o.created.x"} {
		if _, _, ok := parseID(id); ok {
			t.Errorf("%q is taken", id)
		}
	}
}

// What the tables of handlers and templates name is the same.
func TestEveryTemplateHasItsEvent(t *testing.T) {
	var logs []string
	for _, h := range (&Service{}).Streams() {
		logs = append(logs, h.Log)
	}
	slices.Sort(logs)
	if got := strings.Join(slices.Compact(logs), " "); got != "order payment shipping user" {
		t.Errorf("follows the logs %s", got)
	}
	if got := (&Service{Mailer: &postman{}}).Queues(); len(got) != 1 || got[0].Queue != "notification_mail" {
		t.Errorf("queues %v", got)
	}
	if _, err := (&Service{Mailer: &postman{}}).Queues()[0].Call(context.Background(), message.Message{Body: []byte("{")}); err == nil {
		t.Error("half a letter is taken")
	}
}
