package rabbitmq

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// undecided is a limit of deliveries that is never reached: Policy decides, not the server.
	undecided = 1_000_000_000
	// mirrored is how many dead messages the server shows of a queue, the last ones.
	mirrored = 10_000
	dlq      = ".dlq"
)

// work are the arguments of a queue of work.
func work() amqp.Table {
	return amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum, "x-delivery-limit": int64(undecided)}
}

// graveyard are the arguments of a queue that shows the dead.
func graveyard() amqp.Table {
	return amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeQuorum, "x-max-length": int64(mirrored), "x-overflow": "drop-head"}
}

// declare makes sure that there is a queue with these arguments, and reports whether it is
// new.
func (s *Server) declare(name string, args amqp.Table) (fresh bool, err error) {
	for _, passive := range []bool{true, false} {
		err := s.in.once(func(ch *amqp.Channel) (err error) {
			if passive {
				_, err = ch.QueueDeclarePassive(name, true, false, false, false, args)
			} else {
				_, err = ch.QueueDeclare(name, true, false, false, false, args)
			}
			return err
		})
		var e *amqp.Error
		switch {
		case err == nil:
		case passive && errors.As(err, &e) && e.Code == amqp.NotFound:
			fresh = true
		default:
			return false, s.refused(name, err)
		}
	}
	return fresh, nil
}

// once makes a call on a channel of its own: any error ends a channel.
func (l *link) once(call func(*amqp.Channel) error) error {
	ch, err := l.channel()
	if err != nil {
		return err
	}
	conn, err := l.connection()
	if err != nil {
		return fmt.Errorf("the connection has just ended: %w", err)
	}
	return within(conn, func() error {
		err := call(ch)
		if !ch.IsClosed() {
			_ = ch.Close()
		}
		return err
	})
}
