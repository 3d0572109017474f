package inventory

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
)

// What is asked is answered from what is free now, and nothing is kept of it.
func TestCheck(t *testing.T) {
	s := start(t)
	s.hears(t, "o", payment("o", line("a", 4))) // 6 of a are free, and 5 of b
	driver, p := &request.Local{}, &run.Process{}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() {
		ran <- (&request.Server{Driver: driver, Service: "inventory", Handlers: s.Answers(), Process: p}).Run(ctx)
	}()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	asks, err := request.NewClient(driver, "order", p)
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for { // until it is served
		if _, err := request.Ask[contract.StockChecked](ctx, asks, contract.CheckStock{}); !errors.Is(err, request.ErrNobody) {
			break
		}
		<-tick.C
	}
	for _, tt := range []struct {
		name   string
		wanted []contract.Demand
		want   []string
	}{
		{"nothing", nil, nil},
		{"all that is free", []contract.Demand{{ProductID: "a", Quantity: 6}, {ProductID: "b", Quantity: 5}}, nil},
		{"one more", []contract.Demand{{ProductID: "a", Quantity: 7}, {ProductID: "b", Quantity: 5}}, []string{"a"}},
		{"both", []contract.Demand{{ProductID: "b", Quantity: 6}, {ProductID: "a", Quantity: 1 << 53}}, []string{"b", "a"}},
		{"what is not tracked, and what there is not", []contract.Demand{{ProductID: "c", Quantity: 1_000_000}, {ProductID: "none", Quantity: 1}}, nil},
	} {
		got, err := request.Ask[contract.StockChecked](ctx, asks, contract.CheckStock{Wanted: tt.wanted})
		if err != nil || !slices.Equal(got.Lacking, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
	if n := s.reserved(t, "a"); n != 4 {
		t.Errorf("%d of a are reserved after questions, want 4", n)
	}
}
