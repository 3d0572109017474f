package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// Any program can send work, with what every client can set. What cannot be read is dead,
// and does not come for ever.
func TestForeignMessage(t *testing.T) {
	event := func(prefix string) amqp.Table {
		return amqp.Table{prefix + "specversion": "1.0", prefix + "id": "e-1", prefix + "source": "/elsewhere", prefix + "type": "errand",
			prefix + "subject": "k", prefix + "time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	}
	for _, tt := range []struct {
		name    string
		m       amqp.Publishing
		key, id string // of the errand; "" is not compared
		dead    bool
	}{
		{"by its properties", amqp.Publishing{Type: "errand", MessageId: "m-1", Body: []byte(`{"N":1}`)}, "m-1", "m-1", false},
		{"with a key", amqp.Publishing{Type: "errand", MessageId: "m-1", Headers: amqp.Table{"key": "k"}, Body: []byte(`{"N":1}`)}, "k", "m-1", false},
		{"with no id", amqp.Publishing{Type: "errand", Body: []byte(`{"N":1}`)}, "", "", false},
		{"as a CloudEvent", amqp.Publishing{Headers: event("cloudEvents:"), ContentType: "application/json", Body: []byte(`{"N":1}`)}, "k", "e-1", false},
		{"as a CloudEvent for JMS", amqp.Publishing{Headers: event("cloudEvents_"), Body: []byte(`{"N":1}`)}, "k", "e-1", false},
		{"as a CloudEvent in its body", amqp.Publishing{ContentType: "application/cloudevents+json",
			Body: []byte(`{"specversion":"1.0","id":"e-1","source":"/elsewhere","type":"errand","subject":"k","data":{"N":1}}`)}, "k", "e-1", false},
		{"with a body that is none", amqp.Publishing{Type: "errand", MessageId: "m-1", Body: []byte{0, 0xff, '{'}}, "", "", true},
		{"with no body", amqp.Publishing{Type: "errand", MessageId: "m-1"}, "", "", true},
		{"of a kind that nobody knows", amqp.Publishing{Type: "other", MessageId: "m-1", Body: []byte(`{"N":1}`)}, "", "", true},
		{"of no kind", amqp.Publishing{Body: []byte(`{}`)}, "", "", true},
		{"with names that no database takes", amqp.Publishing{Type: "a\x00\xff", MessageId: "\x00\xff", Headers: amqp.Table{"key": strings.Repeat("ü\x00", 5000)}, Body: []byte(`{}`)}, "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, serverURL())
			s.work()
			c := newClient(t, serverURL())
			storetest.Await(t, "the queue", func() bool { return c.ready(s.at()) == 0 })
			c.publish(s.at(), tt.m)
			if tt.dead {
				storetest.Await(t, "a dead message", func() bool { return s.rows(`dead = 1`) == 1 })
			} else {
				s.wantDone(1)
			}
			for key := range s.done {
				if tt.key != "" && key != tt.key || tt.id != "" && s.ids[key] != tt.id {
					t.Errorf("key %q, id %q; want %q and %q", key, s.ids[key], tt.key, tt.id)
				}
			}
			storetest.Await(t, "an empty queue", func() bool { return c.ready(s.at()) == 0 })
		})
	}
}

// A program that is not sure sends again, under the same message_id.
func TestForeignMessageTwiceIsDoneOnce(t *testing.T) {
	s := newShop(t, serverURL())
	s.work()
	c := newClient(t, serverURL())
	storetest.Await(t, "the queue", func() bool { return c.ready(s.at()) == 0 })
	for n := range 20 {
		for range 3 {
			c.publish(s.at(), amqp.Publishing{Type: "errand", MessageId: fmt.Sprint("m-", n), Body: []byte(`{"N":1}`)})
		}
	}
	s.wantDone(20)
	c.publish(s.at(), amqp.Publishing{Type: "errand", MessageId: "m-3", Body: []byte(`{"N":1}`)})
	c.publish(s.at(), amqp.Publishing{Type: "errand", MessageId: "last", Body: []byte(`{"N":1}`)})
	s.wantDone(21)
}

// A failing driver is a database that is away while it is told so.
type failing struct {
	store.Driver
	away atomic.Bool
}

func (f *failing) Update(ctx context.Context, c store.Change) error {
	if f.away.Load() {
		return store.ErrUnavailable
	}
	return f.Driver.Update(ctx, c)
}

// The only copy of another program's message is at the server: it is acknowledged when it
// has a row, and not before. Here the process ends between the two.
func TestForeignMessageIsAcknowledgedAfterItsCommit(t *testing.T) {
	s := newShop(t, serverURL())
	d, err := sqlite.Open(t.Context(), t.TempDir()+"/test.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f := &failing{Driver: d}
	table := queue.Table{DB: store.Open("test", f)}
	driver := s.server.Queues(table)
	c := newClient(t, serverURL())
	receive := func() ([]queue.Delivery, error) {
		return driver.Receive(context.WithoutCancel(t.Context()), errands, 10)
	}
	storetest.Await(t, "the queue", func() bool { _, err := receive(); return err == nil && c.ready(s.at()) == 0 })
	f.away.Store(true)
	c.publish(s.at(), amqp.Publishing{Type: "errand", MessageId: "m-1", Body: []byte(`{"N":1}`)})
	storetest.Await(t, "a change that fails", func() bool { _, err := receive(); return errors.Is(err, store.ErrUnavailable) })
	driver.Close()
	f.away.Store(false)
	driver = s.server.Queues(table)
	defer driver.Close()
	storetest.Await(t, "the message again", func() bool {
		got, err := receive()
		return err == nil && len(got) == 1 && got[0].ID == "m-1"
	})
}

// Whatever the server hands out twice, and whoever copies messages there, each is done once.
func TestCopiesAreDoneOnce(t *testing.T) {
	s := newShop(t, serverURL())
	c := newClient(t, serverURL())
	if _, err := s.driver.Receive(t.Context(), errands, 1); err != nil {
		t.Fatal(err)
	}
	s.send(1, 50)
	storetest.Await(t, "all at the server, which gets back what nobody asks for", func() bool { return c.ready(s.at()) >= 50 })
	var copies []amqp.Delivery
	for len(copies) < 50 {
		d, ok, err := c.ch.Get(s.at(), true)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			copies = append(copies, d)
		}
	}
	again := func() {
		for range 3 {
			for _, d := range copies {
				c.publish(s.at(), amqp.Publishing{Headers: d.Headers, Type: d.Type, MessageId: d.MessageId, Body: d.Body})
			}
		}
	}
	again()
	s.work()
	s.wantDone(50)
	again()
	s.send(51, 51)
	s.wantDone(51)
	storetest.Await(t, "an empty queue", func() bool { return c.ready(s.at()) == 0 })
}

// What we send can be read by any client, and is a CloudEvent.
func TestMessageAtTheServer(t *testing.T) {
	s := newShop(t, serverURL())
	c := newClient(t, serverURL())
	if _, err := s.driver.Receive(t.Context(), errands, 1); err != nil {
		t.Fatal(err)
	}
	s.send(7, 7)
	storetest.Await(t, "one at the server", func() bool { return c.ready(s.at()) >= 1 })
	d, ok, err := c.ch.Get(s.at(), true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if d.Type != "errand" || d.MessageId == "" || string(d.Body) != `{"N":7}` || d.DeliveryMode != amqp.Persistent || d.ContentType != "application/json" || d.Timestamp.IsZero() {
		t.Errorf("it is %+v", d)
	}
	for name, want := range map[string]any{"specversion": "1.0", "type": "errand", "id": d.MessageId, "source": "/tidewire/test", "subject": "7"} {
		if got := d.Headers["cloudEvents:"+name]; got != want {
			t.Errorf("attribute %s is %v, want %v", name, got, want)
		}
	}
}

// What is dead is an operator's, in the table; the server shows a copy, which does nothing.
func TestDeadAreShownByTheServer(t *testing.T) {
	s := newShop(t, serverURL())
	s.work()
	c := newClient(t, serverURL())
	s.send(-1, -1)
	storetest.Await(t, "one shown", func() bool { return c.ready(s.at()+".dlq") == 1 })
	d, ok, err := c.ch.Get(s.at()+".dlq", true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if d.Type != "errand" || string(d.Body) != `{"N":-1}` || d.Headers["tidewire-cause"] != "bad" {
		t.Errorf("shown is %+v", d)
	}
	c.publish(s.at(), amqp.Publishing{Headers: d.Headers, Type: d.Type, MessageId: d.MessageId, Body: d.Body})
	s.send(1, 1)
	s.wantDone(1)
	if n := s.rows(`dead = 1`); n != 1 {
		t.Errorf("%d rows are dead, want 1", n)
	}
	s.update(func(tx *store.Tx) error {
		return tx.Exec(`UPDATE job SET dead = 0, due = $1, body = $2, past = ''`, tx.Now, []byte(`{"N":2}`))
	})
	s.wantDone(2)
}

// Somebody deletes the queue: it is declared again, and what was in it is sent again.
func TestQueueIsDeletedUnderUs(t *testing.T) {
	s := newShop(t, serverURL())
	c := newClient(t, serverURL())
	if _, err := s.driver.Receive(t.Context(), errands, 1); err != nil {
		t.Fatal(err)
	}
	s.send(1, 20)
	storetest.Await(t, "all at the server", func() bool { return c.ready(s.at()) >= 20 })
	if _, err := c.ch.QueueDelete(s.at(), false, false, false); err != nil {
		t.Fatal(err)
	}
	s.send(21, 30)
	s.work()
	s.wantDone(30)
	if _, err := c.ch.QueueDelete(s.at(), false, false, false); err != nil {
		t.Fatal(err)
	}
	s.send(31, 40)
	s.wantDone(40)
}

// A queue that somebody else has made otherwise is theirs: that is said, and work goes on.
func TestQueueWithOtherArguments(t *testing.T) {
	s := newShop(t, serverURL())
	c := newClient(t, serverURL())
	if _, err := c.ch.QueueDeclare(s.at(), true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	s.work()
	s.send(1, 20)
	s.wantDone(20)
	var troubles []rabbitmq.Trouble
	storetest.Await(t, "it is said", func() bool { troubles = s.driver.Troubles(); return len(troubles) == 1 })
	if why := troubles[0].Err.Error(); troubles[0].Queue != errands || !strings.Contains(why, s.at()) || !strings.Contains(why, "x-queue-type") || strings.Contains(why, "\n") {
		t.Errorf("said is %s of %s", why, troubles[0].Queue)
	}
	if n := c.ready(s.at()); n < 0 {
		t.Error("the queue was deleted")
	}
}

// A connection that is cut anywhere, in the middle of a message too, costs nothing but time.
func TestConnectionIsCut(t *testing.T) {
	p := newProxy(t)
	s := newShop(t, p.url)
	t.Cleanup(func() { remove(t, s.at()) })
	s.work()
	const n, some = 600, 30
	for i := 0; i < n; i += some {
		s.send(i+1, i+some)
		switch (i / some) % 4 {
		case 0:
			p.cutAfter(1000 + 37*i)
		case 2:
			p.cut()
		}
	}
	s.wantDone(n)
}
