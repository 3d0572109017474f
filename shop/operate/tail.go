package operate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

const (
	tailLook = 20_000           // messages that are looked at for one page
	tailRead = 1000             // of those, at a time
	tailWait = 20 * time.Second // that a page waits for its first message, at most
)

// A glance is what somebody wants to see of a log.
type glance struct {
	log       string
	kind, key string
	all       bool // what is no public fact, too
	limit     int
	wait      time.Duration
}

// messages answers with what a log says behind a place, as CloudEvents in structured mode.
// There is always a next: whoever goes on from there misses nothing.
func (d *Desk) messages(r *http.Request) (door.Answer, error) {
	name := r.PathValue("log")
	log := d.Logs[name]
	if log == nil {
		p := door.NotFound("log")
		p.Detail = "There are " + strings.Join(slices.Sorted(maps.Keys(d.Logs)), ", ") + "."
		return door.Answer{}, p
	}
	g, after, err := glanceOf(r, name)
	if err != nil {
		return door.Answer{}, err
	}
	at, err := d.begin(r, log, g, after)
	if err != nil {
		return door.Answer{}, err
	}
	var found []stream.Entry
	if found, at, err = g.read(r, log, at); err != nil {
		return door.Answer{}, err
	}
	page := door.List[cloudevent.Event]{Items: []cloudevent.Event{}, Next: door.Cursor(written(at))}
	for _, e := range found {
		event, err := eventOf(name, e)
		if err != nil {
			return door.Answer{}, fmt.Errorf("message %s of log %s: %w", e.Message.ID, name, err)
		}
		page.Items = append(page.Items, event)
	}
	return door.Answer{Body: page}, nil
}

// eventOf is an entry as an event. A key that no event can bear is left out, so that what
// follows can be seen.
func eventOf(log string, e stream.Entry) (cloudevent.Event, error) {
	from := cloudevent.Origin{Source: cloudevent.Source(log), Seq: e.Seq}
	if _, ok := contract.Schema(e.Kind); ok {
		from.Schema = "urn:tidewire:schema:" + e.Kind
	}
	event, err := cloudevent.Of(e.Message, from)
	if err != nil {
		e.Key = ""
		event, err = cloudevent.Of(e.Message, from)
	}
	return event, err
}

func glanceOf(r *http.Request, name string) (g glance, after string, err error) {
	q := r.URL.Query()
	g = glance{log: name, kind: q.Get("kind"), key: q.Get("key")}
	if g.limit, after, err = door.Page(r); err != nil {
		return g, after, err
	}
	switch q.Get("all") {
	case "", "false":
	case "true":
		g.all = true
	default:
		return g, after, door.BadRequest("", door.Field{Field: "all", Detail: "must be true or false"})
	}
	if text := q.Get("wait"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return g, after, door.BadRequest("", door.Field{Field: "wait", Detail: "must be a whole number of seconds"})
		}
		g.wait = min(time.Duration(n)*time.Second, tailWait)
	}
	return g, after, nil
}

// begin returns where to read from: behind a page, or from what a client says.
func (d *Desk) begin(r *http.Request, log stream.Log, g glance, after string) ([]store.Position, error) {
	if after != "" {
		return readPlaces(after)
	}
	var at []store.Position
	settled := int64(0)
	db, err := d.service(g.log)
	if err == nil {
		settled, err = db.Settled(r.Context())
	}
	if err != nil {
		return nil, err
	}
	for p := range store.Partitions {
		if g.key == "" || store.Partition(g.key) == p {
			at = append(at, store.Position{Partition: p, Seq: settled})
		}
	}
	from := r.URL.Query().Get("from")
	if from == "now" {
		return at, nil
	}
	if from == "" {
		from = "start"
	}
	at, ok, err := placesOf(r.Context(), log, at, from)
	if err == nil && !ok {
		err = door.BadRequest("", door.Field{Field: "from", Detail: "must be start, now, a time such as 2026-01-31T12:00:00Z, or a number of the log"})
	}
	return at, err
}

// written writes places as a cursor: 0:12,1:7.
func written(at []store.Position) string {
	var all []string
	for _, p := range at {
		all = append(all, fmt.Sprintf("%d:%d", p.Partition, p.Seq))
	}
	return strings.Join(all, ",")
}

// readPlaces reads what written has written.
func readPlaces(text string) (at []store.Position, err error) {
	for part := range strings.SplitSeq(text, ",") {
		partition, seq, _ := strings.Cut(part, ":")
		p, err := strconv.Atoi(partition)
		if err != nil || p < 0 || p >= store.Partitions || len(at) > 0 && at[len(at)-1].Partition >= p {
			return nil, door.BadCursor()
		}
		n, err := strconv.ParseInt(seq, 10, 64)
		if err != nil || n < 0 {
			return nil, door.BadCursor()
		}
		at = append(at, store.Position{Partition: p, Seq: n})
	}
	return at, nil
}

// read returns a page of what g wants behind at, and how far it has looked. Where there is
// nothing it waits, as long as it is told to and the door is open.
func (g glance) read(r *http.Request, log stream.Log, at []store.Position) (found []stream.Entry, end []store.Position, err error) {
	hint, stop := log.Watch()
	defer stop()
	var closing <-chan struct{}
	var over <-chan time.Time
	poll := time.NewTicker(time.Second) // the truth: others append, too
	defer poll.Stop()
	for {
		if found, at, err = g.look(r, log, at); err != nil || len(found) > 0 || g.wait == 0 {
			return found, at, err
		}
		if over == nil {
			over, closing = time.After(g.wait), door.StandBy(r)
		}
		select {
		case <-hint:
		case <-poll.C:
		case <-over:
			return nil, at, nil
		case <-closing:
			return nil, at, nil
		case <-r.Context().Done():
			return nil, at, r.Context().Err()
		}
	}
}

// look reads a page's worth.
func (g glance) look(r *http.Request, log stream.Log, at []store.Position) (found []stream.Entry, end []store.Position, err error) {
	end = slices.Clone(at)
	for looked := 0; looked < tailLook; {
		entries, err := log.Read(r.Context(), stream.Query{From: end, Max: tailRead, Want: func(kind string) bool { return g.kind == "" || g.kind == kind }})
		if err != nil {
			return nil, at, err
		}
		for _, e := range entries {
			i := slices.IndexFunc(end, func(p store.Position) bool { return p.Partition == e.Partition })
			if end[i] = e.Position; !g.has(e) {
				continue
			}
			if found = append(found, e); len(found) == g.limit {
				return found, end, nil
			}
		}
		if looked += len(entries); len(entries) == 0 {
			break
		}
	}
	return found, end, nil
}

func (g glance) has(e stream.Entry) bool {
	return (g.all || e.Class == message.Public) && (g.kind == "" || g.kind == e.Kind) && (g.key == "" || g.key == e.Key)
}
