package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/load"
	"github.com/tidewire/tidewire/shop/operate"
)

const (
	// beside is how many orders a second come while tables are made anew.
	beside = 1000
	// eventsOf is how many events an order leaves that the table of orders is made of.
	eventsOf = 7
)

// rebuild measures how fast the tables of orders and of analytics are made anew from so many
// events, and what the orders that come meanwhile wait, beside as long without it. There is no
// twin.
func (b *bench) rebuild(ctx context.Context) (all []figure, err error) {
	p, err := b.openWarm(ctx, ours, b.alone(files))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if _, err := place(ctx, load.Options{URL: p.url, Orders: max(1, b.events/eventsOf)}); err != nil {
		return nil, err
	}
	quiet, err := place(ctx, load.Options{URL: p.url, Rate: beside, For: 5 * b.time})
	if err != nil {
		return nil, err
	}
	samples := []sample{{"orders at 1,000/s, accept p99", "ms", quiet.Accept.P99}, {"orders at 1,000/s, accept to completed p99", "ms", quiet.EndToEnd.P99}}
	for _, name := range []string{"orders", "analytics"} {
		some, err := b.rebuildOne(ctx, p, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		samples = append(samples, some...)
	}
	return add(nil, "rebuild", ours, samples), nil
}

// rebuildOne has one projection made anew while orders come.
func (b *bench) rebuildOne(ctx context.Context, p *shop, name string) ([]sample, error) {
	type outcome struct {
		load.Report
		error
	}
	placed := make(chan outcome, 1)
	go func() {
		r, err := place(ctx, load.Options{URL: p.url, Rate: beside, For: 5*b.time + time.Duration(b.events/50_000)*time.Second})
		placed <- outcome{r, err}
	}()
	var now operate.Projection
	err := ask(ctx, p.admin+"/admin/v1/projections/"+name+"/rebuild", operate.Decision{Who: "bench"}, &now)
	for err == nil && now.Ended.IsZero() {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(100 * time.Millisecond):
			now = operate.Projection{}
			err = ask(ctx, p.admin+"/admin/v1/projections/"+name, nil, &now)
		}
	}
	meanwhile := <-placed
	if err := errors.Join(err, meanwhile.error); err != nil {
		return nil, err
	}
	if now.State != "done" || now.Equal == nil || !*now.Equal {
		return nil, fmt.Errorf("the rebuild is %s, of %s where %s was: %s", now.State, now.Digest, now.Live, now.Error)
	}
	took := now.Rebuilt.Sub(now.Asked).Seconds()
	return []sample{
		{"events of " + name, "", float64(now.Events)},
		{name + " until exchanged", "s", took},
		{"events of " + name + " folded", "1/s", float64(now.Events) / took},
		{"orders beside it at 1,000/s, accept p99, " + name, "ms", meanwhile.Accept.P99},
		{"orders beside it at 1,000/s, accept to completed p99, " + name, "ms", meanwhile.EndToEnd.P99},
	}, nil
}

// ask asks the operators' door: with a body, to do something.
func ask(ctx context.Context, url string, body, into any) error {
	method, text := http.MethodGet, []byte(nil)
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return fmt.Errorf("%s %s answers %s", method, url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
