package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"go.opentelemetry.io/otel/metric"
)

// A Relay forwards the journal of a service to a Sink: its public facts, and its commands to
// others.
//
// What it promises:
//
//   - Nothing is forwarded before what precedes it in its partition, and no position is
//     moved past a message before the Sink has confirmed it. It may be sent twice.
//   - A Keeper that has lost what it confirmed, all of it or the end, gets it again from the
//     journal: it is looked at when a partition is taken, when a Send has failed, and every
//     few seconds.
//   - A Keeper that has messages of another journal, or some that the journal does not
//     have, stops the partition, with the reason in the table position: the database was
//     replaced or restored, and what others have read is not what it says.
//
// Partitions are shared between instances as those of a Reader. One that is stopped past its
// lease and goes on can send what others have sent meanwhile; its Chain tells that to whoever
// reads, and the position does not move.
type Relay struct {
	DB      *store.DB // whose journal it is
	Log     Log       // the journal
	To      string    // names the Sink: the subscription of the relay's positions
	Sink    Sink
	Process *run.Process
	Lease   time.Duration // how long a lost instance holds its partitions; 3s
	Every   time.Duration // between looks at what a Keeper has, where nothing is sent; 5s
}

// Run forwards until ctx is done, then finishes the batch in hand, gives its partitions back
// and returns nil. What the database or the Sink cannot do now is waited for.
func (r *Relay) Run(ctx context.Context) error {
	f := r.forwarding()
	stop, err := f.measure()
	if err != nil {
		return err
	}
	defer stop()
	hint, unwatch := r.Log.Watch()
	defer unwatch()
	defer func() { f.complain(ctx, f.release()) }()
	idle := run.NewIdler(r.DB.Alone())
	for ctx.Err() == nil {
		progress, err := f.turn(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			f.complain(ctx, err)
			idle.Wait(ctx, nil)
		case progress:
			f.complain(ctx, nil)
			idle.Reset()
		default:
			idle.Wait(ctx, hint)
		}
	}
	return nil
}

// A forwarding is one run of a Relay. It is used by one goroutine.
type forwarding struct {
	*Relay
	*leases
	keeper    Keeper        // nil: the Sink keeps nothing
	taken     []row         // partitions that are to be looked at before they are forwarded
	chains    map[int]Chain // behind what was sent, by partition that is held
	first     int           // where the next read begins
	lookAt    time.Time
	catchUpAt time.Time
	pace      run.Pacer
	troubled  bool
	sent      metric.Int64Counter
	failed    metric.Int64Counter
	labels    metric.MeasurementOption
}

func (r *Relay) forwarding() *forwarding {
	f := &forwarding{Relay: r, leases: newLeases(r.DB, r.To, r.DB.Service(), r.Process.Instance, r.Lease), chains: map[int]Chain{}}
	f.keeper, _ = r.Sink.(Keeper)
	return f
}

// turn does what there is to do, once, and reports whether that was anything.
func (f *forwarding) turn(ctx context.Context) (progress bool, err error) {
	if time.Now().After(f.holdAt) {
		f.taken = nil
		if err = f.hold(ctx, f.take, nil); err == nil {
			err = f.begin(ctx)
		}
		if err != nil {
			f.forget()
			return false, f.lost(err)
		}
	}
	f.pace.Next()
	entries, err := f.read(ctx)
	if err == nil && len(entries) == 0 {
		err = f.lookAgain(ctx)
	}
	if err == nil && len(entries) > 0 {
		progress, err = true, f.forward(ctx, entries)
	}
	if err == nil {
		err = f.catchUp(ctx)
	}
	f.pace.Done(len(entries), len(entries) >= batchSize)
	if err != nil {
		f.forget() // what was sent, and what the Keeper has, is looked up before more is sent
	}
	return progress, f.lost(err)
}

