package operate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// stuckAfter is how long something may be late before it is a finding. Whatever died is
// picked up by another within seconds.
const stuckAfter = time.Minute

// A Finding is something wrong, and what to do about it: a command to type, or where to
// look. What needs neither is no finding.
type Finding struct {
	What  string `json:"what"`
	Where string `json:"where"`
	Do    string `json:"do"`
}

// Findings looks at everything, and reports what could not be looked at as a finding.
// Only when nobody waits for the answer any more does it stop.
func (d *Desk) Findings(ctx context.Context) ([]Finding, error) {
	now := time.Now()
	finders := append([]Finder{
		func(ctx context.Context) ([]Finding, error) { return d.stoppedStreams(ctx, now) },
		func(ctx context.Context) ([]Finding, error) { return d.stuckWork(ctx, now) },
		func(ctx context.Context) ([]Finding, error) { return d.stuckKeys(ctx, now) },
		func(ctx context.Context) ([]Finding, error) { return d.stuckSagas(ctx, now) },
	}, d.Checks...)
	var all []Finding
	for _, find := range finders {
		found, err := find(ctx)
		all = append(all, found...)
		if err == nil {
			continue
		}
		all = append(all, Finding{What: "cannot look: " + err.Error(), Where: "the platform", Do: "see /readyz, and the log"})
		if errors.Is(err, context.Canceled) {
			return all, err
		}
	}
	return all, nil
}

// stoppedStreams finds partitions that nobody reads, and those that kill their readers.
func (d *Desk) stoppedStreams(ctx context.Context, now time.Time) ([]Finding, error) {
	streams, err := d.Streams(ctx)
	var found []Finding
	var alone []Stream // that nobody reads, though nothing stands against it
	for _, s := range streams {
		switch {
		case s.Stopped != "":
			found = append(found, d.stopped(ctx, s))
		case s.Behind > 0 && (s.Owner == "" || now.Sub(s.OwnedUntil) > stuckAfter):
			alone = append(alone, s)
		}
		if s.Strikes > 1 {
			found = append(found, Finding{What: fmt.Sprintf("%d readers died on a partition without progress", s.Strikes), Where: s.Where(),
				Do: "look in the log for a message that kills the process"})
		}
	}
	return append(found, unread(alone)...), err
}

// unread is one finding for all the partitions of a subscription that nobody reads: they have
// one cause. They come sorted.
func unread(streams []Stream) (found []Finding) {
	for len(streams) > 0 {
		first, n := streams[0], 1
		for n < len(streams) && streams[n].Subscription == first.Subscription && streams[n].Log == first.Log {
			n++
		}
		var wait int64
		which := make([]string, n)
		for i, s := range streams[:n] {
			wait += s.Behind
			which[i] = strconv.Itoa(s.Partition)
		}
		streams = streams[n:]
		f := Finding{What: fmt.Sprintf("nobody reads a partition, %d messages wait", wait), Where: first.Where(), Do: "start the service: tidewire up " + first.Service}
		if n > 1 {
			f.What = fmt.Sprintf("nobody reads %d partitions, %d messages wait", n, wait)
			f.Where = fmt.Sprintf("subscription %s, log %s, partitions %s", first.Subscription, first.Log, strings.Join(which, ", "))
		}
		found = append(found, f)
	}
	return found
}

// stopped says what a partition that nobody reads lacks, as far as its log tells, and what
// is lost if the log that was read is put back.
func (d *Desk) stopped(ctx context.Context, s Stream) Finding {
	if s.Subscription != s.Service {
		return Finding{What: "a partition is not forwarded any more: " + s.Stopped, Where: s.Where(),
			Do: "nothing was skipped: put right what it says, and start the service again; topics that can be given up are filled again from the journals, when they are deleted while the platform is stopped"}
	}
	f := Finding{What: "a partition is not read any more: " + s.Stopped, Where: s.Where()}
	since := "what was said"
	if end, later, err := d.since(ctx, s); err == nil {
		goes := fmt.Sprintf("it ends at %d", end)
		if end >= s.Position { // it has grown again, by other messages
			goes = fmt.Sprintf("it goes on to %d, by other messages", end)
		}
		f.What += fmt.Sprintf(" (read up to %d; %s; %d of its messages are later than what was read)", s.Position, goes, later)
		since = fmt.Sprintf("what was said since (%d messages of this partition)", later)
	}
	f.Do = "nothing was skipped: stop the platform, keep a copy of what is there now, put back the database of " + s.Log + " that was read or restore all of one backup, and start it again; " +
		since + " is in that copy alone then, and is lost without it"
	return f
}

