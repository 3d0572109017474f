package door

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Whoever has changed something is told where in the log of its service that was said, and
// reads his own writes, also those that have still to reach another service, by sending
// the header back with a GET:
//
//	Tidewire-Position: order/7/1234
//
// which is service/partition/sequence, or several of them between commas.
const positionHeader = "Tidewire-Position"

const (
	maxPlaces = 32
	patience  = 2 * time.Second       // of a read for what it is to show
	moment    = 50 * time.Millisecond // of waiting that is as good as none
)

// A Place is a position in the log of a service.
type Place struct {
	Log string
	store.Position
}

var (
	// ErrNowhere: there is no such log, or it does not go as far.
	ErrNowhere = errors.New("no such place")
	// ErrNotYet: what is shown does not have it yet.
	ErrNotYet = errors.New("not there yet")
)

// String is how a header has it.
func (p Place) String() string { return fmt.Sprintf("%s/%d/%d", p.Log, p.Partition, p.Seq) }

// positioned returns a with the header that names places. Its other headers may be shared.
func (a Answer) positioned(log string, written []store.Position) Answer {
	if len(written) == 0 {
		return a
	}
	names := make([]string, len(written))
	for i, at := range written {
		names[i] = Place{log, at}.String()
	}
	h := a.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h[positionHeader] = []string{strings.Join(names, ", ")}
	a.Header = h
	return a
}

// end is the end of a log in the partition of what a request is about: of what it made, or
// of the {id} in its path. Whoever repeats a request is told this, for what was said at the
// first time stands before it. What cannot be found out is left out.
func end(r *http.Request, db *store.DB, a Answer) []store.Position {
	about := r.PathValue("id")
	if a.Location != "" {
		about = a.Location[strings.LastIndexByte(a.Location, '/')+1:]
	}
	if about == "" {
		return nil
	}
	at := store.Position{Partition: store.Partition(about)}
	found := false
	err := db.View(r.Context(), func(tx *store.Tx) (err error) {
		found, err = tx.Row([]any{&at.Seq}, `SELECT seq FROM journal WHERE partition = $1 ORDER BY seq DESC LIMIT 1`, at.Partition)
		return err
	})
	if err != nil || !found {
		return nil
	}
	return []store.Position{at}
}

// Placed reports whether who asks has brought a position back, and so is to see what the
// service itself has, not a replica that may be behind it.
func Placed(r *http.Request) bool { return len(r.Header[positionHeader]) > 0 }

// await waits until what a route shows has what its client has seen. It is 503 rather than
// old data: what is waited for may take longer, or be parked.
func await(r *http.Request, reached func(context.Context, Place) error) error {
	values := r.Header[positionHeader]
	if len(values) == 0 || reached == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	places, err := parsePlaces(strings.Join(values, ","))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if door, ok := ctx.Value(closingKey{}).(context.Context); ok {
		stop := context.AfterFunc(door, cancel)
		defer stop()
	}
	waits := time.AfterFunc(moment, func() { StandBy(r) })
	defer waits.Stop()
	for _, p := range places {
		switch err := reached(ctx, p); {
		case errors.Is(err, ErrNowhere):
			f := Field{Field: positionHeader, Detail: p.String() + " is no place of this shop: read without it"}
			return BadRequest("", f).Cause("unknown-position")
		case errors.Is(err, ErrNotYet):
			return unavailable("not-there-yet", "What is shown here has not got to "+p.String()+" yet. It may be read without "+positionHeader+", as it was.")
		case err != nil:
			return err
		}
	}
	return nil
}

func parsePlaces(header string) (places []Place, err error) {
	for part := range strings.SplitSeq(header, ",") {
		log, rest, _ := strings.Cut(strings.TrimSpace(part), "/")
		partition, seq, _ := strings.Cut(rest, "/")
		p, err := strconv.ParseUint(partition, 10, 31)
		n, err2 := strconv.ParseUint(seq, 10, 63)
		if cmp.Or(err, err2) != nil || log == "" || p >= store.Partitions || n == 0 || len(places) == maxPlaces {
			return nil, BadRequest("", Field{Field: positionHeader, Detail: "must be as it was answered, service/partition/sequence, 32 of them at most"}).Cause("bad-position")
		}
		places = append(places, Place{log, store.Position{Partition: int(p), Seq: int64(n)}})
	}
	return places, nil
}
