package operate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

type said string

func (s said) Kind() string { return string(s) }

type asked struct{ what, where string }

func (a asked) Kind() string  { return a.what }
func (a asked) Queue() string { return a.where }

// moving is a saga of two steps by two services, and one past the pivot.
func moving() saga.Saga[int] {
	ask := func(who, what string) func(*int) message.Work {
		return func(*int) message.Work { return asked{what, who + "_commands"} }
	}
	return saga.Saga[int]{Name: "move", Within: time.Hour, Timer: func(saga.Deadline) message.Work { return asked{"wake", "stock_deadlines"} }, Steps: []saga.Step[int]{
		{Name: "truck", Who: "garage", Send: ask("garage", "Lend"), Answer: said("Lent"), Refusal: said("NoTruck"), Undo: ask("garage", "Return"), Undone: []message.Kind{said("Returned")}},
		{Name: "load", Who: "crew", Send: ask("crew", "Load"), Answer: said("Loaded"), Refusal: said("TooHeavy"), Undo: ask("crew", "Unload"), Undone: []message.Kind{said("Unloaded")}, Pivot: true},
		{Name: "drive", Who: "garage", Send: ask("garage", "Drive"), Answer: said("Arrived")},
	}}
}

// A movers is a desk over a service that moves goods, and two that help it.
type movers struct {
	*shop
	stock, crew *store.DB
}

func eachMovers(t *testing.T, test func(t *testing.T, m movers)) {
	databases.Each(t, "stock", nil, func(t *testing.T, open func() *store.DB) {
		m := movers{shop: &shop{t: t, desk: &operate.Desk{}}, stock: open()}
		m.db = m.stock
		m.crew = m.beside("crew")
		m.desk.Services = append(m.desk.Services, m.stock)
		m.desk.Sagas = map[string]saga.Operated{"stock": saga.Owned[int]{Saga: moving(), DB: m.stock,
			Load:  func(*store.Tx, string) (int, error) { return 0, nil },
			Store: func(*store.Tx, string, int) error { return nil }}}
		metrics, err := operate.NewMetrics()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.desk.Measure(metrics.Meter); err != nil {
			t.Fatal(err)
		}
		m.door = m.desk.Handler(metrics)
		test(t, m)
	})
}