// since returns where the journal of a stopped partition ends, and how many of its messages
// were said after the last one that was read: IDs grow with time (UUIDv7).
func (d *Desk) since(ctx context.Context, s Stream) (end, later int64, err error) {
	db, err := d.service(s.Log)
	if err != nil {
		return 0, 0, err
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&end, &later}, `SELECT MAX(seq), COUNT(CASE WHEN id > $2 THEN 1 END) FROM journal WHERE partition = $1`, s.Partition, s.last)
		return err
	})
	return end, later, err
}

// stuckWork finds queues that nobody works on, and what they could not do. A job that has
// been due for less than stuckAfter only waits its turn.
func (d *Desk) stuckWork(ctx context.Context, now time.Time) ([]Finding, error) {
	depths, err := d.Depths(ctx)
	var found []Finding
	for _, q := range depths {
		if late := now.Sub(q.Oldest); q.Due > 0 && late > stuckAfter && !d.away(q.Queue) {
			found = append(found, Finding{What: fmt.Sprintf("%d jobs are due, the first for %s", q.Due, late.Round(time.Second)), Where: "queue " + q.Queue, Do: hurry(q)})
		}
		if late := now.Sub(q.Lost); q.Expired > 0 && late > stuckAfter {
			found = append(found, Finding{What: fmt.Sprintf("%d jobs were lost by their workers, the first %s ago", q.Expired, late.Round(time.Second)), Where: "queue " + q.Queue,
				Do: "start the service: tidewire up " + q.Service})
		}
		if q.Dead > 0 {
			found = append(found, Finding{What: fmt.Sprintf("%d dead letters", q.Dead), Where: "queue " + q.Queue, Do: readDead(q.Service)})
		}
	}
	return found, err
}

// away reports whether the jobs of a queue wait for something that is away. Whoever knows
// that has a Check that says so.
func (d *Desk) away(queue string) bool {
	away := d.Away[queue]
	return away != nil && away()
}

// hurry is what to do about a queue that is late. More workers are of no use to calls that
// wait, and somebody who has jobs in hand runs.
func hurry(q Depth) string {
	if n := q.Out - q.Expired; n > 0 {
		return fmt.Sprintf("a worker has %d more in hand: see in the log of %s what they wait for; if for nothing, it needs more workers", n, q.Service)
	}
	return "see whether " + q.Service + " runs and what its log says; if it does, it needs more workers"
}

// parkedTooLong is how long the first message of a key may be retried before somebody
// should look: the delays of the default policy add up to less.
const parkedTooLong = 10 * time.Minute

// stuckKeys finds keys that wait: for an operator, for too long, or for nobody. Those
// behind the first message of their key are not counted; they wait for it alone.
func (d *Desk) stuckKeys(ctx context.Context, now time.Time) ([]Finding, error) {
	var found []Finding
	err := d.each(ctx, func(db *store.DB, tx *store.Tx) error {
		return tx.Rows(`SELECT subscription, log,
				COUNT(CASE WHEN state IN ('dead', 'released') THEN 1 END),
				COUNT(CASE WHEN state = 'retry' AND due < $1 THEN 1 END),
				COUNT(CASE WHEN state = 'retry' AND time < $2 THEN 1 END),
				COUNT(CASE WHEN state = 'waiting' AND NOT EXISTS (SELECT 1 FROM parked f WHERE f.subscription = parked.subscription
					AND f.log = parked.log AND f.key = parked.key AND f.seq < parked.seq AND f.state <> 'released') THEN 1 END)
			FROM parked GROUP BY subscription, log ORDER BY subscription, log`, []any{now.Add(-stuckAfter), now.Add(-parkedTooLong)},
			func(scan func(...any) error) error {
				var subscription, log string
				var dead, late, long, nobody int64
				if err := scan(&subscription, &log, &dead, &late, &long, &nobody); err != nil {
					return err
				}
				where := fmt.Sprintf("subscription %s, log %s", subscription, log)
				if dead > 0 {
					found = append(found, Finding{What: fmt.Sprintf("%d dead letters, and what waits behind them", dead), Where: where, Do: readDead(db.Service())})
				}
				if nobody > 0 {
					found = append(found, Finding{What: fmt.Sprintf("%d keys wait behind nothing", nobody), Where: where,
						Do: "restart " + db.Service() + ": whoever takes their partitions makes them due"})
				}
				switch {
				case late > 0:
					found = append(found, Finding{What: fmt.Sprintf("%d keys are due to be tried again, and are not", late), Where: where,
						Do: "see whether " + db.Service() + " runs and what its log says"})
				case long > 0:
					found = append(found, Finding{What: fmt.Sprintf("%d keys have been tried again for more than %s", long, parkedTooLong), Where: where,
						Do: "see in the log what fails"})
				}
				return nil
			})
	})
	return found, err
}

func readDead(service string) string {
	return "tidewire dead list --service " + service + "; then redrive or discard"
}
