package rabbitmq_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// secret is a fact that is nobody else's.
type secret struct{}

func (secret) Kind() string         { return "secret" }
func (secret) Class() message.Class { return message.Internal }

// Whoever binds a queue to the exchange hears every public fact, those of a key in their order,
// through cuts of the connection and the loss of the exchange; nobody else's are told.
func TestEvents(t *testing.T) {
	px := newProxy(t)
	p := prefix(uuid.NewString())
	server, err := rabbitmq.Connect(rabbitmq.Config{URL: px.url, Prefix: p})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	db, log := databases.WithLog(t, "test", nil)()
	relay := &stream.Relay{DB: db, Log: log, To: "rabbitmq", Sink: server.Events("test"), Process: &run.Process{Instance: "test"}}
	defer runs(t, relay.Run)()
	s := &shop{T: t, db: db}
	say := func(first, last int) {
		for n := first; n <= last; n++ {
			s.update(func(tx *store.Tx) error {
				if err := tx.Append(fmt.Sprint(n%7), secret{}); err != nil {
					return err
				}
				return tx.Append(fmt.Sprint(n%7), deed{})
			})
		}
	}
	c := newClient(t, serverURL())
	storetest.Await(t, "the exchange", func() bool {
		say(0, 0)
		err := c.ch.ExchangeDeclarePassive(p+"test.events", amqp.ExchangeFanout, true, false, false, false, nil)
		if err != nil {
			c.reopen()
		}
		return err == nil
	})
	bind := func() {
		if _, err := c.ch.QueueDeclare(p+"heard", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.ch.QueueBind(p+"heard", "", p+"test.events", false, nil); err != nil {
			t.Fatal(err)
		}
	}
	bind()
	t.Cleanup(func() {
		_, _ = c.ch.QueueDelete(p+"heard", false, false, false)
		_ = c.ch.ExchangeDelete(p+"test.events", false, false)
	})
	heard, last := map[string]bool{}, map[string]string{}
	hear := func(n int) {
		t.Helper()
		storetest.Await(t, fmt.Sprint(n, " facts"), func() bool {
			d, ok, err := c.ch.Get(p+"heard", true)
			if err != nil {
				t.Fatal(err)
			}
			if ok && !heard[d.MessageId] {
				key, seq := fmt.Sprint(d.Headers["cloudEvents:subject"]), fmt.Sprint(d.Headers["cloudEvents:sequence"])
				if d.Type != "deed" || seq <= last[key] {
					t.Errorf("%s of key %s is told behind place %s: %+v", d.Type, key, last[key], d)
				}
				heard[d.MessageId], last[key] = true, seq
			}
			return len(heard) >= n
		})
	}
	for i := range 5 {
		px.cutAfter(2000 + 700*i)
		say(1, 40)
	}
	hear(200)
	if err := c.ch.ExchangeDelete(p+"test.events", false, false); err != nil {
		t.Fatal(err)
	}
	storetest.Await(t, "the exchange again", func() bool {
		say(1, 1)
		err := c.ch.ExchangeDeclarePassive(p+"test.events", amqp.ExchangeFanout, true, false, false, false, nil)
		if err != nil {
			c.reopen()
		}
		return err == nil
	})
	bind()
	say(1, 40)
	hear(240)
}