// begin starts an instance and tells it what its services say.
func (m movers) begin(id string, words ...said) {
	m.t.Helper()
	m.change(m.stock, func(tx *store.Tx) error {
		var of int
		s := moving()
		if _, err := s.Start(tx, id, &of); err != nil {
			return err
		}
		for _, w := range words {
			if _, err := s.Take(tx, id, &of, w); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m movers) change(db *store.DB, do func(tx *store.Tx) error) {
	m.t.Helper()
	if _, err := db.Update(m.t.Context(), nil, do); err != nil {
		m.t.Fatal(err)
	}
}

func (m movers) ids(query string) string {
	m.t.Helper()
	var ids []string
	for _, s := range list[operate.Saga](m.shop, "/admin/v1/sagas"+query) {
		ids = append(ids, strings.TrimPrefix(s.ID, "stock/"))
	}
	return strings.Join(ids, " ")
}

// acts are the audit facts of sagas, oldest first.
func (m movers) acts() (all []operate.SagaDecided) {
	m.t.Helper()
	err := m.stock.View(m.t.Context(), func(tx *store.Tx) error {
		all = nil
		return tx.Rows(`SELECT body FROM journal WHERE kind = 'SagaDecided' AND class = 'audit' ORDER BY seq`, nil, func(scan func(...any) error) error {
			var body []byte
			if err := scan(&body); err != nil {
				return err
			}
			var d operate.SagaDecided
			err := json.Unmarshal(body, &d)
			all = append(all, d)
			return err
		})
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

func (m movers) commands(kind string) (n int) {
	m.t.Helper()
	err := m.stock.View(m.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n}, `SELECT count(*) FROM journal WHERE kind = $1 AND class = 'command'`, kind)
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}

// The list finds who waits for whom, by every filter, in pages.
func TestListSagas(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		m.begin("a")                                 // waits for the truck
		m.begin("b", "Lent")                         // to be loaded
		m.begin("c", "Lent", "Loaded")               // past the pivot
		m.begin("d", "Lent", "TooHeavy")             // undoing
		m.begin("e", "NoTruck")                      // undone
		m.begin("f", "Lent", "Loaded", "Arrived")    // completed
		m.begin("g", "Lent", "TooHeavy", "Returned") // undone
		m.change(m.stock, func(tx *store.Tx) error {
			if err := tx.Exec(`UPDATE job SET due = $1 WHERE id = 'deadline-b'`, time.Now().Add(-2*time.Minute)); err != nil {
				return err
			}
			return tx.Exec(`DELETE FROM job WHERE id = 'deadline-c'`)
		})
		for query, want := range map[string]string{
			"":                             "g f e d c b a",
			"?state=waiting":               "a b c d",
			"?state=running":               "a b c",
			"?state=undoing":               "d",
			"?state=completed":             "f",
			"?state=undone":                "g e",
			"?state=closed":                "",
			"?who=garage":                  "a c d",
			"?who=crew":                    "b",
			"?who=nobody":                  "",
			"?step=truck":                  "a d",
			"?step=truck&state=running":    "a",
			"?overdue=true":                "b c",
			"?overdue=true&who=crew":       "b",
			"?overdue=false&state=undoing": "d",
			"?service=stock&saga=move":     "g f e d c b a",
			"?service=crew":                "",
			"?saga=other":                  "",
		} {
			if got := m.ids(query); got != want {
				t.Errorf("%q: got %q, want %q", query, got, want)
			}
			var paged []string
			for path := "/admin/v1/sagas?limit=1" + strings.Replace(query, "?", "&", 1); ; {
				var page struct {
					Items []operate.Saga
					Next  string
				}
				if status, text := m.do("GET", path, ""); status != 200 || json.Unmarshal([]byte(text), &page) != nil || len(page.Items) > 1 {
					t.Fatalf("%s: %d %s", path, status, text)
				}
				for _, i := range page.Items {
					paged = append(paged, strings.TrimPrefix(i.ID, "stock/"))
				}
				if page.Next == "" {
					break
				}
				path = "/admin/v1/sagas?limit=1&cursor=" + page.Next + strings.Replace(query, "?", "&", 1)
			}
			if got := strings.Join(paged, " "); got != want {
				t.Errorf("%q in pages: got %q, want %q", query, got, want)
			}
		}
		for _, query := range []string{"?state=lost", "?overdue=1", "?limit=0", "?cursor=eA", "?other=1"} {
			if status, text := m.do("GET", "/admin/v1/sagas"+query, ""); status != 400 {
				t.Errorf("%s: got %d %s, want 400", query, status, text)
			}
		}
	})
}

// One saga is shown with its definition, its way through it, and what keeps it waiting.
func TestShowSaga(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		m.begin("d", "Lent", "TooHeavy")
		m.change(m.crew, func(tx *store.Tx) error { return tx.Exec(deadOf("p1", "d")) })
		m.change(m.crew, func(tx *store.Tx) error { return tx.Exec(deadOf("p2", "another")) })
		status, text := m.do("GET", "/admin/v1/sagas/stock/d", "")
		var got operate.WholeSaga
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
			t.Fatalf("%d %s, %v", status, text, err)
		}
		if got.State != saga.Undoing || got.Step != "truck" || got.Who != "garage" || got.Turned != "load" || got.Why != "TooHeavy" || got.Until.IsZero() {
			t.Errorf("got %+v", got.Saga)
		}
		if len(got.Definition.Steps) != 3 || got.Definition.Within != "1h0m0s" || !strings.Contains(got.Diagram, "class u0 iswaits") {
			t.Errorf("got %+v, %s", got.Definition, got.Diagram)
		}
		if !strings.Contains(got.Waits, "waits for the undo of step truck by garage since ") || !strings.HasSuffix(got.Waits, "asked 1 times") {
			t.Errorf("it says %q", got.Waits)
		}
		if len(got.Dead) != 1 || got.Dead[0].ID != "crew/p1" {
			t.Errorf("dead letters %+v, want that of its key", got.Dead)
		}
		for _, path := range []string{"stock/unknown", "crew/d", "nobody/d"} {
			if status, text := m.do("GET", "/admin/v1/sagas/"+path, ""); status != 404 {
				t.Errorf("%s: got %d %s, want 404", path, status, text)
			}
		}
	})
}

// A styled is the first fact of a history.
type styled struct {
	Style string `json:"style,omitempty"`
}

func (styled) Kind() string { return "Begun" }

// What has a history and no saga is not conducted: it is not said that there is nothing.
func TestShowWhatNobodyConducts(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		for id, style := range map[string]string{"p": "parallel", "n": ""} {
			m.change(m.stock, func(tx *store.Tx) error { _, err := tx.AppendAfter(store.Place{}, id, styled{style}); return err })
		}
		for id, want := range map[string]string{"p": "Nobody conducts it, its style is parallel: tidewire order show", "n": "Nobody conducts it: tidewire order show", "x": "There is no such saga."} {
			if status, text := m.do("GET", "/admin/v1/sagas/stock/"+id, ""); status != 404 || !strings.Contains(text, want) || !strings.Contains(text, "no-such-saga") {
				t.Errorf("%s: got %d %s, want 404 with %q", id, status, text, want)
			}
		}
	})
}

// deadOf is the row of a dead letter.
func deadOf(id, key string) string {
	return fmt.Sprintf(`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, dead) VALUES ('%s', 'crew_work', 'Load', '%s', 1, '', '', '{}', 1, 1)`, id, key)
}

