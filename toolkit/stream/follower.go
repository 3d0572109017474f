package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

var (
	// ErrNowhere: a log has nothing at a position, nor behind it: it is one of another log.
	ErrNowhere = errors.New("the log does not go as far")
	// ErrBehind: a follower has not yet handled what is at a position.
	ErrBehind = errors.New("not there yet")
)

// A Follower is a service that follows a log. It knows how far what the service stores has
// come, whichever instance reads for it.
type Follower struct {
	DB       *store.DB
	Log      Log
	Name     string    // of the log
	Handlers []Handler // of the service; those of other logs are passed over
}

// followed is the topic of hints that positions of a service have moved.
const followed = "position"

// followPause is between two looks without a hint: another instance gives none.
const followPause = 25 * time.Millisecond

// Await returns once the service has handled what is at a position and all before it in
// its partition, or at once if it does not follow the log. A message that is parked has
// not been handled. When ctx ends it is ErrBehind.
func (f Follower) Await(ctx context.Context, at store.Position) error {
	if !slices.ContainsFunc(f.Handlers, func(h Handler) bool { return h.Log == f.Name }) {
		return nil
	}
	hint, stop := f.DB.Watch(followed)
	defer stop()
	poll := time.NewTicker(followPause)
	defer poll.Stop()
	for looked := false; ; looked = true {
		there, err := f.reached(ctx, at)
		if err == nil && !there && !looked {
			err = Stands(ctx, f.Log, at)
		}
		switch {
		case there:
			return nil
		case ctx.Err() != nil:
			return ErrBehind
		case err != nil:
			return err
		}
		select {
		case <-hint:
		case <-poll.C:
		case <-ctx.Done():
			return ErrBehind
		}
	}
}

// Stands returns ErrNowhere if a log has nothing at a position, nor behind it.
func Stands(ctx context.Context, log Log, at store.Position) error {
	id, err := log.At(ctx, at.Partition, at.Seq)
	if errors.Is(err, ErrUnseen) { // the journal knows
		return nil
	}
	if err != nil || id != "" {
		return err
	}
	// What was there may have passed its retention.
	behind, err := log.Read(ctx, Query{From: []store.Position{{Partition: at.Partition, Seq: at.Seq - 1}}, Max: 1, Want: nothing})
	if err == nil && len(behind) == 0 {
		err = ErrNowhere
	}
	return err
}

// nothing wants no bodies.
func nothing(string) bool { return false }

// reached reports whether what the service stores has what is at a position. A reader
// stores its position late if nobody wants what it has read: that is looked up.
func (f Follower) reached(ctx context.Context, at store.Position) (there bool, err error) {
	from, stopped := store.Position{Partition: at.Partition}, ""
	parked := false
	err = f.DB.View(ctx, func(tx *store.Tx) (err error) {
		_, err = tx.Row([]any{&from.Seq, &stopped}, `SELECT seq, stopped FROM position WHERE subscription = $1 AND log = $2 AND partition = $3`,
			f.DB.Service(), f.Name, at.Partition)
		if err == nil {
			parked, err = tx.Row([]any{nil}, `SELECT 1 FROM parked WHERE subscription = $1 AND log = $2 AND partition = $3 AND seq = $4`,
				f.DB.Service(), f.Name, at.Partition, at.Seq)
		}
		return err
	})
	switch {
	case err != nil || parked:
		return false, err
	case from.Seq >= at.Seq:
		return true, nil
	case stopped != "":
		return false, ErrBehind
	}
	return f.unwanted(ctx, from, at)
}

// unwanted reports whether the service wants nothing of what follows from, up to at.
func (f Follower) unwanted(ctx context.Context, from, at store.Position) (bool, error) {
	for range skipLimit / batchSize {
		entries, err := f.Log.Read(ctx, Query{From: []store.Position{from}, Max: batchSize, Want: nothing})
		if err != nil || len(entries) == 0 {
			return false, err
		}
		for _, e := range entries {
			switch {
			case e.Seq > at.Seq:
				return true, nil
			case f.wants(e.Kind):
				return false, nil
			case e.Seq == at.Seq:
				return true, nil
			}
		}
		from = entries[len(entries)-1].Position
	}
	return false, nil
}

// wants reports whether the service handles a kind, in this version or another one.
func (f Follower) wants(kind string) bool {
	name, _ := message.Versioned(kind)
	return slices.ContainsFunc(f.Handlers, func(h Handler) bool {
		known, _ := message.Versioned(h.Kind)
		return h.Log == f.Name && known == name
	})
}
