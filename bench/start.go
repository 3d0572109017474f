package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// start measures a side from being started on new databases to the first order that it
// has accepted, and then what it uses when there is nothing to do.
func (b *bench) start(ctx context.Context) ([]figure, error) {
	if err := b.platform(ctx); err != nil { // not to be measured
		return nil, err
	}
	return b.inTurn(ctx, "start", func(s side) (_ []sample, err error) {
		p, err := b.open(ctx, s, choreographed(files))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		if err := order(ctx, p.url); err != nil {
			return nil, err
		}
		first := time.Since(p.started)
		if err := pause(ctx, time.Second); err != nil { // the order ends meanwhile
			return nil, err
		}
		before, err := p.used()
		if err != nil {
			return nil, err
		}
		if err := pause(ctx, b.idleTime()); err != nil {
			return nil, err
		}
		after, err := p.used()
		if err != nil {
			return nil, err
		}
		idle := after.since(before)
		return []sample{
			{"start to first accepted order, new databases", "ms", first.Seconds() * 1000},
			{"idle memory of the services", "MB", float64(idle.server.resided) / 1e6},
			{"idle memory of the simulator", "MB", float64(idle.simulator.resided) / 1e6},
			{"idle CPU of the services", "ms/s", 1000 * idle.server.cpu.Seconds() / b.idleTime().Seconds()},
		}, nil
	})
}

// idleTime is how long a side is watched that has nothing to do.
func (b *bench) idleTime() time.Duration { return b.time * 5 / 2 }

// order places one order, as soon as that is possible.
func order(ctx context.Context, url string) error {
	const body = `{"userId":"1","items":[{"productId":"1","quantity":1}]}`
	for end := time.Now().Add(readyTime); ; {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/orders", strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "first")
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			text, err := io.ReadAll(resp.Body)
			if err := errors.Join(err, resp.Body.Close()); err != nil {
				return err
			}
			if resp.StatusCode != http.StatusAccepted {
				return fmt.Errorf("the first order: %s: %s", resp.Status, text)
			}
			return nil
		}
		if time.Now().After(end) {
			return err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
