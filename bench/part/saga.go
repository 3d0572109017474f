package part

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// travellers are how many sagas are under way at a time.
const travellers = 100

// The steps of a saga: what is asked, and the answer.
type (
	ask1 struct{}
	ask2 struct{}
	ask3 struct{}
	ask4 struct{}
	did1 struct{}
	did2 struct{}
	did3 struct{}
	did4 struct{}
	undo struct{}
	gone struct{}
	over struct{ saga.Deadline }
)

func (ask1) Kind() string { return "Ask1" }
func (ask2) Kind() string { return "Ask2" }
func (ask3) Kind() string { return "Ask3" }
func (ask4) Kind() string { return "Ask4" }
func (did1) Kind() string { return "Did1" }
func (did2) Kind() string { return "Did2" }
func (did3) Kind() string { return "Did3" }
func (did4) Kind() string { return "Did4" }
func (undo) Kind() string { return "Undo" }
func (gone) Kind() string { return "Gone" }
func (over) Kind() string { return "over" }

func (ask1) Queue() string { return "to_asked" }
func (ask2) Queue() string { return "to_asked" }
func (ask3) Queue() string { return "to_asked" }
func (ask4) Queue() string { return "to_asked" }
func (undo) Queue() string { return "to_asked" }
func (over) Queue() string { return "from_over" }

// four is a saga of four steps of the other service, in which there is nothing to do.
func four() saga.Saga[int] {
	ask := func(w message.Work) func(*int) message.Work { return func(*int) message.Work { return w } }
	return saga.Saga[int]{Name: "four", Timer: func(d saga.Deadline) message.Work { return over{d} }, Steps: []saga.Step[int]{
		{Name: "one", Who: "to", Send: ask(ask1{}), Answer: did1{}, Undo: ask(undo{}), Undone: []message.Kind{gone{}}},
		{Name: "two", Who: "to", Send: ask(ask2{}), Answer: did2{}},
		{Name: "three", Who: "to", Send: ask(ask3{}), Answer: did3{}, Pivot: true},
		{Name: "four", Who: "to", Send: ask(ask4{}), Answer: did4{}},
	}}
}

// arrivals tell those who wait that their sagas have ended.
type arrivals struct{ waiting sync.Map }

func (a *arrivals) wait(id string) <-chan struct{} {
	c := make(chan struct{})
	a.waiting.Store(id, c)
	return c
}

func (a *arrivals) end(id string) {
	if c, ok := a.waiting.LoadAndDelete(id); ok {
		close(c.(chan struct{}))
	}
}

func hear[T message.Kind](a *arrivals, last bool) stream.Handler {
	s := four()
	return stream.On("to", func(_ context.Context, tx *store.Tx, m message.Of[T]) error {
		var of int
		_, err := s.Take(tx, m.Key, &of, m.Data)
		if err == nil && last {
			tx.Then(func() { a.end(m.Key) })
		}
		return err
	})
}

func answer[T message.Work](with message.Kind) stream.Handler {
	return stream.On("from", func(_ context.Context, tx *store.Tx, m message.Of[T]) error { return tx.Append(m.Key, with) })
}

// sagas has travellers begin sagas for a while, each the next one when the last has ended.
func sagas(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	from, said, err := openLog(ctx, dir, "from", nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, answered, err := openLog(ctx, dir, "to", nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	var a arrivals
	process := &run.Process{Instance: "part"}
	asked := &stream.Reader{DB: to, Log: said, Name: "from", Process: process, Handlers: []stream.Handler{
		answer[ask1](did1{}), answer[ask2](did2{}), answer[ask3](did3{}), answer[ask4](did4{})}}
	heard := &stream.Reader{DB: from, Log: answered, Name: "to", Process: process, Handlers: []stream.Handler{
		hear[did1](&a, false), hear[did2](&a, false), hear[did3](&a, false), hear[did4](&a, true)}}
	reading, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run.All(reading, asked.Run, heard.Run) }()
	rate, err := travel(s.Time, func() error {
		id := uuid.NewString()
		arrived := a.wait(id)
		_, err := from.Update(ctx, []string{id}, func(tx *store.Tx) error {
			var of int
			_, err := four().Start(tx, id, &of)
			return err
		})
		if err == nil {
			<-arrived
		}
		return err
	})
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return rate, err
	}
	var open, jobs int64
	err = from.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&open, &jobs}, `SELECT (SELECT count(*) FROM saga WHERE state <> 'completed'), (SELECT count(*) FROM job)`)
		return err
	})
	if err == nil && open+jobs != 0 {
		err = fmt.Errorf("%d sagas are not completed, %d deadlines are left", open, jobs)
	}
	return rate, err
}

// travel has travellers go, again and again, for a while.
func travel(d time.Duration, whole func() error) (watch.Rate, error) {
	var done atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, travellers)
	began := watch.Start()
	for range travellers {
		all.Go(func() {
			for began.Running() < d {
				if err := whole(); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	close(failed)
	return began.Rate(done.Load()), <-failed
}
