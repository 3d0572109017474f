package door_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

// A page is what a patch may change here.
type page struct {
	Title *string   `json:"title"`
	Note  door.Text `json:"note"`
	Extra struct {
		Note door.Text `json:"note"`
	} `json:"extra"`
}

func patch(body string) *http.Request {
	r := httptest.NewRequest("PATCH", "/api/pages/1", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/merge-patch+json")
	return r
}

func TestDecodePatch(t *testing.T) {
	for body, want := range map[string]door.Text{
		`{}`:                  {},
		`{"title":"a"}`:       {},
		`{"note":"a"}`:        {Given: true, Value: "a"},
		`{"note":""}`:         {Given: true},
		`{"note":null}`:       {Given: true},
		`{"no\u0074e": null}`: {Given: true},
	} {
		var got page
		if err := door.DecodePatch(patch(body), &got, "note"); err != nil || got.Note != want {
			t.Errorf("%s: got %+v, %v, want %+v", body, got.Note, err, want)
		}
	}
}

func TestDecodePatchRefuses(t *testing.T) {
	for _, c := range []struct{ body, cause, field string }{
		{``, "missing-body", ""},
		{`null`, "null", ""},
		{`[]`, "wrong-type", ""},
		{`"note"`, "wrong-type", ""},
		{`{"title":null}`, "null", "title"},
		{`{"extra":null}`, "null", "extra"},
		{`{"extra":{"note":null}}`, "null", "extra.note"},
		{`{"note":[null]}`, "null", "note[0]"},
		{`{"note":5}`, "wrong-type", "note"},
		{`{"note":true}`, "wrong-type", "note"},
		{`{"note":{}}`, "wrong-type", "note"},
		{`{"note":"\u0000"}`, "nul", "note"},
		{`{"note":null,"note":null}`, "duplicate-field", "note"},
		{`{"Note":"a"}`, "unknown-field", "Note"},
		{`{"note":null}{}`, "trailing-data", ""},
		{`{"note":nul}`, "not-json", "note"},
	} {
		p := problemOf(t, door.DecodePatch(patch(c.body), &page{}, "note"))
		field := ""
		if len(p.Errors) > 0 {
			field = p.Errors[0].Field
		}
		if p.Status != 400 || p.Type != "urn:tidewire:problem:"+c.cause || field != c.field {
			t.Errorf("%s: got %d %s of %q, want 400 %s of %q", c.body, p.Status, p.Type, field, c.cause, c.field)
		}
	}
}

// A client that sent another type learns which would do.
func TestAcceptedTypes(t *testing.T) {
	for method, want := range map[string]string{
		"POST":  "application/json",
		"PATCH": "application/json, application/merge-patch+json",
	} {
		r := httptest.NewRequest(method, "/", strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "application/json-patch+json")
		p := problemOf(t, door.Decode(r, &page{}))
		if p.Status != 415 || p.Header.Get("Accept") != want {
			t.Errorf("%s: got %d with %v, want 415 with %s", method, p.Status, p.Header, want)
		}
		if got := p.Header.Get("Accept-Patch"); (method == "PATCH") != (got == want) {
			t.Errorf("%s: Accept-Patch is %q", method, got)
		}
		for _, kind := range strings.Split(want, ", ") {
			if !strings.Contains(p.Error(), kind) {
				t.Errorf("%s: %q does not name %s", method, p, kind)
			}
		}
	}
}
