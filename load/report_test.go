package load

import (
	"encoding/json"
	"testing"
	"time"
)

func TestLatency(t *testing.T) {
	var ten, none, long times
	for _, ms := range []int{7, 1, 10, 3, 2, 9, 4, 8, 6, 5} {
		ten.add(time.Duration(ms) * time.Millisecond)
	}
	long.add(time.Hour)
	for _, test := range []struct {
		name string
		of   *times
		want Latency
	}{
		{"none", &none, Latency{}},
		{"ten", &ten, Latency{P50: 5, P99: 10, Max: 10}},
		{"too long to hold", &long, Latency{P50: 2147483.647, P99: 2147483.647, Max: 2147483.647}},
	} {
		if got := test.of.latency(); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// Scripts read these names.
func TestReportShape(t *testing.T) {
	got, err := json.Marshal(Report{Style: "choreographed"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"style":"choreographed","clients":0,"seconds":0,"accepted":0,"completed":0,"failed":0,"cancelled":0,` +
		`"rejected":0,"unknown":0,"unfinished":0,"ordersPerSecond":0,"accept":{"p50Ms":0,"p99Ms":0,"maxMs":0},` +
		`"endToEnd":{"p50Ms":0,"p99Ms":0,"maxMs":0},"pollMs":0}`
	if string(got) != want {
		t.Errorf("report is\n%s, want\n%s", got, want)
	}
}

// The orders that must fail are spread evenly, a third of each kind.
func TestMix(t *testing.T) {
	m := &menu{mix: 0.2, good: []dish{{product: "a"}, {product: "b"}}, bad: []dish{{product: "declined"}, {product: "lost"}, {product: "none"}}}
	count := map[string]int{}
	for n := range int64(1500) {
		_, d := m.order(n)
		count[d.product]++
		if bad := count["declined"] + count["lost"] + count["none"]; bad != int(n+1)/5 {
			t.Fatalf("%d of %d fail", bad, n+1)
		}
	}
	if count["declined"] != 100 || count["lost"] != 100 || count["none"] != 100 {
		t.Errorf("%v; want 100 of each kind that fails", count)
	}
}

// Two orders with one id cannot both have ended.
func TestOneIDTwice(t *testing.T) {
	b := newBook(&ledger{}, 2)
	now := time.Now()
	for slot := range 2 {
		b.begin(slot, int64(slot))
		b.settle(slot, &placed{order: order{ID: "o"}, invoked: now, answered: now}, accepted)
	}
	b.ended([]order{{ID: "o", Status: "completed"}}, now)
	if open, ended, _ := b.waiting(); open != 1 || ended != 1 {
		t.Errorf("%d open, %d ended; want one of each", open, ended)
	}
}

// What others' orders leave behind does not grow.
func TestOthersAreForgotten(t *testing.T) {
	b := newBook(&ledger{}, 2)
	b.begin(0, 0)
	b.ended([]order{{ID: "mine", Status: "completed"}}, time.Now())
	b.begin(1, 1)
	b.ended([]order{{ID: "other", Status: "completed"}}, time.Now())
	if len(b.early) != 2 {
		t.Fatalf("%d kept while a request is out, want 2", len(b.early))
	}
	b.settle(0, &placed{order: order{ID: "mine"}}, accepted)
	b.settle(1, &placed{}, rejected)
	b.ended(nil, time.Now())
	if _, ended, _ := b.waiting(); ended != 1 || len(b.early) != 0 || len(b.passed) != 0 {
		t.Errorf("%d ended, %d kept; want 1 and none", ended, len(b.early))
	}
}
