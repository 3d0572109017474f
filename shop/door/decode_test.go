package door_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
)

// An order is a body with everything that a body can have.
type order struct {
	UserID string     `json:"userId"`
	Price  money.Text `json:"price"`
	Gift   bool       `json:"gift"`
	Stock  *int64     `json:"stock"`
	Items  []struct {
		ProductID string `json:"productId"`
		Quantity  int64  `json:"quantity"`
	} `json:"items"`
	Payment struct {
		Method string `json:"method"`
	} `json:"payment"`
}

func post(body string) *http.Request {
	r := httptest.NewRequest("POST", "/api/orders", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		cause      string // the end of the type
		field      string // the field that is named; "" for none
	}{
		{"nothing", ``, 400, "missing-body", ""},
		{"space", "  \n", 400, "not-json", ""},
		{"no JSON", `userId=1`, 400, "not-json", ""},
		{"half", `{"userId":"1"`, 400, "not-json", ""},
		{"comma", `{"userId":"1",}`, 400, "not-json", ""},
		{"comment", `{"userId":/*x*/"1"}`, 400, "not-json", "userId"},
		{"NaN", `{"price":NaN}`, 400, "not-json", "price"},
		{"leading zero", `{"stock":01}`, 400, "not-json", ""},
		{"raw newline", "{\"userId\":\"a\nb\"}", 400, "not-json", "userId"},
		{"unknown", `{"userID":"1","colour":"red"}`, 400, "unknown-field", "userID"},
		{"unknown within", `{"items":[{"productId":"1"},{"colour":"red"}]}`, 400, "unknown-field", "items[1].colour"},
		{"other case", `{"USERID":"1"}`, 400, "unknown-field", "USERID"},
		{"other name", `{"user_id":"1"}`, 400, "unknown-field", "user_id"},
		{"twice", `{"userId":"1","userId":"1"}`, 400, "duplicate-field", "userId"},
		{"twice, disguised", `{"userId":"1","user\u0049d":"2"}`, 400, "duplicate-field", "userId"},
		{"twice within", `{"payment":{"method":"ok","method":"ok"}}`, 400, "duplicate-field", "payment.method"},
		{"trailing value", `{"userId":"1"} {}`, 400, "trailing-data", ""},
		{"trailing text", `{"userId":"1"}x`, 400, "trailing-data", ""},
		{"string for number", `{"stock":"3"}`, 400, "wrong-type", "stock"},
		{"number for string", `{"userId":1}`, 400, "wrong-type", "userId"},
		{"number for bool", `{"gift":1}`, 400, "wrong-type", "gift"},
		{"object for array", `{"items":{}}`, 400, "wrong-type", "items"},
		{"array for object", `{"payment":[]}`, 400, "wrong-type", "payment"},
		{"string for object", `{"items":["1"]}`, 400, "wrong-type", "items[0]"},
		{"bool for money", `{"price":true}`, 400, "wrong-type", "price"},
		{"object for money", `{"price":{"amount":1}}`, 400, "wrong-type", "price"},
		{"array", `[]`, 400, "wrong-type", ""},
		{"string", `"1"`, 400, "wrong-type", ""},
		{"null", `null`, 400, "null", ""},
		{"null value", `{"userId":null}`, 400, "null", "userId"},
		{"null pointer", `{"stock":null}`, 400, "null", "stock"},
		{"null money", `{"price":null}`, 400, "null", "price"},
		{"null within", `{"items":[{"productId":"n","quantity":null}]}`, 400, "null", "items[0].quantity"},
		{"null line", `{"items":[null]}`, 400, "null", "items[0]"},
		{"fraction", `{"items":[{"quantity":1.5}]}`, 400, "not-whole", "items[0].quantity"},
		{"whole fraction", `{"stock":1.0}`, 400, "not-whole", "stock"},
		{"exponent", `{"stock":1e2}`, 400, "not-whole", "stock"},
		{"huge exponent", `{"stock":1e400}`, 400, "not-whole", "stock"},
		{"too large", `{"stock":9223372036854775808}`, 422, "too-large", "stock"},
		{"invalid UTF-8", "{\"userId\":\"\xff\"}", 400, "invalid-utf8", ""},
		{"overlong UTF-8", "{\"userId\":\"\xc0\x80\"}", 400, "invalid-utf8", ""},
		{"half a surrogate", `{"userId":"\ud800"}`, 400, "not-json", "userId"},
		{"NUL", "{\"userId\":\"a\x00b\"}", 400, "nul", ""},
		{"escaped NUL", `{"userId":"a\u0000b"}`, 400, "nul", "userId"},
		{"NUL in a key", `{"a\u0000":1}`, 400, "nul", ""},
		{"byte order mark", "\xef\xbb\xbf{}", 400, "byte-order-mark", ""},
		{"UTF-16", "\xff\xfe{\x00}\x00", 400, "invalid-utf8", ""},
		{"deep", strings.Repeat(`[`, 33) + strings.Repeat(`]`, 33), 400, "too-deep", ""},
		{"very deep", strings.Repeat(`{"a":`, 100_000), 400, "too-deep", ""},
		{"too large a body", `{"userId":"` + strings.Repeat("a", 1<<20) + `"}`, 413, "body-too-large", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var into order
			p := problemOf(t, door.Decode(post(c.body), &into))
			if p.Status != c.status || p.Type != "urn:tidewire:problem:"+c.cause || p.Title == "" {
				t.Errorf("got %d %s (%v), want %d %s", p.Status, p.Type, p, c.status, c.cause)
			}
			if len(p.Errors) == 0 && p.Detail == "" {
				t.Error("it does not say what is wrong")
			}
			if c.field != "" && !slices.ContainsFunc(p.Errors, func(f door.Field) bool { return f.Field == c.field && f.Detail != "" }) {
				t.Errorf("got %v, want the field %s", p.Errors, c.field)
			}
		})
	}
}

