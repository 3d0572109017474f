package main

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
)

// A watcher calls a function when something is logged.
type watcher struct {
	slog.Handler
	on func(message string)
}

func (w watcher) Handle(_ context.Context, r slog.Record) error {
	w.on(r.Message)
	return nil
}

// Whoever reads in the log that the platform has stopped may start it again, or copy it.
func TestStoppedIsSaidLast(t *testing.T) {
	data := t.TempDir()
	loaded, err := config.Load(config.Source{Set: []string{"listen=127.0.0.1:0", "admin=127.0.0.1:0", "payment.simulator=http://127.0.0.1:1"}, Flags: map[string]string{"data": data}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	said := 0
	log := slog.New(watcher{slog.NewTextHandler(io.Discard, nil), func(message string) {
		switch message {
		case "ready":
			stop()
		case "stopped":
			said++
			dir, err := openDataDir(data)
			if err != nil {
				t.Error(err)
				return
			}
			if err := dir.Close(); err != nil {
				t.Error(err)
			}
		}
	}})
	if err := (upCommand{Empty: true}).run(&console{ctx: ctx, out: io.Discard}, loaded, log); err != nil || said != 1 {
		t.Errorf("got %v, and it was said %d times that it has stopped", err, said)
	}
}
