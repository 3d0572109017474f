package part

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/order"
	"github.com/tidewire/tidewire/shop/product"
	"github.com/tidewire/tidewire/shop/user"
)

// accept places orders at the platform's door, behind which nothing follows.
func accept(ctx context.Context, dir string, s Size) (_ watch.Rate, err error) {
	users, err := open(ctx, dir, "user", user.Migrations())
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, users.Close()) }()
	products, err := open(ctx, dir, "product", product.Migrations())
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, products.Close()) }()
	orders, err := open(ctx, dir, "order", order.Migrations())
	if err != nil {
		return watch.Rate{}, err
	}
	defer func() { err = errors.Join(err, orders.Close()) }()
	u, p := &user.Service{DB: users}, &product.Service{DB: products}
	if err := errors.Join(u.Demo(ctx), p.Demo(ctx)); err != nil {
		return watch.Rate{}, err
	}
	o := &order.Service{DB: orders, Users: u, Catalogue: p, Style: contract.Choreographed} // as the twin behind the other door
	return post(ctx, door.Handler(door.Options{OpenMode: true}, o.Routes()...), s.Time)
}

// post has clients place orders for a while, and returns how many a second were accepted.
func post(ctx context.Context, h http.Handler, d time.Duration) (_ watch.Rate, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return watch.Rate{}, err
	}
	server := &http.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	defer func() {
		err = errors.Join(err, server.Shutdown(ctx))
		<-ended // http.ErrServerClosed
	}()
	transport := &http.Transport{MaxIdleConnsPerHost: callers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var done atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, callers)
	began := watch.Start()
	for client := range callers {
		all.Go(func() {
			for n := 0; began.Running() < d; n++ {
				if err := place(transport, "http://"+l.Addr().String()+"/api/orders", fmt.Sprintf("%d-%d", client, n)); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	close(failed)
	return began.Rate(done.Load()), <-failed
}

func place(t *http.Transport, url, key string) error {
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(`{"userId":"1","items":[{"productId":"1","quantity":1}]}`)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	resp, err := t.RoundTrip(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("not accepted: %s", resp.Status)
	}
	return err
}
