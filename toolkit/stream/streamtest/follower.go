package streamtest

import (
	"context"
	"errors"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// unheard is a fact that no reader of the suite wants.
type unheard struct{}

func (unheard) Kind() string { return "unheard" }

// wrote appends facts about a key and returns the position of the last.
func (k *desk) wrote(key string, facts ...message.Kind) store.Position {
	k.Helper()
	at, err := k.source.Update(k.Context(), []string{key}, func(tx *store.Tx) error {
		for _, f := range facts {
			if err := tx.Append(key, f); err != nil {
				return err
			}
		}
		return nil
	})
	k.must(err)
	return at
}

func (k *desk) follower() stream.Follower {
	return stream.Follower{DB: k.target, Log: k.journal(), Name: "source", Handlers: k.reader(do).Handlers}
}

// reaches waits for a follower to get to a position for a time, and says how that ended.
func (k *desk) reaches(f stream.Follower, at store.Position, limit time.Duration, want error) {
	k.Helper()
	ctx, cancel := context.WithTimeout(k.Context(), limit)
	defer cancel()
	if err := f.Await(ctx, at); !errors.Is(err, want) || want == nil && err != nil {
		k.Errorf("%+v within %v: %v, want %v", at, limit, err, want)
	}
}

const (
	long  = 30 * time.Second
	brief = 100 * time.Millisecond // of waiting in vain
)

func followers() []test {
	return []test{
		{"has reached what it has handled", func(k *desk) {
			f := k.follower()
			first := k.wrote("a", counted{0}, counted{1})
			k.reaches(f, first, brief, stream.ErrBehind)
			k.start(k.reader(do))
			k.reaches(f, first, long, nil)
			k.awaitEffects("a", 0, 1)
			for i := 2; i < 30; i++ {
				k.reaches(f, k.wrote("a", counted{i}), long, nil)
				if got := k.effects("a"); len(got) != i+1 {
					k.Fatalf("%v is there, and %d was to be", got, i)
				}
			}
			k.reaches(f, first, brief, nil) // long since
		}},
		{"that is waited for wakes whoever waits", func(k *desk) {
			at := k.wrote("a", counted{0})
			waited := make(chan error, 1)
			go func() { waited <- k.follower().Await(k.Context(), at) }()
			k.start(k.reader(do))
			if err := <-waited; err != nil {
				k.Error(err)
			}
			k.awaitEffects("a", 0)
		}},
		// A reader stores what it passes by now and then only.
		{"need not have read what it does not want", func(k *desk) {
			k.reaches(k.follower(), k.wrote("a", unheard{}, unheard{}), long, nil)
			at := k.wrote("a", counted{0}, unheard{})
			k.reaches(k.follower(), at, brief, stream.ErrBehind)
			k.start(k.reader(do))
			k.reaches(k.follower(), at, long, nil)
			k.awaitEffects("a", 0)
		}},
		{"that does not follow the log has nothing to wait for", func(k *desk) {
			f := k.follower()
			f.Name = "another"
			k.reaches(f, k.wrote("a", counted{0}), brief, nil)
			f.Handlers = nil
			k.reaches(f, store.Position{Seq: 1 << 40}, brief, nil)
		}},
		{"never gets to where the log does not go", func(k *desk) {
			k.wrote("b", unheard{})
			at := k.wrote("a", counted{0})
			beyond := at
			beyond.Seq += 1000
			k.reaches(k.follower(), beyond, long, stream.ErrNowhere)
			k.start(k.reader(do))
			k.reaches(k.follower(), at, long, nil)
			k.reaches(k.follower(), beyond, long, stream.ErrNowhere)
			for _, p := range []store.Position{at, {Partition: at.Partition, Seq: at.Seq - 1}} {
				k.must(stream.Stands(k.Context(), k.journal(), p))
			}
			if err := stream.Stands(k.Context(), k.journal(), beyond); !errors.Is(err, stream.ErrNowhere) {
				k.Errorf("beyond the end: %v", err)
			}
		}},
		{"has not reached what is parked, nor what waits behind it", func(k *desk) {
			h, repair := k.broken(failure.RetryAfter(time.Hour, errBad))
			bad, behind := k.wrote("a", counted{0}), k.wrote("a", counted{1})
			k.start(k.reader(h))
			k.awaitStates("retry 1 waiting 1")
			k.reaches(k.follower(), k.wrote("b", counted{2}), long, nil)
			k.reaches(k.follower(), bad, brief, stream.ErrBehind)
			k.reaches(k.follower(), behind, brief, stream.ErrBehind)
			repair()
			k.update(k.target, func(tx *store.Tx) error { return tx.Exec(`UPDATE parked SET due = $1 WHERE state = 'retry'`, tx.Now) })
			k.reaches(k.follower(), behind, long, nil)
			k.reaches(k.follower(), bad, long, nil)
			k.awaitEffects("a", 0, 1)
		}},
		{"has not reached what is dead, also where its key goes on", func(k *desk) {
			h, _ := k.broken(failure.Permanent(errBad))
			r := k.reader(h)
			r.Policy.Release = true
			bad, behind := k.wrote("a", counted{0}), k.wrote("a", counted{1})
			k.start(r)
			k.reaches(k.follower(), behind, long, nil)
			k.reaches(k.follower(), bad, brief, stream.ErrBehind)
		}},
		{"that has stopped is not waited for", func(k *desk) {
			stop := k.start(k.reader(do))
			k.reaches(k.follower(), k.wrote("a", counted{0}), long, nil)
			stop()
			k.update(k.target, func(tx *store.Tx) error { return tx.Exec(`UPDATE position SET stopped = 'another log'`) })
			k.reaches(k.follower(), k.wrote("a", counted{1}), long, stream.ErrBehind)
		}},
	}
}
