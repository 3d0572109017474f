// Package requesttest checks that a request.Driver keeps its contract, on the real server:
// each sentence of it is a test here.
package requesttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/request"
)

// A Harness makes drivers.
type Harness struct {
	// New returns a driver on which nobody asks or answers, with room for so many
	// questions that wait for one server of a queue.
	New func(t *testing.T, waiting int) request.Driver
}

const (
	queue  = "test_questions"
	others = "test_others"
	limit  = 10 * time.Second // for what must come
)

// Run checks the driver.
func Run(t *testing.T, h Harness) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, d request.Driver)
	}{
		{"A question comes as it was sent", sent},
		{"A reply goes to whoever asked", replied},
		{"Every address is another", addresses},
		{"Nobody listens any more", deaf},
		{"Nobody serves the queue", nobody},
		{"One of several gets each question", shared},
		{"A queue has room for so many", full},
		{"What was sent before the stop still comes", stopped},
		{"Another server goes on", goesOn},
		{"All at once", crowd},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, h.New(t, room)) })
	}
}

// room is how many questions wait for a server in these tests.
const room = 4

func question(id, to string) request.Question {
	return request.Question{Queue: queue, ReplyTo: to, Deadline: time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond),
		Message: message.Message{ID: id, Kind: "Asked", Class: message.Command, Key: "k", Time: time.Now().UTC().Truncate(time.Microsecond),
			Trace: message.NewTrace(""), Body: []byte(`{"n":1}`)}}
}

func reply(q request.Question, failure string) request.Reply {
	return request.Reply{Failure: failure, Deadline: q.Deadline, Message: message.Message{ID: "r" + q.ID, Kind: "Answered", Class: message.Command,
		Cause: q.ID, Time: q.Time, Trace: q.Trace, Body: []byte(`{"n":2}`)}}
}

// serve serves a queue until the end of the test, or until stop.
func serve(t *testing.T, d request.Driver, name string) (<-chan request.Question, func()) {
	t.Helper()
	questions, stop, err := d.Serve(name)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	return questions, stop
}

// listen returns the replies that come to a new address.
func listen(t *testing.T, d request.Driver) (address string, replies <-chan request.Reply, stop func()) {
	t.Helper()
	heard := make(chan request.Reply, 100)
	address, stop, err := d.Listen(func(r request.Reply) { heard <- r })
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	return address, heard, stop
}

func send(t *testing.T, d request.Driver, q request.Question) {
	t.Helper()
	if err := d.Send(t.Context(), q); err != nil {
		t.Fatal(err)
	}
}

// next returns what comes of a channel.
func next[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatalf("%s: the channel is closed", what)
		}
		return v
	case <-end.C:
		t.Fatalf("%s: not within %v", what, limit)
	}
	panic("not reached")
}

func sent(t *testing.T, d request.Driver) {
	questions, _ := serve(t, d, queue)
	want := question("1", "somebody")
	send(t, d, want)
	got := next(t, "the question", questions)
	if fmt.Sprintf("%+v", utc(got)) != fmt.Sprintf("%+v", utc(want)) {
		t.Errorf("came as\n%+v, was sent as\n%+v", got, want)
	}
}

// utc lets questions be compared whatever zone their times came in.
func utc(q request.Question) request.Question {
	q.Time, q.Deadline = q.Time.UTC(), q.Deadline.UTC()
	return q
}

func replied(t *testing.T, d request.Driver) {
	questions, _ := serve(t, d, queue)
	mine, heard, _ := listen(t, d)
	_, other, _ := listen(t, d)
	for id, failure := range map[string]string{"1": "", "2": "it cannot be known"} {
		send(t, d, question(id, mine))
		q := next(t, "the question", questions)
		if err := d.Reply(t.Context(), q, reply(q, failure)); err != nil {
			t.Fatal(err)
		}
		r := next(t, "the reply", heard)
		if r.Cause != id || r.Failure != failure || !r.Deadline.Equal(q.Deadline) || r.Kind != "Answered" || string(r.Body) != `{"n":2}` || r.Trace != q.Trace {
			t.Errorf("the reply came as %+v", r)
		}
	}
	select {
	case r := <-other:
		t.Errorf("another client heard %+v", r)
	default:
	}
}

func addresses(t *testing.T, d request.Driver) {
	seen := map[string]bool{}
	for range 10 {
		address, _, stop := listen(t, d)
		if seen[address] {
			t.Errorf("the address %q was given before", address)
		}
		seen[address] = true
		stop()
	}
}

