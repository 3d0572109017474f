package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/notification"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A ward is a platform that does not run behind an operators' door that does, so that
// what is wrong with it stays wrong.
type ward struct {
	t    *testing.T
	p    *platform
	door string
}

func newWard(t *testing.T, set ...string) *ward {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(provider.Close)
	p := wired(t, append([]string{"payment.simulator=" + provider.URL}, set...)...)
	m, err := operate.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p.desk.Handler(m))
	t.Cleanup(s.Close)
	return &ward{t: t, p: p, door: strings.TrimPrefix(s.URL, "http://")}
}

// sql changes the database of a service. A $T is now in microseconds, plus or minus what
// follows it in whole minutes, as $T-60m.
func (w *ward) sql(service, query string) {
	w.t.Helper()
	for minutes := range 121 {
		for sign, factor := range map[string]time.Duration{"-": -1, "+": 1} {
			at := time.Now().Add(factor * time.Duration(minutes) * time.Minute)
			query = strings.ReplaceAll(query, fmt.Sprintf("$T%s%dm", sign, minutes), fmt.Sprint(at.UnixMicro()))
		}
	}
	_, err := w.p.databases[service].Update(w.t.Context(), nil, func(tx *store.Tx) error { return tx.Exec(query) })
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}

// doctor runs the command in this process.
func (w *ward) doctor(more ...string) (exit int, out string) {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	exit = execute(&console{ctx: w.t.Context(), out: &stdout, err: &stderr}, append([]string{"doctor", "--set", "admin=" + w.door}, more...))
	if stderr.Len() > 0 {
		w.t.Errorf("doctor says %q", stderr.String())
	}
	return exit, stdout.String()
}

func (w *ward) findings() (found []operate.Finding) {
	w.t.Helper()
	exit, out := w.doctor("--json")
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		w.t.Fatalf("%q: %v", out, err)
	}
	if want := map[bool]int{true: exitFound, false: exitDone}[len(found) > 0]; exit != want {
		w.t.Errorf("exit %d with %d findings, want %d", exit, len(found), want)
	}
	return found
}

const (
	newJob    = `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, lease, dead) VALUES `
	newParked = `INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due) VALUES `
	newMoney  = `INSERT INTO discrepancy (order_id, entry, key, kind, ours, theirs, amount, currency, seen, found, resolved) VALUES `
	newOrder  = `INSERT INTO orders (id, user_id, status, reason, style, currency, total, method, lines, payment_status, payment_attempts,
		shipment_status, tracking, created, updated, version, deadline) VALUES `
)

