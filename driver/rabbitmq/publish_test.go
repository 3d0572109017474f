package rabbitmq

import (
	"errors"
	"os"
	"testing"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
)

// A message that no queue takes is confirmed by the server, and lost: that must be noticed.
func TestReturnedIsNotStored(t *testing.T) {
	s, err := Connect(Config{URL: os.Getenv("TIDEWIRE_TEST_RABBITMQ"), Prefix: "t_" + uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	name := s.prefix + "x"
	if _, err := s.declare(name, work()); err != nil {
		t.Fatal(err)
	}
	defer s.in.once(func(ch *amqp.Channel) error { _, err := ch.QueueDelete(name, false, false, false); return err })
	p, one := &publisher{server: s}, newPost(s)
	defer one.close()
	msgs := make([]amqp.Publishing, together)
	for i := range msgs {
		msgs[i] = amqp.Publishing{Headers: amqp.Table{}, Body: []byte("{}")}
	}
	for _, tt := range []struct {
		queue string
		want  error
	}{{name, nil}, {s.prefix + "nowhere", errReturned}, {name, nil}} {
		for i, err := range p.publish(t.Context(), tt.queue, msgs) {
			if !errors.Is(err, tt.want) {
				t.Fatalf("message %d to %s: %v, want %v", i, tt.queue, err, tt.want)
			}
		}
		if err := one.send(t.Context(), tt.queue, msgs[0]); !errors.Is(err, tt.want) {
			t.Errorf("one message to %s: %v, want %v", tt.queue, err, tt.want)
		}
	}
}
