package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
)

// A streamTailCommand prints messages.
type streamTailCommand struct {
	Log    []string `arg:"" optional:"" help:"Logs, by the names of their services. Default: all."`
	Key    string   `help:"Of this key, such as an order."`
	Kind   string   `help:"Of this kind, such as OrderCreated."`
	From   string   `placeholder:"PLACE" help:"start, now, a time such as 2026-01-31T12:00:00Z, or a number of the log. Default: now with --follow, else start."`
	Follow bool     `short:"f" help:"Go on with what is said from now on."`
	All    bool     `help:"Commands to other services, what is a service's own, and audit facts, too."`
	JSON   bool     `help:"Print each as a CloudEvent in JSON, one a line."`
}

// Help gives examples.
func (streamTailCommand) Help() string {
	return `Messages of several logs are in the order of their times. A line has the time, the log and the number in it, the kind, the key and the data.

Examples:

  tidewire stream tail --follow
  tidewire stream tail order payment --key 0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e --all
  tidewire stream tail order --kind OrderFailed --from 2026-01-31T12:00:00Z --json`
}

// Run prints what there is, and then what comes.
func (cmd streamTailCommand) Run(c *console) error {
	door, err := c.operators()
	if err != nil {
		return err
	}
	if cmd.From == "" {
		cmd.From = map[bool]string{true: "now", false: "start"}[cmd.Follow]
	}
	if len(cmd.Log) == 0 {
		cmd.Log = serviceNames()
	}
	var tails []*logTail
	for _, name := range cmd.Log {
		tails = append(tails, &logTail{door: door, log: name, cmd: cmd})
	}
	n, err := cmd.merge(c, tails)
	switch {
	case err != nil:
		return err
	case !cmd.Follow && n == 0 && cmd.Key+cmd.Kind != "":
		fmt.Fprintln(c.err, "no message is like that")
		return errFound
	case !cmd.Follow:
		return nil
	}
	var printing sync.Mutex
	failed := make(chan error, len(tails))
	for _, t := range tails {
		go func() {
			failed <- t.follow(func(e cloudevent.Event) error {
				printing.Lock()
				defer printing.Unlock()
				return cmd.print(c, t.log, e)
			})
		}()
	}
	for range tails {
		err = errors.Join(err, <-failed)
	}
	if c.ctx.Err() != nil {
		return nil // told to stop
	}
	return err
}

// merge prints what is in the logs now, the earliest first, and counts it.
func (cmd streamTailCommand) merge(c *console, tails []*logTail) (n int, err error) {
	for ; ; n++ {
		var first *logTail
		for _, t := range tails {
			if err := t.fill(); err != nil {
				return n, err
			}
			if len(t.page) > 0 && (first == nil || t.time().Before(first.time())) {
				first = t
			}
		}
		if first == nil {
			return n, nil
		}
		if err := cmd.print(c, first.log, first.page[0]); err != nil {
			return n, err
		}
		first.page = first.page[1:]
	}
}

func (cmd streamTailCommand) print(c *console, log string, e cloudevent.Event) error {
	if cmd.JSON {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.out, "%s\n", text)
		return err
	}
	m, origin, err := e.Message()
	if err != nil {
		return err
	}
	var data bytes.Buffer
	if json.Compact(&data, m.Body) != nil {
		data.Reset()
		fmt.Fprintf(&data, "%q", m.Body)
	}
	_, err = fmt.Fprintf(c.out, "%s %s/%d %s %s %s\n", clock(m.Time), log, origin.Seq, m.Kind, m.Key, data.Bytes())
	return err
}

// A logTail is how far one log has been printed.
type logTail struct {
	door   *client
	log    string
	cmd    streamTailCommand
	cursor string
	page   []cloudevent.Event
	ended  bool // for now
}

func (t *logTail) time() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, t.page[0].Attributes["time"]) // it was checked
	return at
}

// fill reads on where everything was printed, until the end of the log. A page can be empty
// before it: a long stretch of what is not wanted.
func (t *logTail) fill() error {
	for len(t.page) == 0 && !t.ended {
		before := t.cursor
		if err := t.ask(0); err != nil {
			return err
		}
		t.ended = len(t.page) == 0 && t.cursor == before
	}
	return nil
}

// follow prints what comes, until the command is told to stop.
func (t *logTail) follow(print func(cloudevent.Event) error) error {
	for t.door.ctx.Err() == nil {
		if err := t.ask(20); err != nil {
			return err
		}
		for _, e := range t.page {
			if err := print(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask reads the next page, and waits so many seconds for something to be on it.
func (t *logTail) ask(wait int) error {
	q := url.Values{"limit": {"500"}}
	for name, value := range map[string]string{"kind": t.cmd.Kind, "key": t.cmd.Key, "cursor": t.cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if t.cursor == "" {
		q.Set("from", t.cmd.From)
	}
	if t.cmd.All {
		q.Set("all", "true")
	}
	if wait > 0 {
		q.Set("wait", fmt.Sprint(wait))
	}
	var page door.List[cloudevent.Event]
	if err := t.door.do(http.MethodGet, "/admin/v1/streams/"+url.PathEscape(t.log)+"/messages?"+q.Encode(), nil, &page); err != nil {
		return err
	}
	t.page, t.cursor = page.Items, page.Next
	return nil
}

// A streamReplayCommand sets a subscription back.
type streamReplayCommand struct {
	Subscription string `arg:"" help:"The service that is to read again."`
	Log          string `arg:"" help:"What it is to read: a log, by the name of its service."`
	From         string `required:"" placeholder:"PLACE" help:"start, a time such as 2026-01-31T12:00:00Z, or a number of the log."`
	Partition    *int   `help:"Only this one of the log's 16 partitions."`
	DryRun       bool   `help:"Only say how many messages would come again."`
	Why          string `help:"Why. It is kept with your name."`
	Who          string `help:"Who decides. Default: the user of this machine."`
	JSON         bool   `help:"Print JSON."`
}

// Help says what happens.
func (streamReplayCommand) Help() string {
	return `The subscription gets every message from there on once more, in order, as if it were new, and then goes on. Every handler of the shop notices what it has done already, and does it once; a replay mends what is missing. While messages of the log are parked there it is refused. Nothing is ever passed by: a place that was not read yet changes nothing. The act is recorded, with who did it and why, in the journal of the service.

Examples:

  tidewire stream replay analytics order --from start --dry-run
  tidewire stream replay inventory payment --from 2026-01-31T12:00:00Z --why 'restored from a backup'
  tidewire stream replay shipping inventory --from 1200 --partition 7 --why 'bug 17 is mended'`
}

// Run sets positions back.
func (cmd streamReplayCommand) Run(c *console) error {
	if strings.TrimSpace(cmd.Who) == "" {
		cmd.Who = me()
	}
	door, err := c.operators()
	if err != nil {
		return err
	}
	want := map[string]any{"from": cmd.From, "dryRun": cmd.DryRun, "who": cmd.Who, "why": cmd.Why}
	if cmd.Partition != nil {
		want["partition"] = *cmd.Partition
	}
	var done operate.StreamReplayed
	path := "/admin/v1/streams/" + url.PathEscape(cmd.Subscription) + "/" + url.PathEscape(cmd.Log) + "/replay"
	if err := door.do(http.MethodPost, path, want, &done); err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, done)
	}
	reads := map[bool]string{true: "would read", false: "reads"}[cmd.DryRun]
	fmt.Fprintf(c.out, "%s %s %s again from %s: %d messages in %d partitions\n", done.Subscription, reads, done.Log, done.From, done.Messages, done.Partitions)
	return nil
}
