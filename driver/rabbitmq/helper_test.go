package rabbitmq_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// errand is the work of these tests.
type errand struct{ N int }

func (errand) Kind() string  { return "errand" }
func (errand) Queue() string { return errands }

const errands = "test_errands"

// A shop is a service whose work a RabbitMQ hands out.
type shop struct {
	*testing.T
	db     *store.DB
	prefix string
	server *rabbitmq.Server
	driver *rabbitmq.Driver

	mu   sync.Mutex
	done map[string]int // how often each errand was done, by key
	ids  map[string]string
}

// newShop opens a shop at a server, in a database of its own.
func newShop(t *testing.T, url string) *shop {
	t.Helper()
	s := &shop{T: t, prefix: prefix(uuid.NewString()), db: databases.Place(t, "test", nil)(), done: map[string]int{}, ids: map[string]string{}}
	s.connect(url)
	t.Cleanup(func() {
		if url == serverURL() {
			remove(t, s.prefix+errands)
		}
	})
	return s
}

// connect gives the shop a connection of its own to the server at url.
func (s *shop) connect(url string) {
	s.Helper()
	server, err := rabbitmq.Connect(rabbitmq.Config{URL: url, Prefix: s.prefix})
	if err != nil {
		s.Fatalf("no RabbitMQ: run scripts/servers up rabbitmq (%v)", err)
	}
	s.server, s.driver = server, server.Queues(queue.Table{DB: s.db})
	driver := s.driver
	s.Cleanup(func() { driver.Close(); _ = server.Close() })
}

// at is the name of the queue at the server.
func (s *shop) at() string { return s.prefix + errands }

// work does errands until the end of the test. Those with a negative number fail for ever.
func (s *shop) work() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context()))
	w := &queue.Worker{DB: s.db, Driver: s.driver, Process: &run.Process{Instance: "test"}, Policy: failure.Policy{Attempts: 1},
		Handlers: []queue.Handler{queue.On(func(_ context.Context, tx *store.Tx, m message.Of[errand]) error {
			if m.Data.N < 0 {
				return errors.New("bad")
			}
			tx.Then(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.done[m.Key]++
				s.ids[m.Key] = m.ID
			})
			return nil
		})}}
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			s.Error(err)
		}
	})
	s.Cleanup(func() { cancel(); running.Wait() })
}

// send sends errands first to last, whose keys are their numbers.
func (s *shop) send(first, last int) {
	s.Helper()
	s.update(func(tx *store.Tx) error {
		for n := first; n <= last; n++ {
			if err := tx.Send(fmt.Sprint(n), errand{n}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *shop) update(change func(*store.Tx) error) {
	s.Helper()
	if _, err := s.db.Update(context.WithoutCancel(s.Context()), nil, change); err != nil {
		s.Fatal(err)
	}
}

// wantDone waits until so many errands are done, and checks that each was done once and
// nothing is left.
func (s *shop) wantDone(n int) {
	s.Helper()
	storetest.Await(s, fmt.Sprint(n, " errands done"), func() bool { return s.count() >= n })
	storetest.Await(s, "nothing left", func() bool { return s.rows(`dead = 0`) == 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, times := range s.done {
		if times != 1 {
			s.Errorf("errand %s was done %d times", key, times)
		}
	}
	if len(s.done) != n {
		s.Errorf("%d errands were done, want %d", len(s.done), n)
	}
}

func (s *shop) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.done)
}

// rows counts the rows of the queue for which a condition holds.
func (s *shop) rows(where string) (n int) {
	s.Helper()
	err := s.db.View(context.WithoutCancel(s.Context()), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM job WHERE queue = 'test_errands' AND `+where)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// A client is another program that speaks to the server.
type client struct {
	*testing.T
	ch *amqp.Channel
}

func newClient(t *testing.T, url string) *client {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	return &client{t, ch}
}

// publish returns when the server has stored m. A quorum queue that is new may have no leader
// yet, and refuses: senders try again.
func (c *client) publish(to string, m amqp.Publishing) {
	c.Helper()
	storetest.Await(c, "a message stored in "+to, func() bool {
		stored, err := c.ch.PublishWithDeferredConfirm("", to, true, false, m)
		if err != nil {
			c.Fatal(err)
		}
		return stored.Wait()
	})
}

// ready counts the messages of a queue that wait at the server; -1: there is no such queue.
func (c *client) ready(name string) int {
	q, err := c.ch.QueueDeclarePassive(name, true, false, false, false, nil)
	if err == nil {
		return q.Messages
	}
	c.reopen()
	return -1
}

// reopen opens another channel: an error has ended the one before.
func (c *client) reopen() {
	again := newClient(c.T, serverURL())
	c.ch = again.ch
}

// replied is a reply to a question.
func replied(q request.Question) request.Reply {
	return request.Reply{Deadline: q.Deadline, Message: message.Message{ID: uuid.NewString(), Kind: "Answered", Cause: q.ID, Body: []byte(`{"n":1}`)}}
}

// foreign is an errand of another program.
func foreign(id string) amqp.Publishing {
	return amqp.Publishing{Type: "errand", MessageId: id, Body: []byte(`{"N":1}`)}
}