// Each thing that can be wrong is found alone, with where it is and what to do about it.
func TestDoctorFinds(t *testing.T) {
	for _, tt := range []struct {
		name, service, sql string
		want               operate.Finding // beginnings of what and do, all of where
	}{
		{"a partition that stopped", "payment", `INSERT INTO position (subscription, log, partition, stopped) VALUES ('payment', 'order', 3, 'another journal')`,
			operate.Finding{What: "a partition is not read any more: another journal", Where: "subscription payment, log order, partition 3", Do: "nothing was skipped: stop the platform, keep a copy of what is there now, put back the database of order that was read"}},
		{"a message that kills", "shipping", `INSERT INTO position (subscription, log, partition, strikes) VALUES ('shipping', 'inventory', 1, 2)`,
			operate.Finding{What: "2 readers died on a partition", Where: "subscription shipping, log inventory, partition 1", Do: "look in the log for a message that kills"}},
		{"a job long overdue", "payment", newJob + `('a', 'payment_charges', 'charge', 'k', $T-60m, '', '', x'7b7d', $T-60m, '', 0)`,
			operate.Finding{What: "1 jobs are due, the first for 1h0m", Where: "queue payment_charges", Do: "see whether payment runs"}},
		{"a lease that ended", "shipping", newJob + `('a', 'shipping_labels', 'book', 'k', $T-60m, '', '', x'7b7d', $T-60m, 'gone', 0)`,
			operate.Finding{What: "1 jobs were lost by their workers, the first 1h0m", Where: "queue shipping_labels", Do: "start the service: tidewire up shipping"}},
		{"a dead letter of a queue", "order", newJob + `('a', 'order_deadlines', 'expire', 'k', $T-60m, '', '', x'7b7d', $T-60m, '', 1)`,
			operate.Finding{What: "1 dead letters", Where: "queue order_deadlines", Do: "tidewire dead list --service order; then redrive or discard"}},
		{"a dead letter of a stream", "inventory", newParked + `('inventory', 'payment', 1, 1, 'a', 'PaymentProcessed', 'public', 'k', 1, $T-60m, '', '', x'7b7d', 'dead', 0)`,
			operate.Finding{What: "1 dead letters, and what waits behind them", Where: "subscription inventory, log payment", Do: "tidewire dead list --service inventory; then redrive or discard"}},
		{"a key tried again for long", "inventory", newParked + `('inventory', 'payment', 1, 1, 'a', 'PaymentProcessed', 'public', 'k', 1, $T-60m, '', '', x'7b7d', 'retry', $T+1m)`,
			operate.Finding{What: "1 keys have been tried again for more than 10m0s", Where: "subscription inventory, log payment", Do: "see in the log what fails"}},
		{"a key nobody tries again", "inventory", newParked + `('inventory', 'payment', 1, 1, 'a', 'PaymentProcessed', 'public', 'k', 1, $T-60m, '', '', x'7b7d', 'retry', $T-5m)`,
			operate.Finding{What: "1 keys are due to be tried again, and are not", Where: "subscription inventory, log payment", Do: "see whether inventory runs"}},
		{"money that is still held", "payment", newMoney + `('o', 'hold', 'pay-o', 'hold_unwanted', 'nothing: the payment is voided', '25.00 USD as au_1', 2500, 'USD', $T-2m, $T-1m, 0)`,
			operate.Finding{What: "hold_unwanted: the payment provider's ledger has 25.00 USD as au_1, ours nothing: the payment is voided", Where: "order o", Do: "nothing: the hold is being voided"}},
		{"money that is held for nobody", "payment", newMoney + `('o', 'hold', 'again', 'hold_unknown', 'nothing under that key: the payment is captured', '25.00 USD as au_1', 2500, 'USD', $T-2m, $T-1m, 0)`,
			operate.Finding{What: "hold_unknown: the payment provider's ledger has 25.00 USD as au_1, ours nothing under that key: the payment is captured", Where: "order o", Do: "tidewire order show o; if nobody wants that money held, void it at the provider"}},
		{"money that was captured after all", "payment", newMoney + `('o', 'capture', 'pay-o', 'capture_unwanted', 'nothing: the payment is failed', '25.00 USD as ch_1', 2500, 'USD', $T-2m, $T-1m, 0)`,
			operate.Finding{What: "capture_unwanted: the payment provider's ledger has 25.00 USD as ch_1, ours nothing: the payment is failed", Where: "order o", Do: "nothing: the money is on its way back"}},
		{"a capture that the provider has lost", "payment", newMoney + `('o', 'capture', 'pay-o', 'capture_missing', '25.00 USD as ch_1', '', 0, '', $T-2m, $T-1m, 0)`,
			operate.Finding{What: "capture_missing: the payment provider's ledger has nothing, ours 25.00 USD as ch_1", Where: "order o", Do: "tidewire order show o; ask the provider what became of the charge"}},
		{"an order past its deadline", "order", newOrder + `('o', '1', 'pending', '', 'choreographed', 'USD', 1, '', '[]', '', 0, '', '', $T-60m, $T-60m, 1, $T-55m)`,
			operate.Finding{What: "1 orders are pending past their deadline, the first since 20", Where: "service order", Do: "see tidewire queue list: the queue order_deadlines ends them"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWard(t)
			if found := w.findings(); len(found) != 0 {
				t.Fatalf("before: got %+v", found)
			}
			w.sql(tt.service, tt.sql)
			found := w.findings()
			if len(found) != 1 {
				t.Fatalf("got %+v, want one finding", found)
			}
			if f := found[0]; !strings.HasPrefix(f.What, tt.want.What) || f.Where != tt.want.Where || !strings.HasPrefix(f.Do, tt.want.Do) {
				t.Errorf("got  %+v\nwant %+v", f, tt.want)
			}
			exit, out := w.doctor()
			if text := fmt.Sprintf("%s\n  where:  %s\n  to do:  %s\n", found[0].What, found[0].Where, found[0].Do); exit != exitFound || firstWords(out) != firstWords(text) || strings.Count(out, "\n") != 3 {
				t.Errorf("exit %d\n%swant\n%s", exit, out, text)
			}
		})
	}
}