// What is wrong with the body as a whole is wrong with no field of it.
func TestDecodeNamesTheBody(t *testing.T) {
	for body, want := range map[string]string{
		`null`:       "The body must not be null.",
		`[]`:         "The body must be an object.",
		`"\u0000"`:   "The body must not contain NUL.",
		`{"":1}`:     `"" is not a field of this request.`,
		`{"":null}`:  `"" must not be null.`,
		`{"gift":0}`: "gift must be true or false.",
	} {
		got := documentOf(t, send(door.Handler(door.Options{}, door.Route{Pattern: "POST /api/orders", Handle: func(r *http.Request) (door.Answer, error) {
			return door.Answer{}, door.Decode(r, &order{})
		}}), post(body)))
		if got.Detail != want {
			t.Errorf("%s: got %q, want %q", body, got.Detail, want)
		}
		if slices.ContainsFunc(got.Errors, func(f door.Field) bool { return f.Field == "" }) {
			t.Errorf("%s: got %v, want no field without a name", body, got.Errors)
		}
	}
}

func TestDecodeTakes(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"plain", `{"userId":"1"}`, "1"},
		{"space", " {\"userId\" :\r\n\t\"1\"}\n", "1"},
		{"escaped", `{"user\u0049d":"\u0031\n\\u0000"}`, "1\n\\u0000"},
		{"null as text", `{"userId":"null"}`, "null"},
		{"all of Unicode", `{"userId":"日本 ｆ 🙂 \ud83d\ude42"}`, "日本 ｆ 🙂 🙂"},
		{"money", `{"userId":"1","price":1200.00,"stock":0,"items":[],"payment":{}}`, "1"},
		{"deep enough", `{"userId":"` + strings.Repeat("[{", 40) + `"}`, strings.Repeat("[{", 40)},
		{"largest", `{"userId":"` + strings.Repeat("a", 1<<20-13) + `"}`, strings.Repeat("a", 1<<20-13)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got order
			if err := door.Decode(post(c.body), &got); err != nil || got.UserID != c.want {
				t.Errorf("got %.40q, %v, want %.40q", got.UserID, err, c.want)
			}
		})
	}
}

func TestDecodeOfMoneyKeepsDigits(t *testing.T) {
	var got order
	if err := door.Decode(post(`{"price":123456789012345678.90}`), &got); err != nil || got.Price != "123456789012345678.90" {
		t.Errorf("got %q, %v", got.Price, err)
	}
}

func TestContentType(t *testing.T) {
	for _, c := range []struct {
		method, kind, encoding string
		want                   int // status; 0 is none
	}{
		{"POST", "application/json", "", 0},
		{"POST", "application/json; charset=utf-8", "", 0},
		{"POST", "Application/JSON;charset=UTF-8", "", 0},
		{"PATCH", "application/merge-patch+json", "", 0},
		{"POST", "application/merge-patch+json", "", 415},
		{"POST", "", "", 415},
		{"POST", "text/plain", "", 415},
		{"POST", "application/x-www-form-urlencoded", "", 415},
		{"POST", "application/jsonp", "", 415},
		{"POST", "application/json; charset=latin1", "", 415},
		{"POST", "application/json; charset", "", 415},
		{"POST", "application/json", "gzip", 415},
	} {
		r := httptest.NewRequest(c.method, "/", strings.NewReader(`{}`))
		r.Header.Set("Content-Type", c.kind)
		if c.encoding != "" {
			r.Header.Set("Content-Encoding", c.encoding)
		}
		err := door.Decode(r, &order{})
		if c.want == 0 && err != nil || c.want != 0 && problemOf(t, err).Status != c.want {
			t.Errorf("%s %q %s: got %v, want %d", c.method, c.kind, c.encoding, err, c.want)
		}
	}
}

func TestDecodeOfChunks(t *testing.T) {
	body := func(text io.Reader) *http.Request {
		r := httptest.NewRequest("POST", "/", struct{ io.Reader }{text})
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	var got order
	if err := door.Decode(body(strings.NewReader(`{"userId":"1"}`)), &got); err != nil || got.UserID != "1" {
		t.Errorf("got %v, %v", got, err)
	}
	endless := body(io.MultiReader(strings.NewReader(`"`), zeros{}))
	if p := problemOf(t, door.Decode(endless, &got)); p.Status != 413 {
		t.Errorf("endless body: got %v, want 413", p)
	}
	cut := body(io.MultiReader(strings.NewReader(`{`), broken{}))
	if p := problemOf(t, door.Decode(cut, &got)); p.Status != 400 || p.Type != "urn:tidewire:problem:body-cut-short" {
		t.Errorf("body cut short: got %v, want 400", p)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func problemOf(t *testing.T, err error) *door.Problem {
	t.Helper()
	var p *door.Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want a problem", err)
	}
	return p
}
