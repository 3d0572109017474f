package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// settle stores results until there are no more, those that have come meanwhile
// together.
func (s *shift) settle() {
	var pace run.Pacer
	for r := range s.results {
		pace.Next()
		batch, most := []result{r}, s.sizer.Size()
	more:
		for len(batch) < most {
			select {
			case r, ok := <-s.results:
				if !ok {
					break more
				}
				batch = append(batch, r)
			default:
				break more
			}
		}
		s.store(batch)
		pace.Done(len(batch), len(batch) == most)
	}
}

// store records results and settles their messages in one commit; if that fails, in
// parts, down to one message. It returns when each is stored, or lost to another
// worker.
func (s *shift) store(batch []result) {
	if len(batch) == 0 {
		return
	}
	suspect, verdicts, err := s.commit(batch)
	for idle := run.NewIdler(false); store.Away(err) && !s.giveUp(); {
		idle.Wait(context.Background(), nil)
		suspect, verdicts, err = s.commit(batch)
	}
	switch {
	case store.Away(err):
		s.leave(batch, err)
	case err == nil:
		s.confirm(batch, verdicts)
	case len(batch) > 1 && suspect < len(batch):
		s.store(batch[:suspect])
		s.store(batch[suspect : suspect+1])
		s.store(batch[suspect+1:])
	case len(batch) > 1:
		s.store(batch[:len(batch)/2])
		s.store(batch[len(batch)/2:])
	case errors.Is(err, ErrLease):
		s.leave(batch, err)
	default:
		s.fail(batch[0], err)
	}
}

// commit runs the records of results in one transaction. On an error it names the one
// that was being recorded, len(batch) after the last one.
func (s *shift) commit(batch []result) (suspect int, verdicts []Verdict, err error) {
	keys := make([][]string, len(batch))
	for i, r := range batch {
		keys[i] = []string{r.Key}
	}
	var spent time.Duration
	_, err = s.DB.Background().Update(context.Background(), slices.Concat(keys...), func(tx *store.Tx) error {
		begun := time.Now()
		verdicts = make([]Verdict, len(batch))
		suspect, err = tx.Each(keys, func(tx *store.Tx, i int) error {
			r := batch[i]
			verdicts[i].Delivery = r.Delivery
			if r.err != nil {
				verdicts[i].Next = s.Policy.Judge(r.Past, tx.Now, r.err)
				return nil
			}
			return r.handler.record(s.step(context.Background(), r), tx.Handling(r.Message), r.data, r.outcome)
		})
		if err != nil {
			return err
		}
		if err := s.mourn(tx, verdicts); err != nil {
			return err
		}
		err := s.Driver.Settle(tx, verdicts)
		spent = time.Since(begun)
		return err
	})
	if err == nil {
		s.sizer.Took(len(batch), spent)
	}
	return suspect, verdicts, err
}

// mourn says which messages have become dead, in the commit that stores it.
func (s *shift) mourn(tx *store.Tx, verdicts []Verdict) error {
	for _, v := range verdicts {
		if !v.Next.Dead {
			continue
		}
		err := tx.Handling(v.Message).Append(message.DeadKey(v.ID), message.DeadLettered{
			Letter: s.DB.Service() + "/" + v.ID, Place: s.queue, Type: v.Kind, Key: v.Key,
			Cause: v.Next.Past.Cause(), Problem: v.Next.Problem(), Redrives: v.Next.Past.Redrives})
		if err != nil {
			return err
		}
	}
	return nil
}

// leave lets messages go with no verdict: when their leases have ended, they come
// again, to whoever is there.
func (s *shift) leave(batch []result, cause error) {
	for _, r := range batch {
		slog.WarnContext(s.step(context.Background(), r), "a message was left without a verdict and comes again", "queue", s.queue, "id", r.ID, "cause", cause)
		r.ended(failure.Next{}, cause)
		s.done(r.Message)
	}
}

// fail handles a result that could not be recorded. One with no call is an attempt that
// failed. A call is not repeated: its record is, after a while, with the lease held.
func (s *shift) fail(r result, cause error) {
	next := s.Policy.Judge(r.Past, time.Now(), cause)
	switch {
	case r.err != nil: // not even the failure could be stored
		s.leave([]result{r}, cause)
	case next.Dead:
		r.err = failure.Permanent(cause)
		s.store([]result{r})
	case r.handler.call == nil || s.stopped():
		r.err = cause
		s.store([]result{r})
	default:
		r.Past = next.Past
		go s.later(r, next.Retry)
	}
}

// later hands r in again when it is due, or when the shift ends.
func (s *shift) later(r result, due time.Time) {
	t := time.NewTimer(time.Until(due))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.stopping:
	}
	s.results <- r // it has a place there: it is in hand
}

func (s *shift) stopped() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// giveUp reports whether the shift is over and has waited long enough for the database.
func (s *shift) giveUp() bool { return s.stopped() && time.Now().After(s.deadline) }

// confirm tells the driver and lets the messages go.
func (s *shift) confirm(batch []result, verdicts []Verdict) {
	ctx := context.Background()
	if err := s.Driver.Confirm(ctx, verdicts); err != nil {
		slog.WarnContext(ctx, "done messages could not be confirmed, and come again", "queue", s.queue, "error", err)
	}
	var sent []time.Time
	started := time.Now()
	for i, v := range verdicts {
		switch r := batch[i]; {
		case v.Next.Dead:
			s.handling.Count(ctx, "dead", 1)
			slog.ErrorContext(s.step(ctx, r), "a message is dead", "service", s.DB.Service(), "queue", s.queue, "kind", v.Kind, "key", v.Key, "id", v.ID, "trace_id", message.TraceID(v.Trace), "cause", v.Next.Past.Cause())
		case !v.Next.Done():
			s.handling.Count(ctx, "retry", 1)
			s.DB.Hint(s.queue) // poll often for a while
		default:
			sent = append(sent, r.Due)
			if r.started.Before(started) {
				started = r.started
			}
		}
		batch[i].ended(v.Next, nil)
		s.done(v.Message)
	}
	s.handling.Done(ctx, started, sent...)
}

// measure makes the instruments of a shift, and returns what ends them.
func (s *shift) measure() (stop func(), err error) {
	label := attribute.String("queue", s.queue)
	if s.handling, err = s.Process.Handling(label); err != nil {
		return nil, err
	}
	meter := s.Process.Meters()
	depth, err := meter.Int64ObservableGauge("tidewire.queue.depth", metric.WithDescription("Messages of a queue by state: waiting (due or not), out with a worker, dead."))
	if err != nil {
		return nil, err
	}
	reg, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		waiting, out, dead, err := s.Driver.Depth(ctx, s.queue)
		if err != nil {
			return err
		}
		for state, n := range map[string]int64{"waiting": waiting, "out": out, "dead": dead} {
			o.ObserveInt64(depth, n, metric.WithAttributes(label, attribute.String("state", state)))
		}
		return nil
	}, depth)
	if err != nil {
		return nil, err
	}
	return func() { _ = reg.Unregister() }, nil // it only fails if it was never registered
}
