package notification

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

func (s *Service) ask(t *testing.T, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	door.Handler(door.Options{}, s.Routes()...).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	return w.Code, strings.TrimSpace(w.Body.String())
}

// pages asks for page after page, and returns the ids on them.
func (s *Service) pages(t *testing.T, query string) string {
	t.Helper()
	var ids []string
	for cursor := ""; ; {
		code, body := s.ask(t, "/api/notifications?limit=2"+query+cursor)
		var page door.List[document]
		if err := json.Unmarshal([]byte(body), &page); code != 200 || err != nil || len(page.Items) > 2 {
			t.Fatalf("%s: %d %s", query, code, body)
		}
		for _, d := range page.Items {
			ids = append(ids, d.ID)
		}
		if page.Next == "" {
			return strings.Join(ids, " ")
		}
		cursor = "&cursor=" + page.Next
	}
}

// Those of one order come in the order of time, in which order ever they were heard. An order's id may be a user's, too.
func TestList(t *testing.T) {
	s := start(t, nil)
	s.hears(t, "1", registration)
	s.hears(t, "2", registration)
	s.hears(t, "2", accepted, parcel) // an order of user 1, called as user 2 is
	s.hears(t, "o", parcel, accepted, payment)
	s.hears(t, "early", payment)
	for query, want := range map[string]string{
		"":                    "1.welcome 2.welcome 2.created 2.shipped early.paid o.created o.paid o.shipped",
		"&orderId=o":          "o.created o.paid o.shipped",
		"&orderId=2":          "2.created 2.shipped",
		"&orderId=early":      "early.paid",
		"&orderId=nothing":    "",
		"&userId=1":           "1.welcome 2.created 2.shipped o.created o.paid o.shipped",
		"&userId=2":           "2.welcome",
		"&userId=1&orderId=o": "o.created o.paid o.shipped",
		"&userId=2&orderId=o": "",
	} {
		if got := s.pages(t, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func TestDocuments(t *testing.T) {
	s := start(t, nil)
	s.hears(t, "o", parcel)
	code, body := s.ask(t, "/api/notifications?orderId=o")
	if code != 200 || !strings.Contains(body, `"to":"","channel":"email","template":"shipped","subject":"Order o is on its way","status":"stored","at":"`) {
		t.Errorf("before its order is known: %d %s", code, body)
	}
	s.hears(t, "o", accepted)
	_, body = s.ask(t, "/api/notifications?orderId=o")
	if strings.Count(body, `"to":"ada@example.com"`) != 2 || strings.Contains(body, "html") {
		t.Errorf("then: %s", body)
	}
	code, body = s.ask(t, "/api/notifications/o.created")
	var d full
	if err := json.Unmarshal([]byte(body), &d); err != nil || code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if d.OrderID != "o" || !strings.Contains(d.Text, "Hello Ada Lovelace,") || !strings.Contains(d.Text, "Total: 1250.00 USD") || !strings.Contains(d.HTML, "&lt;15″&gt;") {
		t.Errorf("got %+v", d)
	}
	for target, want := range map[string]string{
		"/api/notifications/o.delivered":    "404",
		"/api/notifications/o.nothing":      "404",
		"/api/notifications/created":        "404",
		"/api/notifications?limit=0":        "400 bad-limit",
		"/api/notifications?cursor=x":       "400 bad-cursor",
		"/api/notifications?cursor=eCB5IHo": "400 bad-cursor", // x y z
		"/api/notifications?orderId=%00":    "400 bad-parameter",
		"/api/notifications?userId=%ff":     "400 bad-parameter",
		"/api/notifications?cursor=eCAxIHk": "200", // x 1 y
		"/api/notifications/%2e%2e.created": "404",
		"/api/notifications/o%2fx.created":  "404",
	} {
		code, body := s.ask(t, target)
		status, cause, _ := strings.Cut(want, " ")
		if strconv.Itoa(code) != status || !strings.Contains(body, cause) {
			t.Errorf("%s: %d %s, want %s", target, code, body, want)
		}
	}
}

// Whose user is gone is shown so, and one that has left is shown as it left.
func TestDocumentsOfTheGone(t *testing.T) {
	p := &postman{}
	s := start(t, p)
	s.hears(t, "o", accepted)
	s.works(t)
	clear(s.Contacts.(*book).people)
	if _, body := s.ask(t, "/api/notifications?orderId=o"); !strings.Contains(body, `"to":"ada@example.com"`) || !strings.Contains(body, `"status":"sent"`) {
		t.Errorf("sent: %s", body)
	}
	quiet := &Service{DB: s.DB, Contacts: s.Contacts, Shop: s.Shop}
	quiet.hears(t, "p", accepted)
	if _, body := quiet.ask(t, "/api/notifications?orderId=p"); !strings.Contains(body, `"to":""`) || !strings.Contains(body, `"status":"failed","reason":"no_recipient"`) {
		t.Errorf("stored: %s", body)
	}
	s.Contacts.(*book).err = errors.New("away")
	if code, body := s.ask(t, "/api/notifications"); code != 500 || strings.Contains(body, "away") {
		t.Errorf("without the user service: %d %s", code, body)
	}
}
