package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tidewire/tidewire/load"
)

// growth measures what an order costs as more and more of them are stored: a tenth of
// -growth orders at a time. There is no twin: the first tenth is what the others are
// compared with.
func (b *bench) growth(ctx context.Context) (all []figure, err error) {
	p, err := b.openWarm(ctx, ours, b.alone(files))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	step := max(1, b.options.growth/10)
	for stored := step; stored <= b.options.growth; stored += step {
		samples, err := b.grow(ctx, p, step)
		if err != nil {
			return nil, fmt.Errorf("up to %d orders: %w", stored, err)
		}
		line := fmt.Sprintf("up to %d orders:", stored)
		for i, s := range samples {
			line += fmt.Sprintf(" %s %s %s;", s.what, digits(s.value), s.unit)
			samples[i].what = fmt.Sprintf("%s, up to %d", s.what, stored)
		}
		fmt.Fprintln(b.progress, line)
		all = add(all, "growth", ours, samples)
	}
	return all, nil
}

// grow places as many orders as a step has, and says what they took.
func (b *bench) grow(ctx context.Context, p *shop, orders int) ([]sample, error) {
	before, err := p.used()
	if err != nil {
		return nil, err
	}
	flushed, err := flushes(p.dir)
	if err != nil {
		return nil, err
	}
	stored, err := sizeOf(p.dir, "")
	if err != nil {
		return nil, err
	}
	wal := watchWAL(p.dir)
	r, err := place(ctx, load.Options{URL: p.url, Orders: orders})
	largest := wal()
	if err != nil {
		return nil, err
	}
	after, err := p.used()
	if err != nil {
		return nil, err
	}
	flushedNow, err := flushes(p.dir)
	if err != nil {
		return nil, err
	}
	storedNow, err := sizeOf(p.dir, "")
	if err != nil {
		return nil, err
	}
	used, n := after.since(before), float64(r.Completed)
	return []sample{
		{"orders", "1/s", r.OrdersPerSecond},
		{"accept p99", "ms", r.Accept.P99},
		{"accept to completed p99", "ms", r.EndToEnd.P99},
		{"CPU of the services", "µs/order", float64(used.server.cpu.Microseconds()) / n},
		{"stored", "KB/order", float64(storedNow-stored) / 1e3 / n},
		{written, "KB/order", float64(used.server.wrote) / 1e3 / n},
		{"flushes of the disk", "1/order", float64(flushedNow-flushed) / n},
		{"all WALs, the largest", "MB", float64(largest) / 1e6},
		{"memory of the services", "MB", float64(used.server.resided) / 1e6},
	}, nil
}

// sizeOf adds up the files of a directory whose names end so.
func sizeOf(dir, suffix string) (sum int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), suffix) { // else it is gone meanwhile
			sum += info.Size()
		}
	}
	return sum, err
}

// watchWAL looks at the WALs in a directory until the function that it returns is called,
// which returns how large all of them together were at most.
func watchWAL(dir string) (largest func() int64) {
	var most int64
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for pause(ctx, 100*time.Millisecond) == nil {
			if size, err := sizeOf(dir, "-wal"); err == nil {
				most = max(most, size)
			}
		}
	})
	return func() int64 {
		cancel()
		wg.Wait()
		return most
	}
}

// flushes returns how often the disk that holds a directory was told to make what it has
// durable: what fsync comes to. Another process that does so counts, too. See
// https://docs.kernel.org/admin-guide/iostats.html.
func flushes(dir string) (int64, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	device := info.Sys().(*syscall.Stat_t).Dev
	at := fmt.Sprintf("%d:%d", device>>8&0xfff, device&0xff|device>>12&0xfff00)
	link, err := filepath.EvalSymlinks("/sys/dev/block/" + at)
	if err != nil {
		return 0, err
	}
	// A partition does not count them, its disk does.
	if _, err := os.Stat(link + "/partition"); err == nil {
		link = filepath.Dir(link)
	}
	stat, err := os.ReadFile(link + "/stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat))
	const requests = 15
	if len(fields) <= requests {
		return 0, errors.New("this kernel does not count flushes")
	}
	return strconv.ParseInt(fields[requests], 10, 64)
}
