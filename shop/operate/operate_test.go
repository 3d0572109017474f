package operate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

type fact struct{ N int }

func (fact) Kind() string { return "Fact" }

type work struct{ N int }

func (work) Kind() string  { return "Work" }
func (work) Queue() string { return "stock_work" }

// A shop is one service that follows itself, and fails as long as it is broken.
type shop struct {
	t      *testing.T
	db     *store.DB
	desk   *operate.Desk
	door   http.Handler
	broken atomic.Bool
	facts  atomic.Int64 // handled
	works  atomic.Int64
}

func (s *shop) handle(n *atomic.Int64) error {
	if s.broken.Load() {
		return failure.Permanent(errors.New("the shelf is broken"))
	}
	n.Add(1)
	return nil
}

func newShop(t *testing.T) *shop {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "stock.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, db: store.Open("stock", driver)}
	t.Cleanup(func() { s.db.Close() })
	log := sqlite.NewLog(s.db, driver)
	s.desk = &operate.Desk{Services: []*store.DB{s.db}, Logs: map[string]stream.Log{"stock": log},
		Queues: map[string][]string{"stock": {"stock_work", "stock_other"}}}
	m, err := operate.NewMetrics()
	if err != nil {
		t.Fatal(err)
	}
	s.door = s.desk.Handler(m)
	process := &run.Process{Instance: t.Name(), Meter: m.Meter}
	reader := &stream.Reader{DB: s.db, Log: log, Name: "stock", Process: process, Handlers: []stream.Handler{
		stream.On("stock", func(context.Context, *store.Tx, message.Of[fact]) error { return s.handle(&s.facts) })}}
	worker := &queue.Worker{DB: s.db, Driver: queue.Table{DB: s.db}, Process: process, Handlers: []queue.Handler{
		queue.On(func(context.Context, *store.Tx, message.Of[work]) error { return s.handle(&s.works) })}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run.All(ctx, reader.Run, worker.Run) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// say appends facts of one key, and sends a job.
func (s *shop) say(facts int) {
	s.t.Helper()
	_, err := s.db.Update(s.t.Context(), nil, func(tx *store.Tx) error {
		for n := range facts {
			if err := tx.Append("shelf", fact{n}); err != nil {
				return err
			}
		}
		return tx.Send("shelf", work{1})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) do(method, path, body string) (status int, text string) {
	s.t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:3001"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.door.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return w.Code, string(b)
}

func list[T any](s *shop, path string) []T {
	s.t.Helper()
	status, text := s.do("GET", path, "")
	var page struct {
		Items []T `json:"items"`
	}
	if err := json.Unmarshal([]byte(text), &page); status != 200 || err != nil {
		s.t.Fatalf("GET %s: %d %s, %v", path, status, text, err)
	}
	return page.Items
}

// eventually waits until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 10 s", what)
		case <-tick.C:
		}
	}
}

// die has three facts of one key and a job said, of which the first fact and the job die.
func die(t *testing.T) (s *shop, onStream, inQueue operate.Letter) {
	t.Helper()
	s = newShop(t)
	s.broken.Store(true)
	s.say(3)
	eventually(t, "two letters, two waiting", func() bool {
		letters := list[operate.Letter](s, "/admin/v1/dead")
		if len(letters) != 2 {
			return false
		}
		onStream, inQueue = letters[0], letters[1]
		if onStream.Kind != "Fact" {
			onStream, inQueue = inQueue, onStream
		}
		return onStream.Behind == 2
	})
	return s, onStream, inQueue
}

func TestDeadLettersAreShown(t *testing.T) {
	s, onStream, inQueue := die(t)
	if onStream.Place != "stock (stock)" || onStream.Key != "shelf" || onStream.Cause != "the shelf is broken" || onStream.Died.IsZero() {
		t.Errorf("got %+v", onStream)
	}
	if inQueue.Place != "stock_work" || inQueue.Kind != "Work" || inQueue.Cause != "the shelf is broken" {
		t.Errorf("got %+v", inQueue)
	}
	status, text := s.do("GET", "/admin/v1/dead/"+onStream.ID, "")
	if status != 200 || !strings.Contains(text, `"body":{"N":0}`) || !strings.Contains(text, `"causes":[{`) {
		t.Errorf("show: got %d %s", status, text)
	}
	for path, want := range map[string]int{
		"?kind=Fact": 1, "?kind=Other": 0, "?service=stock": 2, "?service=other": 0, "?cause=SHELF": 2, "?cause=x": 0,
		"?age=1h": 0, "?limit=1": 1, "?age=0s": 2,
	} {
		if got := len(list[operate.Letter](s, "/admin/v1/dead"+path)); got != want {
			t.Errorf("%s: got %d letters, want %d", path, got, want)
		}
	}
}

func TestPagesOfLettersJoin(t *testing.T) {
	s, _, _ := die(t)
	seen := map[string]bool{}
	path := "/admin/v1/dead?limit=1"
	for next := "-"; next != ""; path = "/admin/v1/dead?limit=1&cursor=" + next {
		var page struct {
			Items []operate.Letter
			Next  string
		}
		_, text := s.do("GET", path, "")
		if err := json.Unmarshal([]byte(text), &page); err != nil || len(page.Items) != 1 {
			t.Fatalf("got %s, %v", text, err)
		}
		seen[page.Items[0].ID] = true
		next = page.Next
	}
	if len(seen) != 2 {
		t.Errorf("got %v, want two letters", seen)
	}
}

func TestRedriveBringsHomeOnce(t *testing.T) {
	s, onStream, inQueue := die(t)
	s.broken.Store(false)
	for _, l := range []operate.Letter{onStream, inQueue} {
		status, text := s.do("POST", "/admin/v1/dead/"+l.ID+"/redrive", `{"who":"eve","why":"mended"}`)
		if status != 200 || !strings.Contains(text, `"act":"redrive"`) {
			t.Fatalf("got %d %s", status, text)
		}
		if status, _ = s.do("POST", "/admin/v1/dead/"+l.ID+"/redrive", `{"who":"eve","why":"again"}`); status != 404 {
			t.Errorf("a second time: got %d, want 404", status)
		}
	}
	eventually(t, "all handled", func() bool { return s.facts.Load() == 3 && s.works.Load() == 1 })
	if got := s.audits(); got != "redrive by eve: mended\nredrive by eve: mended\n" {
		t.Errorf("journal: got %q", got)
	}
}

func TestDiscardLetsTheKeyGoOn(t *testing.T) {
	s, onStream, inQueue := die(t)
	s.broken.Store(false)
	for _, l := range []operate.Letter{onStream, inQueue} {
		if status, text := s.do("POST", "/admin/v1/dead/"+l.ID+"/discard", `{"who":"eve","why":"a test"}`); status != 200 {
			t.Fatalf("got %d %s", status, text)
		}
	}
	eventually(t, "the two behind handled", func() bool { return s.facts.Load() == 2 })
	if s.works.Load() != 0 {
		t.Error("the discarded job was done")
	}
	if got := s.audits(); got != "discard by eve: a test\ndiscard by eve: a test\n" {
		t.Errorf("journal: got %q", got)
	}
}

// audits reads what was decided out of the journal.
func (s *shop) audits() string {
	s.t.Helper()
	var text strings.Builder
	err := s.db.View(s.t.Context(), func(tx *store.Tx) error {
		return tx.Rows(`SELECT body FROM journal WHERE class = 'audit' AND kind = 'DeadLetterDecided' ORDER BY seq`, nil, func(scan func(...any) error) error {
			var body []byte
			var d operate.DeadLetterDecided
			if err := scan(&body); err != nil {
				return err
			}
			err := json.Unmarshal(body, &d)
			text.WriteString(d.Act + " by " + d.Who + ": " + d.Why + "\n")
			return err
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return text.String()
}

func TestDecisionsAreChecked(t *testing.T) {
	s, l, _ := die(t)
	for _, tt := range []struct {
		path, body string
		want       int
	}{
		{"/admin/v1/dead/" + l.ID + "/redrive", `{"why":"x"}`, 422},
		{"/admin/v1/dead/" + l.ID + "/redrive", ``, 400},
		{"/admin/v1/dead/other/1/redrive", `{"who":"x"}`, 404},
		{"/admin/v1/dead/stock/1/discard", `{"who":"x"}`, 404},
	} {
		if got, text := s.do("POST", tt.path, tt.body); got != tt.want {
			t.Errorf("%s %s: got %d %s, want %d", tt.path, tt.body, got, text, tt.want)
		}
	}
	if got, _ := s.do("GET", "/admin/v1/dead/stock/1", ""); got != 404 {
		t.Errorf("show: got %d, want 404", got)
	}
	if got, _ := s.do("GET", "/admin/v1/dead?age=x", ""); got != 400 {
		t.Errorf("age: got %d, want 400", got)
	}
}

func TestStreamsAndQueues(t *testing.T) {
	s, _, _ := die(t)
	at := store.Partition("shelf")
	var of operate.Stream
	for _, p := range list[operate.Stream](s, "/admin/v1/streams") {
		if p.Partition == at {
			of = p
		}
	}
	if of.Subscription != "stock" || of.Log != "stock" || of.ParkedKeys != 1 || of.Parked != 3 || of.Dead != 1 || of.Behind != 0 || of.Owner == "" {
		t.Errorf("got %+v", of)
	}
	queues := list[operate.Depth](s, "/admin/v1/queues")
	if len(queues) != 2 || queues[0].Queue != "stock_other" || queues[1].Dead != 1 || queues[1].Waiting != 0 {
		t.Errorf("got %+v", queues)
	}
}

func TestHealth(t *testing.T) {
	s := newShop(t)
	if status, _ := s.do("GET", "/livez", ""); status != 200 {
		t.Errorf("livez: got %d", status)
	}
	if status, text := s.do("GET", "/readyz", ""); status != 200 || !strings.Contains(text, `"ready":true`) {
		t.Errorf("readyz: got %d %s", status, text)
	}
	s.desk.Ready = []operate.Check{{Name: "the provider", Works: func(context.Context) error { return errors.New("away") }}}
	status, text := s.do("GET", "/readyz", "")
	if status != 503 || !strings.Contains(text, `{"name":"the provider","error":"away"}`) {
		t.Errorf("readyz: got %d %s", status, text)
	}
}

// Whoever probes may add parameters of his own; other routes have those that they have.
func TestProbesMayAddAQuery(t *testing.T) {
	s := newShop(t)
	for _, query := range []string{"?x", "?x=1&x=2", "?", "?_=1893456000", "?a=%zz", "?name=%00", "?a;b"} {
		for _, path := range []string{"/livez", "/readyz", "/metrics"} {
			if status, text := s.do("GET", path+query, ""); status != 200 {
				t.Errorf("%s%s: got %d %s", path, query, status, text)
			}
		}
		if status, _ := s.do("POST", "/readyz"+query, ""); status != 405 {
			t.Errorf("POST /readyz%s: got %d, want 405", query, status)
		}
	}
	if status, _ := s.do("GET", "/admin/v1/queues?x=1", ""); status != 400 {
		t.Errorf("queues: got %d, want 400", status)
	}
}

func TestMetricsAndProfilesAreForThisMachine(t *testing.T) {
	s := newShop(t)
	s.say(1)
	eventually(t, "handled", func() bool { return s.facts.Load() == 1 && s.works.Load() == 1 })
	_, text := s.do("GET", "/metrics", "")
	for _, want := range []string{`tidewire_messages_total`, `tidewire_queue_depth`, `tidewire_stream_lag`, `le="0.0025"`, "go_goroutines"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s among the metrics", want)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/readyz", "/admin/v1/queues"} {
		r := httptest.NewRequest("GET", "http://rebound.example"+path, nil)
		w := httptest.NewRecorder()
		s.door.ServeHTTP(w, r)
		if w.Code != http.StatusMisdirectedRequest {
			t.Errorf("%s for another host: got %d, want 421", path, w.Code)
		}
	}
	if status, _ := s.do("GET", "/debug/pprof/", ""); status != 200 {
		t.Errorf("pprof: got %d", status)
	}
}

// insert puts rows of other times into the tables, as a reader or worker would leave them.
func (s *shop) insert(queries ...string) {
	s.t.Helper()
	_, err := s.db.Update(s.t.Context(), nil, func(tx *store.Tx) error {
		for _, q := range queries {
			if err := tx.Exec(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

const parkedRow = `INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due, past)
	VALUES ('stock', 'far', 1, %d, 'p%d', 'Fact', 'public', 'k', 0, 1, '', '', x'%x', '%s', 1, '%s')`

func TestOddLettersAreShownToo(t *testing.T) {
	s := newShop(t)
	s.insert(
		fmt.Sprintf(parkedRow, 1, 1, "not JSON", "dead", "no history"),
		fmt.Sprintf(parkedRow, 2, 2, `{"ok":true}`, "released", `{"attempts":8,"causes":[{"at":"2030-01-01T00:00:00Z","cause":"x"}],"redrives":2}`),
		fmt.Sprintf(parkedRow, 3, 3, "{}", "waiting", ""),
		fmt.Sprintf(parkedRow, 4, 4, "{}", "retry", ""))
	letters := list[operate.Letter](s, "/admin/v1/dead")
	if len(letters) != 2 || letters[0].ID != "stock/p1" || letters[1].ID != "stock/p2" {
		t.Fatalf("got %+v, want the dead and the released one", letters)
	}
	if l := letters[0]; l.Cause != "unreadable history: no history" || l.Place != "far (stock)" || l.Behind != 1 {
		t.Errorf("got %+v", l)
	}
	if l := letters[1]; l.Redrives != 2 || l.Cause != "x" {
		t.Errorf("got %+v", l)
	}
	var raw, whole operate.Letter
	for id, into := range map[string]*operate.Letter{"p1": &raw, "p2": &whole} {
		_, text := s.do("GET", "/admin/v1/dead/stock/"+id, "")
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if string(raw.Raw) != "not JSON" || raw.Body != nil || string(whole.Body) != `{"ok":true}` || len(whole.Causes) != 1 {
		t.Errorf("got %+v and %+v", raw, whole)
	}
}

func TestAnUnreadableHistoryDoesNotStopARedrive(t *testing.T) {
	s := newShop(t)
	s.insert(fmt.Sprintf(parkedRow, 1, 1, "{}", "dead", "no history"))
	if status, text := s.do("POST", "/admin/v1/dead/stock/p1/redrive", `{"who":"eve"}`); status != 200 {
		t.Fatalf("got %d %s", status, text)
	}
	var state, past string
	err := s.db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&state, &past}, `SELECT state, past FROM parked WHERE id = 'p1'`)
		return err
	})
	if err != nil || state != "retry" || !strings.Contains(past, `"redrives":1`) {
		t.Errorf("got %s %q, %v", state, past, err)
	}
}

func TestKeysThatWaitTooLong(t *testing.T) {
	s := newShop(t)
	now := time.Now().UnixMicro()
	soon := now + time.Hour.Microseconds()
	s.insert(
		fmt.Sprintf(parkedRow, 1, 1, "{}", "retry", ""), // due since 1970
		strings.ReplaceAll(strings.ReplaceAll(fmt.Sprintf(parkedRow, 2, 2, "{}", "retry", ""), "'stock', 'far'", "'stock', 'near'"), "'retry', 1,", fmt.Sprintf("'retry', %d,", soon)),
		`INSERT INTO position (subscription, log, partition, strikes) VALUES ('stock', 'far', 1, 2)`)
	var all strings.Builder
	for _, f := range list[operate.Finding](s, "/admin/v1/findings") {
		all.WriteString(f.Where + ": " + f.What + "\n")
	}
	for _, want := range []string{
		"log far: 1 keys are due to be tried again, and are not",
		"log near: 1 keys have been tried again for more than 10m0s",
		"partition 1: 2 readers died on a partition without progress",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("got\n%swant %q", all.String(), want)
		}
	}
	for _, p := range list[operate.Stream](s, "/admin/v1/streams") {
		if p.Log == "far" && (p.Behind != -1 || p.Parked != 1 || p.Strikes != 2) {
			t.Errorf("a log that cannot be counted here: got %+v", p)
		}
	}
}

func TestADatabaseThatIsAway(t *testing.T) {
	s := newShop(t)
	away, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "away.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	s.desk.Services = append(s.desk.Services, store.Open("away", away))
	for path, want := range map[string]int{"/readyz": 503, "/livez": 200, "/admin/v1/queues": 503, "/admin/v1/dead": 503, "/admin/v1/dead/away/1": 503, "/metrics": 200} {
		if got, text := s.do("GET", path, ""); got != want {
			t.Errorf("%s: got %d %s, want %d", path, got, text, want)
		}
	}
	found := list[operate.Finding](s, "/admin/v1/findings")
	if len(found) == 0 || !strings.HasPrefix(found[0].What, "cannot look: ") {
		t.Errorf("findings: got %+v", found)
	}
}