// A retry redrives the dead letters of the key first, and asks again only if there are none.
// Each act is kept, with who did it.
func TestRetrySaga(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		m.begin("b", "Lent")
		m.change(m.crew, func(tx *store.Tx) error { return tx.Exec(deadOf("p1", "b")) })
		for n, want := range []struct {
			redriven, outcome string
			sent              int
		}{{"crew/p1", "", 1}, {"", "resent", 2}} {
			status, text := m.do("POST", "/admin/v1/sagas/stock/b/retry", `{"who":"eve","why":"mended"}`)
			if status != 200 {
				t.Fatalf("%d %s", status, text)
			}
			acts := m.acts()
			if len(acts) != n+1 {
				t.Fatalf("kept %+v", acts)
			}
			a := acts[n]
			if strings.Join(a.Redriven, " ") != want.redriven || string(a.Outcome) != want.outcome || a.Who != "eve" || a.Why != "mended" || a.Act != "retry" || a.Instance != "stock/b" || a.Step != "load" {
				t.Errorf("act %d is %+v", n, a)
			}
			if got := m.commands("Load"); got != want.sent {
				t.Errorf("after act %d: %d commands, want %d", n, got, want.sent)
			}
		}
	})
}

// A cancel undoes what can be undone; what cannot is a conflict that names the state, and
// leaves no trace.
func TestCancelSaga(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		m.begin("b", "Lent")
		m.begin("c", "Lent", "Loaded")
		m.begin("e", "NoTruck")
		m.begin("f", "Lent", "Loaded", "Arrived")
		for _, tt := range []struct {
			path, body string
			status     int
			says       string
		}{
			{"stock/b/cancel", `{"who":"eve","why":"rain"}`, 200, `"outcome":"undoing"`},
			{"stock/b/cancel", `{"who":"eve","why":"rain"}`, 200, `"outcome":"again"`},
			{"stock/c/cancel", `{"who":"eve","why":"rain"}`, 409, "running, at step drive"},
			{"stock/e/cancel", `{"who":"eve","why":"rain"}`, 409, "it is undone"},
			{"stock/f/cancel", `{"who":"eve","why":"rain"}`, 409, "it is completed"},
			{"stock/f/retry", `{"who":"eve","why":"rain"}`, 409, "it is completed"},
			{"stock/x/cancel", `{"who":"eve","why":"rain"}`, 404, "no-such-saga"},
			{"crew/b/cancel", `{"who":"eve","why":"rain"}`, 404, "no-such-saga"},
			{"stock/b/cancel", `{"why":"rain"}`, 422, "who"},
		} {
			if status, text := m.do("POST", "/admin/v1/sagas/"+tt.path, tt.body); status != tt.status || !strings.Contains(text, tt.says) {
				t.Errorf("%s: got %d %s, want %d with %q", tt.path, status, text, tt.status, tt.says)
			}
		}
		if acts := m.acts(); len(acts) != 2 || acts[0].Outcome != saga.Turned || acts[1].Outcome != saga.Again {
			t.Errorf("kept %+v", acts)
		}
		if got := m.ids("?state=undoing"); got != "b" {
			t.Errorf("undoing are %q", got)
		}
	})
}

// What nobody wakes, and what waits for its undo for too long, is found.
func TestStuckSagas(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		for _, id := range []string{"a", "b", "c", "d"} {
			m.begin(id, "Lent")
		}
		m.begin("e", "Lent", "TooHeavy")
		found := func() (what []string) {
			for _, f := range list[operate.Finding](m.shop, "/admin/v1/findings") {
				if f.Where == "saga move of stock" {
					what = append(what, f.What)
				}
			}
			return what
		}
		if got := found(); len(got) != 0 {
			t.Fatalf("nothing is wrong, and found is %q", got)
		}
		m.change(m.stock, func(tx *store.Tx) error {
			for _, q := range []string{`UPDATE job SET due = due - 4000000000 WHERE id = 'deadline-a'`, `DELETE FROM job WHERE id = 'deadline-b'`, `UPDATE job SET due = due - 3600000000 WHERE id = 'deadline-c'`,
				`UPDATE saga SET since = since - 660000000 WHERE id = 'e'`} {
				if err := tx.Exec(q); err != nil {
					return err
				}
			}
			return nil
		})
		got := found()
		if len(got) != 2 || !strings.HasPrefix(got[0], "2 sagas are past their deadline, or have none") || !strings.HasPrefix(got[1], "1 sagas have been undoing for more than 10m0s") {
			t.Errorf("found %q; a deadline that has just passed waits its turn", got)
		}
	})
}

// The metrics say what sagas wait for, also where that is nothing.
func TestWaitingSagas(t *testing.T) {
	eachMovers(t, func(t *testing.T, m movers) {
		m.begin("a")
		m.begin("b")
		m.begin("d", "Lent", "TooHeavy")
		_, text := m.do("GET", "/metrics", "")
		for _, want := range []string{`tidewire_saga_waiting{service="stock",state="running",step="truck"} 2`, `tidewire_saga_waiting{service="stock",state="undoing",step="truck"} 1`,
			`tidewire_saga_waiting{service="stock",state="running",step="drive"} 0`} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
	})
}
