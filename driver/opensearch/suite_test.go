package opensearch_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/opensearch"
	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/search/searchtest"
)

// address returns the real server's, with names that nobody else has.
func address(t testing.TB) string {
	t.Helper()
	url := os.Getenv("TIDEWIRE_TEST_SEARCH")
	if url == "" {
		t.Skip(`TIDEWIRE_TEST_SEARCH is not set: OpenSearch was not tested; eval "$(scripts/servers env search)" after scripts/servers up search`)
	}
	return url + "?prefix=t-" + uuid.NewString()
}

func open(t testing.TB, url string) *opensearch.Server {
	t.Helper()
	s, err := opensearch.New(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestIndex(t *testing.T) {
	searchtest.Run(t, searchtest.Harness{New: func(t *testing.T) (here, there search.Index) {
		url := address(t)
		x := opensearch.NewIndex(open(t, url), "things")
		t.Cleanup(func() {
			if err := x.Drop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return x, opensearch.NewIndex(open(t, url), "things")
	}})
}

// Each thing that can be wrong is one sentence that says what to mend, and holds no secret.
func TestCheck(t *testing.T) {
	says := func(status int, text string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "shop" || password != "hush" {
				t.Errorf("asked by %s with %s", user, password)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}))
		t.Cleanup(s.Close)
		return "opensearch+http://shop:hush@" + strings.TrimPrefix(s.URL, "http://")
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	real := address(t)
	for _, tt := range []struct {
		name, url, want string
		away            bool
	}{
		{"as it should be", real, "", false},
		{"wrong password", says(401, ""), "refuses the user and the password", false},
		{"no rights", says(403, `{"error":{"type":"security_exception","reason":"no permissions"}}`), "gives this user no right", false},
		{"too much to do", says(429, ""), "answers 429", true},
		{"not yet", says(503, "starting\nup"), "answers 503: starting up", true},
		{"somebody else", says(200, "{}"), "is no OpenSearch", false},
		{"a page", says(200, "<html>"), "is no OpenSearch", false},
		{"nobody there", "opensearch+http://shop:hush@127.0.0.1:1", "is away", true},
		{"TLS where there is none", strings.Replace(real, "+http:", "+https:", 1), "must begin with opensearch+http://", false},
		{"an authority that is not known", "opensearch+https://" + strings.TrimPrefix(secure.URL, "https://"), "name its file with ?ca=", false},
	} {
		err := open(t, tt.url).Check(t.Context())
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		case errors.Is(err, search.ErrAway) != tt.away:
			t.Errorf("%s: ErrAway is %v: %v", tt.name, !tt.away, err)
		case err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: got %q, want one sentence without a secret", tt.name, err)
		}
	}
}

func TestAddress(t *testing.T) {
	for address, want := range map[string]string{
		"opensearch+http://shop:hush@search:9200":       "",
		"opensearch+https://search":                     "",
		"opensearch+http://search?prefix=two-2":         "",
		"":                                              "must be opensearch+http://",
		"http://shop:hush@search":                       "must be opensearch+http://",
		"opensearch+ftp://shop:hush@search":             "must be opensearch+http://",
		"opensearch+http://shop:hush@search/products":   "must be opensearch+http://",
		"opensearch+http://shop:hush@:9200":             "must be opensearch+http://",
		"opensearch+http://search?prefix=Two":           "prefix must be made of",
		"opensearch+http://search?prefix=_two":          "prefix must be made of",
		"opensearch+http://search?index=two":            `has the parameter "index"`,
		"opensearch+http://search?ca=/nowhere/ca.pem":   "must begin with opensearch+https://",
		"opensearch+https://search?ca=/nowhere/ca.pem":  "ca: open /nowhere/ca.pem",
		"opensearch+https://shop:hush@search?ca=" + "/": "ca: read /",
	} {
		_, err := opensearch.New(address)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}