// lost passes over that a partition has another owner: what is ours is taken anew.
func (f *forwarding) lost(err error) error {
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// take notes a partition that is ours from now on.
func (f *forwarding) take(_ context.Context, r row) error {
	f.taken = append(f.taken, r)
	return nil
}

// read returns what follows, a little of every partition in turn.
func (f *forwarding) read(ctx context.Context) ([]Entry, error) {
	q := Query{Max: batchSize, Want: func(string) bool { return true }}
	for i := range store.Partitions {
		if h := f.held[(f.first+i)%store.Partitions]; h != nil {
			q.From = append(q.From, h.at)
		}
	}
	f.first = (f.first + 1) % store.Partitions
	if len(q.From) == 0 {
		return nil, nil
	}
	return f.Log.Read(ctx, q)
}

// forward sends what is for others, and moves the positions past it once that is confirmed.
// What is for nobody else is passed by.
func (f *forwarding) forward(ctx context.Context, entries []Entry) error {
	var all []Forwarded
	chains := map[int]Chain{}
	for _, e := range entries {
		c, known := chains[e.Partition]
		if !known {
			c = f.chains[e.Partition]
		}
		if e.Class == message.Public || e.Class == message.Command {
			all = append(all, Forwarded{Entry: e, Identity: f.held[e.Partition].identity, Before: c})
		}
		chains[e.Partition] = c.Then(e)
	}
	if err := f.send(ctx, all); err != nil {
		return err
	}
	moves := f.moves(entries)
	if len(all) > 0 {
		// What was confirmed is marked even if we are told to end: else it would be sent twice.
		mark, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.lease)
		defer cancel()
		_, err := f.db.Update(mark, nil, func(tx *store.Tx) error { return f.fence(tx, moves) })
		if err != nil {
			return err
		}
		f.moved(moves)
	}
	for _, m := range moves {
		m.held.at = m.to
		f.chains[m.to.Partition] = chains[m.to.Partition]
	}
	return nil
}

// send has the Sink store messages. One that can never be stored stops its partition.
func (f *forwarding) send(ctx context.Context, all []Forwarded) error {
	if len(all) == 0 {
		return nil
	}
	err := f.Sink.Send(ctx, all)
	if err == nil {
		f.sent.Add(ctx, int64(len(all)), f.labels)
		f.lookAt = time.Now().Add(f.every())
		return nil
	}
	f.failed.Add(ctx, 1, f.labels)
	var refused *Refused
	if h := (*held)(nil); errors.As(err, &refused) {
		if h = f.held[refused.At.Partition]; h != nil {
			err = cmp.Or(f.stop(ctx, h, refused.Why), errLost) // the others go on from what was confirmed
		}
	}
	return err
}

func (f *forwarding) every() time.Duration { return cmp.Or(f.Every, 5*time.Second) }

// catchUp stores now and then how far was read of what is for nobody else.
func (f *forwarding) catchUp(ctx context.Context) error {
	if time.Now().Before(f.catchUpAt) {
		return nil
	}
	f.catchUpAt = time.Now().Add(catchUpPause)
	var moves []move
	for _, h := range f.held {
		if h.at.Seq > h.stored.Seq || h.struck { // no message of a journal ends who forwards it
			moves = append(moves, move{held: h, to: h.at})
		}
	}
	if len(moves) == 0 {
		return nil
	}
	slices.SortFunc(moves, func(a, b move) int { return cmp.Compare(a.to.Partition, b.to.Partition) })
	_, err := f.db.Update(ctx, nil, func(tx *store.Tx) error { return f.fence(tx, moves) })
	if err == nil {
		f.moved(moves)
	}
	return err
}

// complain logs the first error of a row, and that it is over.
func (f *forwarding) complain(ctx context.Context, err error) {
	switch {
	case err != nil && !f.troubled:
		slog.WarnContext(ctx, "forwarding has stopped and is tried again", "log", f.log, "to", f.To, "error", err)
	case err == nil && f.troubled:
		slog.InfoContext(ctx, "forwarding goes on", "log", f.log, "to", f.To)
	}
	f.troubled = err != nil
}

