package operate_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/cloudevent"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// secret is a fact that is nobody else's.
type secret struct{ N int }

func (secret) Kind() string         { return "Secret" }
func (secret) Class() message.Class { return message.Internal }

// page reads one page of a log.
func (s *shop) page(query string) (page door.List[cloudevent.Event]) {
	s.t.Helper()
	status, text := s.do("GET", "/admin/v1/streams/stock/messages?"+query, "")
	if err := json.Unmarshal([]byte(text), &page); status != 200 || err != nil {
		s.t.Fatalf("%s: %d %s, %v", query, status, text, err)
	}
	return page
}

// keys are those of the events, with the number of each.
func keys(t *testing.T, events []cloudevent.Event) string {
	t.Helper()
	var all []string
	for _, e := range events {
		m, origin, err := e.Message()
		if err != nil || origin.Seq == 0 || m.ID == "" || m.Time.IsZero() || !message.ValidTrace(m.Trace) {
			t.Fatalf("%+v: %v", e, err)
		}
		all = append(all, m.Key+string(m.Body))
	}
	return strings.Join(all, " ")
}

// A log is shown as CloudEvents, filtered, page by page, and nothing is missed at the end.
func TestTail(t *testing.T) {
	s := newShop(t)
	s.say(3)
	_, err := s.db.Update(t.Context(), nil, func(tx *store.Tx) error {
		if err := tx.Append("vault", secret{7}); err != nil {
			return err
		}
		return tx.Append("other", fact{9})
	})
	if err != nil {
		t.Fatal(err)
	}
	const all = `shelf{"N":0} shelf{"N":1} shelf{"N":2} other{"N":9}`
	long := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for query, want := range map[string]string{
		"":                              all,
		"from=start&all=false":          all,
		"all=true":                      `shelf{"N":0} shelf{"N":1} shelf{"N":2} vault{"N":7} other{"N":9}`,
		"all=true&kind=Secret":          `vault{"N":7}`,
		"kind=Secret":                   "",
		"key=shelf":                     `shelf{"N":0} shelf{"N":1} shelf{"N":2}`,
		"key=shelf&limit=2":             `shelf{"N":0} shelf{"N":1}`,
		"key=nobody":                    "",
		"from=now":                      "",
		"from=2":                        `shelf{"N":1} shelf{"N":2} other{"N":9}`,
		"from=1000":                     "",
		"from=" + url.QueryEscape(long): all,
	} {
		if got := keys(t, s.page(query).Items); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var got []string
	cursor := ""
	for n := 0; ; n++ {
		p := s.page("limit=1" + cursor)
		if cursor = "&cursor=" + p.Next; len(p.Items) == 0 || n > 10 {
			break
		}
		got = append(got, keys(t, p.Items))
	}
	if strings.Join(got, " ") != all {
		t.Errorf("page by page: %q", got)
	}
	waiting := make(chan string)
	go func() { waiting <- keys(t, s.page("wait=10"+cursor).Items) }()
	s.say(1)
	if got := <-waiting; got != `shelf{"N":0}` {
		t.Errorf("what came while somebody waited: %s", got)
	}
	if p := s.page("kind=Nothing&wait=0" + cursor); len(p.Items) > 0 || p.Next == "" {
		t.Errorf("without anything: %+v", p)
	}
	for query, want := range map[string]string{
		"from=soon": "bad-request", "all=maybe": "bad-request", "wait=x": "bad-request", "wait=-1": "bad-request", "limit=0": "bad-limit",
		"cursor=" + door.Cursor("99:1"): "bad-cursor", "cursor=" + door.Cursor("1:1,1:2"): "bad-cursor", "cursor=" + door.Cursor("1:-1"): "bad-cursor", "cursor=" + door.Cursor("x"): "bad-cursor",
	} {
		if status, text := s.do("GET", "/admin/v1/streams/stock/messages?"+query, ""); status != 400 || !strings.Contains(text, "problem:"+want) {
			t.Errorf("%s: %d %s, want 400 %s", query, status, text, want)
		}
	}
	if status, text := s.do("GET", "/admin/v1/streams/nobody/messages", ""); status != 404 || !strings.Contains(text, "There are stock.") {
		t.Errorf("no such log: %d %s", status, text)
	}
}

// An operator has a subscription read again: it is said how much, kept, and done.
func TestReplay(t *testing.T) {
	s := newShop(t)
	s.say(5)
	read := func() bool {
		for _, st := range list[operate.Stream](s, "/admin/v1/streams") {
			if st.Behind > 0 {
				return false
			}
		}
		return true
	}
	eventually(t, "all is read", func() bool { return s.facts.Load() == 5 && read() })
	const path = "/admin/v1/streams/stock/stock/replay"
	ask := func(body string) (status int, done operate.StreamReplayed, text string) {
		status, text = s.do("POST", path, body)
		_ = json.Unmarshal([]byte(text), &done) // a problem has none of its members
		return status, done, text
	}
	dry := `{"from":"start","dryRun":true,"who":"eve","why":"to see"}`
	if status, done, text := ask(dry); status != 200 || done.Messages != 5 || done.Partitions != 1 {
		t.Errorf("a dry run: %d %s", status, text)
	}
	if kept := s.page("all=true&kind=StreamReplayed").Items; len(kept) > 0 {
		t.Errorf("a dry run kept %+v", kept)
	}
	if status, done, text := ask(`{"from":"2","who":"eve","why":"bug 17"}`); status != 200 || done.Messages != 4 || done.Who != "eve" {
		t.Errorf("from a number: %d %s", status, text)
	}
	eventually(t, "four come again", func() bool { return s.facts.Load() == 9 })
	n := 9
	for _, from := range []string{"start", time.Now().Add(-time.Hour).Format(time.RFC3339), "0"} {
		eventually(t, "it is read to its end", read)
		if status, _, text := ask(fmt.Sprintf(`{"from":%q,"who":"eve"}`, from)); status != 200 {
			t.Errorf("from %s: %d %s", from, status, text)
		}
		n += 5
		eventually(t, "all come again", func() bool { return s.facts.Load() == int64(n) })
	}
	if kept := s.page("all=true&kind=StreamReplayed").Items; len(kept) != 4 || !strings.Contains(string(kept[0].Data), `"from":"2","partitions":1,"messages":4,"who":"eve","why":"bug 17"`) {
		t.Errorf("kept %+v", kept)
	}
	for _, tt := range []struct {
		path, body string
		status     int
		told       string
	}{
		{path, `{"from":"soon","who":"eve"}`, 422, "must be start, a time"},
		{path, `{"from":"-1","who":"eve"}`, 422, "must be start, a time"},
		{path, `{"who":"eve"}`, 422, "must be start, a time"},
		{path, `{"from":"start"}`, 422, "must name who"},
		{path, `{"from":"start","partition":16,"who":"eve"}`, 422, "must be 0 to 15"},
		{path, `{"from":"start","partition":"1","who":"eve"}`, 400, "partition"},
		{"/admin/v1/streams/nobody/stock/replay", `{"from":"start","who":"eve"}`, 404, "There are, with the log of each: stock stock."},
		{"/admin/v1/streams/stock/nobody/replay", `{"from":"start","who":"eve"}`, 404, "There are, with the log of each: stock stock."},
	} {
		if status, text := s.do("POST", tt.path, tt.body); status != tt.status || !strings.Contains(text, tt.told) {
			t.Errorf("%s %s: %d %s, want %d %s", tt.path, tt.body, status, text, tt.status, tt.told)
		}
	}
	s.broken.Store(true)
	s.say(1)
	eventually(t, "one is dead", func() bool { return len(list[operate.Letter](s, "/admin/v1/dead?kind=Fact")) == 1 })
	if status, _, text := ask(dry); status != 409 || !strings.Contains(text, `"reason":"parked"`) {
		t.Errorf("while one is parked: %d %s", status, text)
	}
}