// firstWords are what does not change from one second to the next.
func firstWords(text string) string { return strings.Join(strings.Fields(text)[:3], " ") }

// Facts that nobody has read, because the service was not started.
func TestDoctorFindsAReaderThatIsMissing(t *testing.T) {
	w := newWard(t)
	_, err := w.p.databases["order"].Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append("o", contract.OrderCancelled{}) })
	if err != nil {
		t.Fatal(err)
	}
	w.sql("payment", fmt.Sprintf(`INSERT INTO position (subscription, log, partition) VALUES ('payment', 'order', %d)`, store.Partition("o")))
	found := w.findings()
	if len(found) != 1 || found[0].What != "nobody reads a partition, 1 messages wait" || found[0].Do != "start the service: tidewire up payment" {
		t.Errorf("got %+v", found)
	}
}

// The partitions of a stopped service are one finding, that names them.
func TestDoctorFindsAStoppedReaderOnce(t *testing.T) {
	w := newWard(t)
	read := map[int]bool{}
	for i := 0; len(read) < 3; i++ {
		key := fmt.Sprint("o", i)
		if read[store.Partition(key)] {
			continue
		}
		read[store.Partition(key)] = true
		_, err := w.p.databases["order"].Update(t.Context(), nil, func(tx *store.Tx) error { return tx.Append(key, contract.OrderCancelled{}) })
		if err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, p := range slices.Sorted(maps.Keys(read)) {
		w.sql("payment", fmt.Sprintf(`INSERT INTO position (subscription, log, partition) VALUES ('payment', 'order', %d)`, p))
		names = append(names, fmt.Sprint(p))
	}
	found := w.findings()
	if len(found) != 1 || found[0].What != "nobody reads 3 partitions, 3 messages wait" || found[0].Do != "start the service: tidewire up payment" ||
		found[0].Where != "subscription payment, log order, partitions "+strings.Join(names, ", ") {
		t.Errorf("got %+v", found)
	}
}

// What is only busy is not wrong.
func TestDoctorIsNotAlarmed(t *testing.T) {
	w := newWard(t)
	w.sql("payment", newJob+`('later', 'payment_charges', 'charge', 'k', $T-60m, '', '', x'7b7d', $T+60m, '', 0),
		('now', 'payment_charges', 'charge', 'k', $T-0m, '', '', x'7b7d', $T-0m, '', 0),
		('out', 'payment_charges', 'charge', 'k', $T-60m, '', '', x'7b7d', $T+1m, 'held', 0)`)
	w.sql("inventory", newParked+`('inventory', 'payment', 1, 1, 'a', 'PaymentProcessed', 'public', 'k', 1, $T-1m, '', '', x'7b7d', 'retry', $T+1m),
		('inventory', 'payment', 1, 2, 'b', 'PaymentProcessed', 'public', 'k', 2, $T-60m, '', '', x'7b7d', 'waiting', 0)`)
	w.sql("payment", `INSERT INTO position (subscription, log, partition, strikes) VALUES ('payment', 'order', 1, 1)`)
	w.sql("payment", newMoney+`('doubt', 'capture', 'k', '', '', '', 0, '', $T-1m, 0, 0), ('gone', 'capture', 'k', 'capture_differs', '', '', 0, '', $T-60m, $T-60m, $T-1m)`)
	w.sql("order", newOrder+`('o', '1', 'pending', '', 'choreographed', 'USD', 1, '', '[]', '', 0, '', '', $T-1m, $T-1m, 1, $T+4m)`)
	if found := w.findings(); len(found) != 0 {
		t.Errorf("got %+v, want nothing", found)
	}
	if exit, out := w.doctor(); exit != exitDone || out != "nothing found\n" {
		t.Errorf("exit %d, %q", exit, out)
	}
}

// A mail server that is away is one finding: more workers would be of no use.
func TestDoctorFindsAMailServerThatIsAway(t *testing.T) {
	const mails = 2 * notification.Calls // more than a worker has in hand
	w := newWard(t, "mail=smtp://127.0.0.1:1")
	if err := w.p.demo(t.Context()); err != nil {
		t.Fatal(err)
	}
	var rows, jobs []string
	for i := range mails {
		rows = append(rows, fmt.Sprintf(`('o%d', 'created', '1', '{}', 'queued', $T-5m)`, i))
		jobs = append(jobs, fmt.Sprintf(`('o%d.created', '%s', 'letter', 'o%[1]d', $T-5m, '', '', '{"subject":"o%[1]d","template":"created"}', $T-5m, '', 0)`, i, notification.Queue))
	}
	w.sql("notification", `INSERT INTO notification (subject, template, user_id, facts, status, at) VALUES `+strings.Join(rows, ", "))
	w.sql("notification", newJob+strings.Join(jobs, ", "))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, w.p.parts([]string{"notification"})...) }()
	eventually(t, "the mail server is found to be away", func() bool {
		return slices.ContainsFunc(w.findings(), func(f operate.Finding) bool { return strings.HasPrefix(f.What, "the mail server takes no mail: ") })
	})
	for _, f := range w.findings() { // the look before may have begun before the server was known to be away
		if f.Where == "queue "+notification.Queue || strings.Contains(f.Do, "workers") {
			t.Errorf("got %+v", f)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDoctorFindsAProviderThatIsAway(t *testing.T) {
	w := newWard(t, "payment.simulator=http://127.0.0.1:1")
	found := w.findings()
	if len(found) != 1 || found[0].Where != "http://127.0.0.1:1" || !strings.HasPrefix(found[0].What, "the payment simulator does not answer") ||
		!strings.HasPrefix(found[0].Do, "orders wait for it until their deadline") {
		t.Errorf("got %+v", found)
	}
}

// A database that does not answer is a finding, and hides none of the others.
func TestDoctorFindsADatabaseThatIsAway(t *testing.T) {
	w := newWard(t, "payment.simulator=http://127.0.0.1:1")
	if err := w.p.databases["shipping"].Close(); err != nil {
		t.Fatal(err)
	}
	var cannot, provider int
	for _, f := range w.findings() {
		switch {
		case strings.HasPrefix(f.What, "cannot look: ") && f.Do == "see /readyz, and the log":
			cannot++
		case f.Where == "http://127.0.0.1:1":
			provider++
		}
	}
	if cannot == 0 || provider != 1 {
		t.Errorf("got %d findings of the database and %d of the provider, want some and one", cannot, provider)
	}
}

// The kernel's own file systems have no room at all, on every machine.
func TestDoctorFindsADiskThatIsFull(t *testing.T) {
	found, err := nearlyFull("/proc")
	if err != nil || len(found) != 1 || found[0].What != "the disk is nearly full: 0 MiB are left" || found[0].Where != "/proc" || !strings.Contains(found[0].Do, "make room") {
		t.Errorf("got %+v, %v", found, err)
	}
}

// Warnings of the configuration are findings as well, wherever the platform is.
func TestDoctorRepeatsWarnings(t *testing.T) {
	w := newWard(t)
	var out bytes.Buffer
	exit := execute(&console{ctx: t.Context(), out: &out, err: &out, environ: []string{"TIDEWIRE_LISTNE=x", "TIDEWIRE_ADMIN=" + w.door}}, []string{"doctor"})
	if exit != exitFound || !strings.HasPrefix(out.String(), "TIDEWIRE_LISTNE is set, but") || !strings.Contains(out.String(), "to do:  tidewire config lists every key") {
		t.Errorf("exit %d\n%s", exit, out.String())
	}
}

// Of many that are wrong in one way, the first are named, and the rest counted.
func TestDoctorNamesTheFirstOfMany(t *testing.T) {
	w := newWard(t)
	for i := range 8 {
		w.sql("payment", newMoney+fmt.Sprintf(`('o%d', 'refund', 'k', 'refund_missing', '1.00 USD', '', 0, '', $T-20m, $T-%dm, 0)`, i, 10-i))
	}
	w.sql("payment", newMoney+`('x', 'refund', 'k', 'refund_differs', '1.00 USD', '2.00 USD', 200, 'USD', $T-20m, $T-1m, 0)`)
	var where []string
	found := w.findings()
	for _, f := range found {
		where = append(where, strings.TrimPrefix(f.Where, "order "))
	}
	if got, want := strings.Join(where, " "), "x o0 o1 o2 o3 o4"; got != want {
		t.Fatalf("named %s, want %s", got, want)
	}
	if last := found[5].What; !strings.HasSuffix(last, "and 3 more of this kind") || strings.Contains(found[4].What, "more") {
		t.Errorf("the last says %q", last)
	}
}
