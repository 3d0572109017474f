package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/door"
)

// serve answers with fixed texts by method and path, and counts nothing.
func serve(t *testing.T, answers map[string]string) *client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := answers[r.Method+" "+r.URL.RequestURI()]
		if !ok {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			text = `{"type":"urn:x","title":"There is no such order","status":404}`
		}
		if text == "broken" {
			w.WriteHeader(http.StatusBadGateway)
		}
		if text == "echo" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			text = string(body)
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return &client{ctx: t.Context(), base: s.URL, key: "listen"}
}

func TestClientAnswers(t *testing.T) {
	c := serve(t, map[string]string{"GET /a": `{"n":1}`, "POST /echo": "echo", "GET /broken": "broken", "GET /text": "hello"})
	var got struct{ N int }
	if err := c.do("GET", "/a", nil, &got); err != nil || got.N != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := c.do("POST", "/echo", map[string]int{"n": 7}, &got); err != nil || got.N != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	var p *door.Problem
	if err := c.do("GET", "/none", nil, &got); !errors.As(err, &p) || p.Status != 404 || optional(err) != nil {
		t.Errorf("got %v, want a problem that is optional", err)
	}
	if err := c.do("GET", "/broken", nil, &got); err == nil || !strings.Contains(err.Error(), "GET /broken answers 502") || optional(err) == nil {
		t.Errorf("got %v, want 502", err)
	}
	var syntax *json.SyntaxError
	if err := c.do("GET", "/text", nil, &got); !errors.As(err, &syntax) {
		t.Errorf("got %v, want an error of JSON", err)
	}
	c.base = "http://127.0.0.1:1"
	if err := c.do("GET", "/a", nil, &got); !errors.Is(err, errNotRunning) || !strings.Contains(err.Error(), "key listen") {
		t.Errorf("got %v, want errNotRunning", err)
	}
}

func TestClientReadsEveryPage(t *testing.T) {
	c := serve(t, map[string]string{
		"GET /l?":         `{"items":[1,2],"next":"b"}`,
		"GET /l?cursor=b": `{"items":[3],"next":"c"}`,
		"GET /l?cursor=c": `{"items":[]}`,
		"GET /empty?":     `{"items":[]}`,
	})
	got, err := all[int](c, "/l", nil)
	if err != nil || fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := all[int](c, "/empty", nil); got == nil || len(got) != 0 || err != nil {
		t.Errorf("got %v, %v, want an empty list that is not null", got, err)
	}
	if _, err := all[int](c, "/none", nil); err == nil {
		t.Error("got nil, want an error")
	}
}

func TestProviderHealth(t *testing.T) {
	for _, tt := range []struct {
		status int
		works  bool
	}{{200, true}, {204, true}, {503, false}, {404, false}} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" {
				t.Errorf("got %s", r.URL.Path)
			}
			w.WriteHeader(tt.status)
		}))
		if _, err := healthy(t.Context(), s.URL+"/"); (err == nil) != tt.works {
			t.Errorf("%d: got %v", tt.status, err)
		}
		s.Close()
		if _, err := healthy(t.Context(), s.URL); err == nil {
			t.Error("closed: got nil, want an error")
		}
	}
}
