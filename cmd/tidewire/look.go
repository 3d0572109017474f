package main

import (
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// A streamCommand looks at streams.
type streamCommand struct {
	List   streamListCommand   `cmd:"" help:"Who reads which log, how far, and what stops it."`
	Tail   streamTailCommand   `cmd:"" help:"What the logs say."`
	Replay streamReplayCommand `cmd:"" help:"Have a subscription read a log again."`
}

// A streamListCommand lists who reads what. Its table has a line for each subscription,
// for partitions matter only once one of them is behind.
type streamListCommand struct {
	Partitions bool `help:"A line for each partition, not for each subscription."`
	JSON       bool `help:"Print JSON: always an object for each partition."`
}

// Help explains the columns.
func (streamListCommand) Help() string {
	return `BEHIND counts messages still to be read; PARKED those that wait behind a failed one of their key; DEAD those that wait for an operator (tidewire dead list). STOPPED says why a partition is not read any more.

Examples:

  tidewire stream list
  tidewire stream list --partitions
  tidewire stream list --json | jq '[.[].behind] | add'`
}

// Run prints streams. In a sum, what cannot be counted (-1) counts as nothing.
func (cmd streamListCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	streams, err := all[operate.Stream](door, "/admin/v1/streams", nil)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, streams)
	}
	if cmd.Partitions {
		t := newTable(c.out, "SUBSCRIPTION", "LOG", "PARTITION", "POSITION", "BEHIND", "PARKED", "DEAD", "OWNER", "STOPPED")
		for _, s := range streams {
			t.row(s.Subscription, s.Log, s.Partition, s.Position, s.Behind, s.Parked, s.Dead, s.Owner, s.Stopped)
		}
		return t.end()
	}
	t := newTable(c.out, "SUBSCRIPTION", "LOG", "PARTITIONS", "BEHIND", "PARKED KEYS", "PARKED", "DEAD", "STOPPED")
	for len(streams) > 0 {
		sum, n := streams[0], 1
		for ; n < len(streams) && streams[n].Subscription == sum.Subscription && streams[n].Log == sum.Log; n++ {
			sum.Behind += max(0, streams[n].Behind)
			sum.ParkedKeys += streams[n].ParkedKeys
			sum.Parked += streams[n].Parked
			sum.Dead += streams[n].Dead
			if sum.Stopped == "" {
				sum.Stopped = streams[n].Stopped
			}
		}
		t.row(sum.Subscription, sum.Log, n, sum.Behind, sum.ParkedKeys, sum.Parked, sum.Dead, sum.Stopped)
		streams = streams[n:]
	}
	return t.end()
}

// A queueCommand looks at queues.
type queueCommand struct {
	List queueListCommand `cmd:"" help:"What waits in each queue, is out with workers, or is dead."`
}

// A queueListCommand lists what stands in queues.
type queueListCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help explains the columns.
func (queueListCommand) Help() string {
	return `WAITING counts jobs to be handed out, DUE those of them whose time has come, OUT those with a worker, EXPIRED those whose worker was lost, DEAD those that wait for an operator. OLDEST is how long the first due job has waited.

Examples:

  tidewire queue list
  tidewire queue list --json`
}

// Run prints queues.
func (cmd queueListCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	queues, err := all[operate.Depth](door, "/admin/v1/queues", nil)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, queues)
	}
	t := newTable(c.out, "QUEUE", "WAITING", "DUE", "OUT", "EXPIRED", "DEAD", "OLDEST", "NEXT DUE")
	for _, q := range queues {
		t.row(q.Queue, q.Waiting, q.Due, q.Out, q.Expired, q.Dead, since(q.Oldest), clock(q.Next))
	}
	return t.end()
}

// since is how long ago t was, in whole milliseconds or seconds; "" for never.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := time.Since(t)
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// clock is t for people; "" for never.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
