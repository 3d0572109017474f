package request

import (
	"context"
	"slices"
	"strconv"
	"sync"
)

// A Local is the Driver for those who ask and answer in one process. The zero value is
// ready to use.
type Local struct {
	Waiting int // questions that wait for one server of a queue; the others are refused; 256

	mu      sync.Mutex
	servers map[string][]chan Question // by queue
	hearers map[string]func(Reply)     // by address
	last    int64                      // address given
	turn    int                        // whose turn it is, of the servers of a queue
}

var _ Driver = (*Local)(nil)

// Listen keeps hear under a new address.
func (l *Local) Listen(hear func(Reply)) (address string, stop func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hearers == nil {
		l.hearers = map[string]func(Reply){}
	}
	l.last++
	address = strconv.FormatInt(l.last, 10)
	l.hearers[address] = hear
	return address, func() { l.deafen(address) }, nil
}

func (l *Local) deafen(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.hearers, address)
}

// Serve adds a server of queue.
func (l *Local) Serve(queue string) (questions <-chan Question, stop func(), err error) {
	room := l.Waiting
	if room == 0 {
		room = 256
	}
	c := make(chan Question, room)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.servers == nil {
		l.servers = map[string][]chan Question{}
	}
	l.servers[queue] = append(l.servers[queue], c)
	return c, sync.OnceFunc(func() { l.leave(queue, c) }), nil
}

// leave closes c, into which nobody sends once it is off the list.
func (l *Local) leave(queue string, c chan Question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers[queue] = slices.DeleteFunc(l.servers[queue], func(s chan Question) bool { return s == c })
	close(c)
}

// Send gives q to the next server that has room.
func (l *Local) Send(_ context.Context, q Question) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	servers := l.servers[q.Queue]
	if len(servers) == 0 {
		return ErrNobody
	}
	l.turn++
	for i := range servers {
		select {
		case servers[(l.turn+i)%len(servers)] <- q:
			return nil
		default:
		}
	}
	return ErrFull
}

// Reply calls whoever listens.
func (l *Local) Reply(_ context.Context, q Question, r Reply) error {
	l.mu.Lock()
	hear := l.hearers[q.ReplyTo]
	l.mu.Unlock()
	if hear == nil {
		return ErrNobody
	}
	hear(r)
	return nil
}
