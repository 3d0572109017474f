package notification

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The operator is told when mails stop, and when they go again, and not of every try.
func TestTroubleIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	away := errors.New("connection refused")
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.open(nil); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for range tolerated + 10 { // ten tries while it is away
				if err := g.pass(t.Context(), func(context.Context) error { return away }); !errors.Is(err, away) {
					t.Fatalf("got %v", err)
				}
			}
			if err := g.pass(t.Context(), func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	})
	if stops, goes := strings.Count(log.String(), "takes no mail"), strings.Count(log.String(), "takes mail again"); stops != 2 || goes != 2 {
		t.Errorf("told %d times that mails stop and %d times that they go, want 2 of each:\n%s", stops, goes, log.String())
	}
}

// When the process stops, who waits goes home at once, and who is out has grace.
func TestStopCutsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if err := g.open(nil); err != nil {
			t.Fatal(err)
		}
		took := make(chan time.Duration, connections+1)
		begun := time.Now()
		for range connections + 1 {
			go func() {
				_ = g.pass(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				took <- time.Since(begun)
			}()
		}
		synctest.Wait()
		g.stop()
		if d := <-took; d != 0 {
			t.Errorf("who waits goes after %v", d)
		}
		for range connections {
			if d := <-took; d != grace {
				t.Errorf("who hangs is cut after %v, want %v", d, grace)
			}
		}
	})
}

// What the server says of one mail does not keep out the next.
func TestAnswersAreNoTrouble(t *testing.T) {
	var g gate
	if err := g.open(nil); err != nil {
		t.Fatal(err)
	}
	for _, said := range []error{ErrRecipient, ErrLater} {
		for range 3 * tolerated {
			if err := g.pass(t.Context(), func(context.Context) error { return said }); !errors.Is(err, said) || g.state() != 0 {
				t.Fatalf("%v: got %v, state %d", said, err, g.state())
			}
		}
	}
}
