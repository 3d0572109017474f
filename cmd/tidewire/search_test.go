package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/opensearch"
)

// Products are found by the search engine once it has them; that it fills itself is seen in
// the metrics, and that nothing is wrong by the doctor.
func TestSearchEngine(t *testing.T) {
	url := os.Getenv("TIDEWIRE_TEST_SEARCH")
	if url == "" {
		t.Skip(`skipped: the platform with a search engine; eval "$(scripts/servers env search)" after scripts/servers up search`)
	}
	url += "?prefix=t-" + uuid.NewString()
	t.Cleanup(func() {
		s, err := opensearch.New(url)
		if err == nil {
			err = opensearch.NewIndex(s, "product").Drop(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "search="+url)
	if status, _ := r.do("POST", "/api/products", `{"id":"lamp","name":"Green lamp","price":1}`); status != 201 {
		t.Fatalf("POST: %d", status)
	}
	eventually(t, "the engine has answered", func() bool {
		_, page := r.do("GET", "/api/products?query=gre+lam", "")
		if items, _ := page["items"].([]any); len(items) != 1 {
			t.Fatalf("found %v", page)
		}
		return r.metrics()[`tidewire_search_asked_total{result="answered"}`] > 0
	})
	if found := r.findings(); len(found) != 0 {
		t.Errorf("doctor: %+v", found)
	}
}

// Without its search engine a platform works and is ready, and doctor says what is missing.
func TestASearchEngineThatIsAway(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "search=opensearch+http://shop:hush@127.0.0.1:1")
	if status, page := r.do("GET", "/api/products?query=lap", ""); status != 200 || page["items"] == nil {
		t.Errorf("search: %d %v", status, page)
	}
	r.ready()
	found := r.findings()
	if len(found) != 1 || !strings.HasPrefix(found[0].What, "search: the search engine is away: 127.0.0.1:1") || !strings.Contains(found[0].Do, "nothing is missing") {
		t.Errorf("doctor: %+v", found)
	}
	if strings.Contains(r.log.String(), "hush") {
		t.Error("a secret is in the log")
	}
}
