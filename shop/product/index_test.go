package product

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/opensearch"
	"github.com/tidewire/tidewire/internal/databases"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/stream"
)

func TestOnPostgres(t *testing.T) {
	databases.Again(t, map[string]func(*testing.T){"TestFoundByASearchEngine": TestFoundByASearchEngine})
}

// An indexed is a shop whose products a search engine knows.
type indexed struct {
	shop
	index *opensearch.Index
}

// index has a real server know the products of a new database.
func index(t *testing.T) *indexed {
	t.Helper()
	server := os.Getenv("TIDEWIRE_TEST_SEARCH")
	if server == "" {
		t.Skip(`TIDEWIRE_TEST_SEARCH is not set: the search engine was not asked; eval "$(scripts/servers env search)" after scripts/servers up search`)
	}
	at, err := opensearch.New(server + "?prefix=t-" + uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.Close)
	db, log := databases.WithLog(t, "product", Migrations())()
	i := &indexed{shop: behind(db), index: opensearch.NewIndex(at, "product")}
	process := &run.Process{Instance: uuid.NewString()}
	if i.Found, err = search.NewFinder(i.index, log, process); err != nil {
		t.Fatal(err)
	}
	relay := &stream.Relay{DB: db, Log: log, To: "search", Process: process, Every: 100 * time.Millisecond,
		Sink: &search.Feed{DB: db, Log: log, Index: i.index, Read: Documents}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, i.index.Drop(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return i
}

// knows waits until the engine answers for itself.
func (i *indexed) knows(t *testing.T) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		_, err := i.Found.Find(t.Context(), search.Question{Words: []string{"x"}, Limit: 1})
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the search engine does not answer: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// same compares what the engine finds, page by page, with what the database does.
func (i *indexed) same(t *testing.T) {
	t.Helper()
	alone := behind(i.DB)
	for _, text := range []string{"laptop", "lap", "red", "red lap", "éclair", "straße", "STRASSE", "1", "nothing", "a b c", "本", "colourcolourcolour", "word"} {
		for _, category := range []string{"", "it", "home, kitchen"} {
			all := alone.finds(t, text, category)
			var got []string
			for q := (query{words: words(text), category: category, limit: 7}); ; {
				page, err := i.found(t.Context(), q)
				if err != nil {
					t.Fatalf("%q: %v", text, err)
				}
				for _, p := range page[:min(len(page), q.limit)] {
					got = append(got, p.ID)
					q.after = p.Seq
				}
				if len(page) <= q.limit {
					break
				}
			}
			if !slices.Equal(got, all[:min(len(all), 50)]) && len(all) < 50 {
				t.Errorf("%q in %q: the engine found %v, the database %v", text, category, got, all)
			}
		}
	}
}

// A search engine finds what the database finds, and what it does not have yet is found all
// the same: also when it was wiped, or is away.
func TestFoundByASearchEngine(t *testing.T) {
	i := index(t)
	for n := range 40 {
		i.make(t, fmt.Sprintf(`{"id":"%d","name":"Red laptop %d","price":1,"category":%q,"description":"word éclair"}`, n, n, []string{"", "it", "home, kitchen"}[n%3]))
		if got := i.finds(t, fmt.Sprint("red ", n), ""); !slices.Contains(got, fmt.Sprint(n)) {
			t.Fatalf("a product that has just been made is not found: %v", got)
		}
	}
	i.make(t, `{"id":"s","name":"Straße 本","price":1,"category":"it"}`)
	i.make(t, `{"id":"w","name":"`+strings.Repeat("colour", 20)+`","price":1}`)
	i.knows(t)
	i.same(t)

	for _, body := range []string{`{"name":"Blue lap tray"}`, `{"category":"it"}`, `{"price":"9.99"}`} {
		if w := i.do("PATCH", "/api/products/0", body); w.Code != 200 {
			t.Fatalf("PATCH: %d %s", w.Code, w.Body)
		}
		if got := i.finds(t, "red laptop 0", ""); slices.Contains(got, "0") {
			t.Errorf("%s: found by what it was called: %v", body, got)
		}
		if got := i.finds(t, "blue", ""); !slices.Equal(got, []string{"0"}) {
			t.Errorf("%s: found %v, want 0", body, got)
		}
	}
	i.knows(t)
	i.same(t)

	want := i.finds(t, "laptop", "it")
	if err := i.index.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := i.finds(t, "laptop", "it"); !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("without its index: %v, want %v", got, want)
	}
	i.knows(t) // it was filled anew
	i.same(t)
	if err := i.index.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := i.finds(t, "laptop", "it"); !slices.Equal(got, want) {
		t.Errorf("of an empty index: %v, want %v", got, want)
	}
	i.knows(t)
	i.same(t)
}

// An index of another database is replaced, however far it is.
func TestAnIndexOfAnotherJournal(t *testing.T) {
	i := index(t)
	i.make(t, `{"id":"a","name":"Lamp","price":1}`)
	i.knows(t)
	marks, err := i.index.Marks(t.Context())
	if err != nil || len(marks) != 1 {
		t.Fatalf("marks: %+v, %v", marks, err)
	}
	for name, change := range map[string]func(*search.Mark){
		"another journal":     func(m *search.Mark) { m.Identity = "another" },
		"one that was longer": func(m *search.Mark) { m.Seq, m.ID = m.Seq+1000, "later" },
		"another message":     func(m *search.Mark) { m.ID = "other" },
	} {
		other := marks[0]
		other.Before = stream.Chain{}
		change(&other)
		if err := i.index.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := i.index.Put(t.Context(), []search.Document{{ID: "b", Place: 99, Version: 1, Words: "lamp"}}, []search.Mark{other}, map[int]int64{other.Partition: 0})
		if err != nil && !errors.Is(err, search.ErrMoved) { // the feed was faster
			t.Fatalf("%s: %v", name, err)
		}
		end := time.Now().Add(30 * time.Second)
		for {
			marks, err := i.index.Marks(t.Context())
			if err == nil && len(marks) == 1 && marks[0].Identity != "another" && marks[0].Seq < 1000 && marks[0].ID != "other" {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: still %+v, %v", name, marks, err)
			}
			<-time.After(20 * time.Millisecond)
		}
		i.knows(t)
		if got := i.finds(t, "lamp", ""); !slices.Equal(got, []string{"a"}) {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

// An engine that is away, hangs or says nonsense costs a second once, and then nothing.
func TestASearchEngineThatIsAway(t *testing.T) {
	db, log := databases.WithLog(t, "product", Migrations())()
	over := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(over) })
	nonsense := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(nonsense.Close)
	s := &Service{DB: db}
	shop := shop{door.Handler(door.Options{}, s.Routes()...), s}
	shop.make(t, `{"id":"a","name":"Lamp","price":1}`)
	for name, url := range map[string]string{"hangs": hangs.URL, "nobody there": "http://127.0.0.1:1", "nonsense": nonsense.URL} {
		at, err := opensearch.New("opensearch+" + url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(at.Close)
		if s.Found, err = search.NewFinder(opensearch.NewIndex(at, "product"), log, &run.Process{}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 20 {
			if got := shop.finds(t, "lamp", ""); !slices.Equal(got, []string{"a"}) {
				t.Errorf("%s: found %v", name, got)
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: 20 questions took %v", name, took)
		}
	}
}
