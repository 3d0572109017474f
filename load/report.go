package load

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A Report is what the customers saw, as `tidewire load --json` prints it.
type Report struct {
	Style           string  `json:"style"`
	Clients         int     `json:"clients"`
	Seconds         float64 `json:"seconds"`  // from the first request to the last final state
	Accepted        int     `json:"accepted"` // = Completed + Failed + Cancelled + Unfinished
	Completed       int     `json:"completed"`
	Failed          int     `json:"failed"`
	Cancelled       int     `json:"cancelled"`
	Rejected        int     `json:"rejected"`
	Unknown         int     `json:"unknown"` // never answered
	Unfinished      int     `json:"unfinished"`
	OrdersPerSecond float64 `json:"ordersPerSecond"` // that reached a final state, in Seconds
	Accept          Latency `json:"accept"`          // of accepted orders, from when they were due to the answer
	EndToEnd        Latency `json:"endToEnd"`        // of ended orders, from when they were due to seeing the final state
	PollMs          float64 `json:"pollMs"`          // the poller's pause, which EndToEnd includes
}

// A Latency is made of exact values, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50Ms"`
	P99 float64 `json:"p99Ms"`
	Max float64 `json:"maxMs"`
}

// report adds up what is in b. The rate is of ended orders over the time to the last of
// them: the wait for what never ends makes it neither better nor worse.
func (b *book) report(o Options) Report {
	r := Report{
		Style: cmp.Or(o.Basket.Style, b.style), Clients: o.Clients,
		Accepted: b.count[accepted], Rejected: b.count[rejected], Unknown: b.count[unknown],
		Completed: b.ends["completed"], Failed: b.ends["failed"], Cancelled: b.ends["cancelled"],
		Unfinished: len(b.open) + len(b.twice),
		Seconds:    b.last.Sub(b.first).Seconds(),
		Accept:     b.accept.latency(), EndToEnd: b.end.latency(),
		PollMs: float64(pollPause) / float64(time.Millisecond),
	}
	// Only what ended counts, over all the time that it took.
	if n := b.end.count(); n > 0 {
		r.Seconds = b.lastEnd.Sub(b.first).Seconds()
		r.OrdersPerSecond = float64(n) / r.Seconds
	}
	return r
}

// times are durations in microseconds: up to 35 minutes, in 4 bytes. All are kept, for a
// percentile of buckets would be a guess; a million orders take 8 MB.
type times struct{ micros []int32 }

func (t *times) add(d time.Duration) {
	t.micros = append(t.micros, int32(min(d.Microseconds(), math.MaxInt32)))
}

func (t *times) count() int { return len(t.micros) }

// latency sorts t. A percentile is the smallest value that so many are not above.
func (t *times) latency() Latency {
	n := len(t.micros)
	if n == 0 {
		return Latency{}
	}
	slices.Sort(t.micros)
	at := func(p float64) float64 {
		return float64(t.micros[max(0, int(math.Ceil(p*float64(n)))-1)]) / 1000
	}
	return Latency{P50: at(0.50), P99: at(0.99), Max: at(1)}
}
