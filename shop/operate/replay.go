package operate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Replay is what an operator wants a subscription to read again.
type Replay struct {
	From      string `json:"from"`      // start, a time, or a number of the log
	Partition *int   `json:"partition"` // one of the log's; all
	DryRun    bool   `json:"dryRun"`    // only say what would come again
	Decision
}

// StreamReplayed records that a subscription was made to read a log again.
type StreamReplayed struct {
	Subscription string `json:"subscription"`
	Log          string `json:"log"`
	From         string `json:"from"`
	Partitions   int    `json:"partitions"` // that are read again
	Messages     int64  `json:"messages"`   // that are: its handlers get those that they follow
	Decision
}

// Kind is the name of the contract.
func (StreamReplayed) Kind() string { return "StreamReplayed" }

// Class keeps it for the retention, apart from the service's own facts.
func (StreamReplayed) Class() message.Class { return message.Audit }

// replay answers a request to have a subscription read a log again.
func (d *Desk) replay(r *http.Request) (door.Answer, error) {
	var want Replay
	if err := decided(r, &want); err != nil {
		return door.Answer{}, err
	}
	subscription, name := r.PathValue("subscription"), r.PathValue("log")
	if slices.Contains(d.Forwards, subscription) {
		return door.Answer{}, door.Conflict("forwarded", "That forwards a journal to another server, and sends again by itself what is missing there: have a service read again.")
	}
	i := slices.IndexFunc(d.Services, func(db *store.DB) bool { return db.Service() == subscription })
	var at []store.Position
	if log := d.Logs[name]; i >= 0 && log != nil {
		var err error
		if at, err = stream.Read(r.Context(), d.Services[i], name); err != nil {
			return door.Answer{}, err
		}
	}
	if len(at) == 0 {
		return door.Answer{}, d.noSubscription(r.Context())
	}
	to, err := want.places(r.Context(), d.Logs[name], at)
	if err != nil {
		return door.Answer{}, err
	}
	done, err := d.again(r.Context(), d.Services[i], name, to, want)
	switch {
	case errors.Is(err, stream.ErrParked):
		return door.Answer{}, door.Conflict("parked", "Messages of that log are parked there, and what comes again could not be told from them: redrive or discard them first (tidewire dead list).")
	case errors.Is(err, stream.ErrStopped):
		return door.Answer{}, door.Conflict("stopped", "The subscription has stopped, as the log is not the one that it has read: tidewire stream list says why.")
	}
	return door.Answer{Body: done}, err
}

// noSubscription is 404, and names those there are.
func (d *Desk) noSubscription(ctx context.Context) error {
	streams, err := d.Streams(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, s := range streams {
		if slices.Contains(d.Forwards, s.Subscription) {
			continue
		}
		names = append(names, s.Subscription+" "+s.Log)
	}
	p := door.NotFound("subscription")
	p.Detail = "There are, with the log of each: " + strings.Join(slices.Compact(names), ", ") + "."
	return p
}

// places are where want begins, in the partitions of at that it is about.
func (want Replay) places(ctx context.Context, log stream.Log, at []store.Position) ([]store.Position, error) {
	if p := want.Partition; p != nil {
		if *p < 0 || *p >= store.Partitions {
			return nil, door.Invalid(door.Field{Field: "partition", Detail: fmt.Sprintf("must be 0 to %d", store.Partitions-1)})
		}
		at = slices.DeleteFunc(slices.Clone(at), func(a store.Position) bool { return a.Partition != *p })
	}
	places, ok, err := placesOf(ctx, log, at, want.From)
	if err == nil && !ok {
		err = door.Invalid(door.Field{Field: "from", Detail: "must be start, a time such as 2026-01-31T12:00:00Z, or a number of the log"})
	}
	return places, err
}

// placesOf are the places from which a log is to be read, in the partitions of at and no
// further than those: from its start, a time, or a number on. It reports false for what is
// none of these.
func placesOf(ctx context.Context, log stream.Log, at []store.Position, from string) (places []store.Position, ok bool, err error) {
	if from == "start" {
		places, err = stream.Before(ctx, log, at, 0)
		return places, true, err
	}
	if seq, err := strconv.ParseInt(from, 10, 64); err == nil {
		places, err = stream.Before(ctx, log, at, seq)
		return places, seq >= 0, err
	}
	t, err := time.Parse(time.RFC3339, strings.ReplaceAll(from, " ", "+"))
	if err != nil {
		return nil, false, nil
	}
	places, err = stream.Since(ctx, log, at, t)
	return places, true, err
}

// again has the service of db read a log again, and records it in the same commit. A dry run
// does all of it but the commit.
func (d *Desk) again(ctx context.Context, db *store.DB, name string, to []store.Position, want Replay) (done StreamReplayed, err error) {
	errDry := errors.New("a dry run")
	at, err := stream.Read(ctx, db, name)
	if err != nil {
		return done, err
	}
	at = slices.DeleteFunc(at, func(a store.Position) bool {
		return !slices.ContainsFunc(to, func(p store.Position) bool { return p.Partition == a.Partition && p.Seq < a.Seq })
	})
	to = slices.DeleteFunc(to, func(p store.Position) bool {
		return !slices.ContainsFunc(at, func(a store.Position) bool { return p.Partition == a.Partition })
	})
	// Counted before: nothing is asked of another database while a transaction is open.
	begin, err := d.Logs[name].Behind(ctx, to)
	if err != nil {
		return done, err
	}
	left, err := d.Logs[name].Behind(ctx, at)
	if err != nil {
		return done, err
	}
	done = StreamReplayed{Subscription: db.Service(), Log: name, From: want.From, Messages: max(0, begin-left), Decision: want.Decision}
	_, err = stream.Rewind(ctx, db, name, to, func(tx *store.Tx, all []stream.Rewound) error {
		done.Partitions = len(all)
		if want.DryRun {
			return errDry
		}
		return tx.Append("replay:"+name, done)
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return done, err
}