func deaf(t *testing.T, d request.Driver) {
	address, heard, stop := listen(t, d)
	stop()
	q := question("1", address)
	if err := d.Reply(t.Context(), q, reply(q, "")); !errors.Is(err, request.ErrNobody) {
		t.Errorf("a reply to nobody: %v, want ErrNobody", err)
	}
	if len(heard) > 0 {
		t.Error("who does not listen any more was told")
	}
}

func nobody(t *testing.T, d request.Driver) {
	if err := d.Send(t.Context(), question("1", "x")); !errors.Is(err, request.ErrNobody) {
		t.Errorf("nobody serves it: %v, want ErrNobody", err)
	}
	_, _ = serve(t, d, others)
	if err := d.Send(t.Context(), question("1", "x")); !errors.Is(err, request.ErrNobody) {
		t.Errorf("another queue is served: %v, want ErrNobody", err)
	}
	_, stop := serve(t, d, queue)
	stop()
	if err := d.Send(t.Context(), question("1", "x")); !errors.Is(err, request.ErrNobody) {
		t.Errorf("nobody serves it any more: %v, want ErrNobody", err)
	}
}

func shared(t *testing.T, d request.Driver) {
	first, _ := serve(t, d, queue)
	second, _ := serve(t, d, queue)
	seen, of := map[string]int{}, [2]int{}
	for i := range 20 {
		send(t, d, question(fmt.Sprint(i), "x"))
		end := time.NewTimer(limit)
		select {
		case q := <-first:
			seen[q.ID]++
			of[0]++
		case q := <-second:
			seen[q.ID]++
			of[1]++
		case <-end.C:
			t.Fatalf("question %d did not come", i)
		}
		end.Stop()
	}
	if len(seen) != 20 || len(first)+len(second) > 0 || of[0] == 0 || of[1] == 0 {
		t.Errorf("%d different questions came, %d to one and %d to the other; want 20, and some to each", len(seen), of[0], of[1])
	}
}

func full(t *testing.T, d request.Driver) {
	questions, _ := serve(t, d, queue)
	refused := 0
	for i := range 10 * room {
		if err := d.Send(t.Context(), question(fmt.Sprint(i), "x")); errors.Is(err, request.ErrFull) {
			refused++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused < 5*room || refused > 9*room {
		t.Errorf("%d of %d questions were refused; want all but about %d", refused, 10*room, room)
	}
	for range 10*room - refused {
		next(t, "a question that was taken", questions)
	}
	send(t, d, question("again", "x"))
	if q := next(t, "one that there is room for again", questions); q.ID != "again" {
		t.Errorf("question %s came", q.ID)
	}
}

func stopped(t *testing.T, d request.Driver) {
	questions, stop := serve(t, d, queue)
	for i := range room {
		send(t, d, question(fmt.Sprint(i), "x"))
	}
	stop()
	for i := range room {
		if q := next(t, "what was sent before", questions); q.ID != fmt.Sprint(i) {
			t.Errorf("question %s came, want %d", q.ID, i)
		}
	}
	if q, more := <-questions; more {
		t.Errorf("question %s came twice, or late", q.ID)
	}
}

func goesOn(t *testing.T, d request.Driver) {
	_, stop := serve(t, d, queue)
	rest, _ := serve(t, d, queue)
	stop()
	for i := range room {
		send(t, d, question(fmt.Sprint(i), "x"))
		next(t, "a question to the one that is left", rest)
	}
}

// crowd has many ask at once, some of whom go away.
func crowd(t *testing.T, d request.Driver) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var servers, askers sync.WaitGroup
	for range 2 {
		questions, stop := serve(t, d, queue)
		defer stop()
		servers.Go(func() {
			for {
				select {
				case q := <-questions:
					if err := d.Reply(ctx, q, reply(q, "")); err != nil && !errors.Is(err, request.ErrNobody) {
						t.Error(err)
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for a := range 8 {
		askers.Go(func() {
			for i := range 50 {
				address, heard, stop := listen(t, d)
				id := fmt.Sprint(a, "-", i)
				for errors.Is(d.Send(ctx, question(id, address)), request.ErrFull) { // until there is room
				}
				if i%3 > 0 {
					if r := next(t, "the reply to "+id, heard); r.Cause != id {
						t.Errorf("%s got the reply to %s", id, r.Cause)
					}
				}
				stop()
			}
		})
	}
	askers.Wait()
	cancel()
	servers.Wait()
}
