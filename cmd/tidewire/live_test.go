package main

import (
	"bufio"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An order is seen as it moves, up to its end; the numbers are seen as they grow, and a stop
// of the platform ends what is looked at without a wait.
func TestLiveViews(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	look := func(path string) *http.Response {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
		return resp
	}
	numbers := bufio.NewScanner(look("/api/analytics/live").Body)
	id, _ := r.order(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"slow"}}`)["id"].(string)
	text, err := io.ReadAll(look("/api/orders/" + id + "/live").Body)
	if err != nil {
		t.Fatal(err)
	}
	events := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	if first, last := events[0], events[len(events)-1]; len(events) < 2 || !strings.HasPrefix(first, "event: order\nid: 1\n") || !strings.Contains(last, `"status":"completed"`) {
		t.Errorf("seen of the order:\n%s", text)
	}
	for numbers.Scan() && !strings.Contains(numbers.Text(), `"completed":1`) {
	}
	if numbers.Err() != nil || !strings.Contains(numbers.Text(), `"completed":1`) {
		t.Errorf("the numbers ended with %q, %v", numbers.Text(), numbers.Err())
	}
	if exit, took := r.term(); exit != exitDone || took > 9*time.Second {
		t.Errorf("exit %d after %v with somebody looking", exit, took)
	}
	rest := ""
	for numbers.Scan() {
		rest += numbers.Text() + "\n"
	}
	if !strings.HasSuffix(rest, "retry: 1000\n: the door closes\n\n") {
		t.Errorf("the last that was seen is %q", rest)
	}
}