// begin looks at what the Keeper has of the partitions that were taken, and goes on from
// there.
func (f *forwarding) begin(ctx context.Context) error {
	if len(f.taken) == 0 {
		return nil
	}
	identity, err := f.Log.Identity(ctx)
	if err != nil {
		return err
	}
	begun := map[int]*held{}
	for _, r := range f.taken {
		begun[r.Partition] = &held{stored: r.Position, at: r.Position, identity: identity, token: r.token, struck: r.strikes > 0}
	}
	if err := f.look(ctx, begun, func(h *held, end Forwarded) {
		h.at, f.chains[h.at.Partition] = end.Position, end.Before
	}); err != nil {
		return err
	}
	for _, r := range f.taken {
		h := begun[r.Partition]
		if h == nil {
			continue
		}
		if r.stopped != "" {
			if err := f.goOn(ctx, h); err != nil {
				return err
			}
		}
		f.held[r.Partition] = h
	}
	return nil
}

// lookAgain looks now and then whether a Keeper still has what it was sent, where nothing
// tells: it may have been wiped.
func (f *forwarding) lookAgain(ctx context.Context) error {
	if f.keeper == nil || len(f.held) == 0 || time.Now().Before(f.lookAt) {
		return nil
	}
	return f.look(ctx, f.held, func(h *held, end Forwarded) {
		if p := h.at.Partition; end.Seq != f.chains[p].Last() {
			slog.WarnContext(ctx, "what was forwarded is not what is there: forwarding goes on from its end", "log", f.log, "to", f.To, "partition", p, "was", f.chains[p].Last(), "end", end.Seq)
			h.at, f.chains[p] = end.Position, end.Before
		}
	})
}

// look calls at for each of some partitions with where it goes on: the end of what the Keeper
// has, with the chain behind it. One that is not of our journal stops, and is taken out.
func (f *forwarding) look(ctx context.Context, of map[int]*held, at func(h *held, end Forwarded)) error {
	f.lookAt = time.Now().Add(f.every())
	var from []store.Position
	for p, h := range of {
		f.looked[p] = true
		from = append(from, h.at)
	}
	if f.keeper == nil {
		for _, h := range of {
			at(h, Forwarded{Entry: Entry{Position: h.at}})
		}
		return nil
	}
	ends, err := f.keeper.Ends(ctx, from)
	if err != nil {
		return err
	}
	for p, h := range of {
		end := Forwarded{Entry: Entry{Position: store.Position{Partition: p}}}
		if i := slices.IndexFunc(ends, func(e Forwarded) bool { return e.Partition == p }); i >= 0 {
			end = ends[i]
			why, err := f.strange(ctx, h, end)
			if err != nil {
				return err
			}
			if why != "" {
				delete(of, p)
				if err := f.stop(ctx, h, why); err != nil {
					return err
				}
				continue
			}
			end.Before = end.Before.Then(end.Entry)
		}
		at(h, end)
	}
	return nil
}

// strange says why what a Keeper has is not of our journal, or "". A command that was sent
// long ago may have passed its retention.
func (f *forwarding) strange(ctx context.Context, h *held, end Forwarded) (string, error) {
	if end.Identity != h.identity {
		return fmt.Sprintf("%s has messages of another journal of %s (identity %s, ours is %s): the database was replaced", f.To, f.log, end.Identity, h.identity), nil
	}
	id, err := f.Log.At(ctx, end.Partition, end.Seq)
	if err != nil || id == end.Message.ID || id == "" && end.Class == message.Command && end.Seq < h.stored.Seq {
		return "", err
	}
	return fmt.Sprintf("%s has message %s at %d of %s, which the journal has not: the database was restored to an earlier state", f.To, end.Message.ID, end.Seq, f.log), nil
}
