package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tidewire/tidewire/load"
)

// mailRate is how many orders a second come while the mail server is down.
const mailRate = 300

// mail measures orders while every mail about them has nowhere to go: its server refuses
// connections, or takes them and says nothing. Beside them stands the platform without a
// mail server, which sends none.
func (b *bench) mail(ctx context.Context) (all []figure, err error) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: the kernel does
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, silent.Close()) }()
	nobody, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	var ends []float64
	for _, server := range []struct{ what, url string }{
		{"no mail server", ""},
		{"one that refuses", "smtp://" + nobody[0]},
		{"one that hangs", "smtp://" + silent.Addr().String()},
	} {
		r, waiting, err := b.withMail(ctx, server.url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", server.what, err)
		}
		ends = append(ends, r.EndToEnd.P99)
		at := fmt.Sprintf(", 300 orders/s for %s, %s", b.mailFor, server.what)
		all = add(all, "mail", ours, []sample{
			{"accept p99" + at, "ms", r.Accept.P99},
			{"accept to completed p50" + at, "ms", r.EndToEnd.P50},
			{"accept to completed p99" + at, "ms", r.EndToEnd.P99},
			{"mails that wait" + at, "1", waiting},
		})
	}
	return add(all, "mail", ours, []sample{
		{"p99 to completed, one that refuses beside none", "×", ends[1] / ends[0]},
		{"p99 to completed, one that hangs beside none", "×", ends[2] / ends[0]},
	}), nil
}

// withMail places orders with a mail server, and returns how many mails wait at the end.
func (b *bench) withMail(ctx context.Context, url string) (r load.Report, waiting float64, err error) {
	p, err := b.openWith(ctx, ours, b.alone(files), "--set", "mail="+url)
	if err != nil {
		return r, 0, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if _, err := place(ctx, load.Options{URL: p.url, Orders: warmUp}); err != nil {
		return r, 0, err
	}
	if r, err = place(ctx, load.Options{URL: p.url, Rate: mailRate, For: b.mailFor}); err != nil {
		return r, 0, err
	}
	// Every order is told of three times, which follows within some seconds.
	const each = 3
	for end := time.Now().Add(time.Minute); url != ""; {
		if waiting, err = p.depth(ctx, "notification_mail"); err != nil {
			return r, 0, err
		}
		if want := each * (r.Completed + warmUp); int(waiting) >= want {
			break
		} else if time.Now().After(end) {
			return r, 0, fmt.Errorf("%.0f mails wait, of %d", waiting, want)
		}
		if err := pause(ctx, time.Second); err != nil {
			return r, 0, err
		}
	}
	return r, waiting, nil
}

// depth is how much stands in a queue.
func (p *shop) depth(ctx context.Context, queue string) (n float64, err error) {
	var all struct {
		Items []struct {
			Queue        string
			Waiting, Out float64
		}
	}
	err = get(ctx, p.admin+"/admin/v1/queues", &all)
	for _, q := range all.Items {
		if q.Queue == queue {
			n += q.Waiting + q.Out
		}
	}
	return n, err
}
