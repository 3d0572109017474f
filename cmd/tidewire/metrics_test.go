package main

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// metrics reads all samples, by name and labels as they stand there.
func (r *running) metrics() map[string]float64 {
	r.t.Helper()
	resp, err := http.Get(r.admin + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	samples := map[string]float64{}
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		line := in.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		if samples[line[:i]], err = strconv.ParseFloat(line[i+1:], 64); err != nil {
			r.t.Errorf("%s: %v", line, err)
		}
	}
	return samples
}

// Dashboards are made of these names. One order is enough to see all of them.
func TestMetricsAfterOneOrder(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	type want struct {
		metric, labels string
		least, most    float64
	}
	const many = 1e9
	var all []want
	all = append(all, want{"tidewire_strain_wait_seconds", "", 0, 60})
	// Who heard of the order from whom.
	for _, s := range []struct{ subscription, log string }{
		{"payment", "order"}, {"inventory", "payment"}, {"shipping", "inventory"},
		{"order", "payment"}, {"order", "inventory"}, {"order", "shipping"},
	} {
		by := `log="` + s.log + `",subscription="` + s.subscription + `"`
		all = append(all,
			want{"tidewire_messages_total", `log="` + s.log + `",result="done",subscription="` + s.subscription + `"`, 1, many}, // throughput
			want{"tidewire_message_processing_seconds_count", by, 1, many},
			want{"tidewire_message_waiting_seconds_count", by, 1, many},
			want{"tidewire_message_total_seconds_count", by, 1, many},
			want{"tidewire_message_total_seconds_sum", by, 0, 60},
			want{"tidewire_stream_lag", by, 0, 0})
		for _, state := range []string{"retry", "waiting", "dead", "released"} {
			all = append(all, want{"tidewire_stream_parked", `log="` + s.log + `",state="` + state + `",subscription="` + s.subscription + `"`, 0, 0})
		}
	}
	// Those that only hear of what went wrong have read all the same.
	for _, s := range []struct{ subscription, log string }{{"inventory", "order"}, {"shipping", "order"}, {"payment", "inventory"}, {"inventory", "product"}} {
		all = append(all, want{"tidewire_stream_lag", `log="` + s.log + `",subscription="` + s.subscription + `"`, 0, 0})
	}
	for queue, done := range map[string]bool{"payment_charges": true, "shipping_labels": true, "order_deadlines": false} {
		for _, state := range []string{"waiting", "out", "dead"} {
			all = append(all, want{"tidewire_queue_depth", `queue="` + queue + `",state="` + state + `"`, 0, 0})
		}
		if !done {
			continue // its deadline was taken back
		}
		by := `queue="` + queue + `"`
		all = append(all,
			want{"tidewire_messages_total", by + `,result="done"`, 1, many},
			want{"tidewire_message_processing_seconds_count", by, 1, many},
			want{"tidewire_message_waiting_seconds_count", by, 1, many},
			want{"tidewire_message_total_seconds_count", by, 1, many})
	}
	var missing []string
	defer func() {
		if len(missing) > 0 {
			t.Logf("missing, or out of bounds:\n%s", strings.Join(missing, "\n"))
		}
	}()
	eventually(t, "all metrics", func() bool {
		missing = nil
		got := r.metrics()
		for _, w := range all {
			name := strings.TrimSuffix(w.metric+"{"+w.labels+"}", "{}")
			if n, ok := got[name]; !ok || n < w.least || n > w.most {
				missing = append(missing, name)
			}
		}
		return len(missing) == 0
	})
	for name, n := range r.metrics() {
		if strings.Contains(name, `result="retry"`) || strings.Contains(name, `result="dead"`) {
			if n != 0 {
				t.Errorf("%s is %v after an order that went well", name, n)
			}
		}
	}
}

// Whoever makes a metric says in docs/metrics.md what it means, and nothing stands there
// that is not to be had.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{} // whether it is there before it has happened
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (counter|gauge|histogram)(, from the first on)? \\|").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]+" "+row[2]] = row[3] == ""
	}
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "traces=zipkin+http://127.0.0.1:1")
	r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	var missing, gone []string
	defer func() {
		if t.Failed() {
			t.Logf("not in docs/metrics.md: %q; there, and not to be had: %q", missing, gone)
		}
	}()
	eventually(t, "the document and the platform say the same", func() bool {
		missing, gone = nil, nil
		there := r.metricTypes()
		for m := range there {
			if _, ok := documented[m]; !ok {
				missing = append(missing, m)
			}
		}
		for m, always := range documented {
			if always && !there[m] {
				gone = append(gone, m)
			}
		}
		return len(missing)+len(gone) == 0
	})
}

// metricTypes reads the names and types of all metrics that are ours.
func (r *running) metricTypes() map[string]bool {
	r.t.Helper()
	resp, err := http.Get(r.admin + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	types := map[string]bool{}
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		line, ours := strings.CutPrefix(in.Text(), "# TYPE ")
		if ours && (strings.HasPrefix(line, "tidewire_") || strings.HasPrefix(line, "http_")) {
			types[line] = true
		}
	}
	return types
}
