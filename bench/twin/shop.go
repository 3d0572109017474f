package twin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"

	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/shop/analytics"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/inventory"
	"github.com/tidewire/tidewire/shop/notification"
	"github.com/tidewire/tidewire/shop/order"
	"github.com/tidewire/tidewire/shop/payment"
	"github.com/tidewire/tidewire/shop/product"
	"github.com/tidewire/tidewire/shop/shipping"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A shop is the databases of the services, and the provider that they call.
type shop struct {
	order, payment, inventory, shipping, product, analytics, notification *database

	style    style
	menu     wire.Menu
	provider *wire.Provider
}

// A style is what is different with how orders flow.
type style struct {
	name  string
	begin func(wire.Accepted) func(*tx, envelope) // what is stored besides a new order
	way   func(*shop) []follower
	pay   func(*shop, envelope) func(*tx) // calls the provider for a job
}

func styleOf(name string) (style, error) {
	switch name {
	case contract.Choreographed:
		return style{name, expiry, (*shop).choreographed, (*shop).charge}, nil
	case contract.Orchestrated:
		return style{name, conduct, (*shop).orchestrated, (*shop).holdOrCapture}, nil
	}
	return style{}, fmt.Errorf("the twin has no style %q", name)
}

func (s *shop) databases() []*database {
	return []*database{s.order, s.payment, s.inventory, s.shipping, s.product, s.analytics, s.notification}
}

// Options say what a twin runs with.
type Options struct {
	Dir       string // for new databases
	Simulator string // address of the provider
	Style     string // how orders flow: contract.Choreographed or contract.Orchestrated
}

// Run serves the twin on l until the process ends. It calls ready when it can be used.
func Run(ctx context.Context, l net.Listener, o Options, ready func()) error {
	s, err := openShop(ctx, o.Dir, o.Style)
	if err != nil {
		return err
	}
	s.provider = wire.NewProvider(o.Simulator)
	s.start()
	ready()
	return http.Serve(l, s.door())
}

// openShop makes the databases, with the tables and the catalogue of the platform.
func openShop(ctx context.Context, dir, named string) (*shop, error) {
	way, err := styleOf(named)
	if err != nil {
		return nil, err
	}
	s := &shop{style: way}
	for _, each := range []struct {
		to         **database
		name       string
		migrations fs.FS
		fill       func(context.Context, *store.DB) error
	}{
		{&s.order, "order", order.Migrations(), nil},
		{&s.payment, "payment", payment.Migrations(), nil},
		{&s.inventory, "inventory", inventory.Migrations(), nil},
		{&s.shipping, "shipping", shipping.Migrations(), nil},
		{&s.product, "product", product.Migrations(), func(ctx context.Context, db *store.DB) error {
			return (&product.Service{DB: db}).Demo(ctx)
		}},
		{&s.analytics, "analytics", analytics.Migrations(), nil},
		{&s.notification, "notification", notification.Migrations(), nil},
	} {
		path := filepath.Join(dir, each.name+".db")
		if err := create(ctx, path, each.migrations, each.fill); err != nil {
			return nil, fmt.Errorf("create %s: %w", path, err)
		}
		if *each.to, err = open(path); err != nil {
			return nil, err
		}
	}
	s.menu.Ask = s.offer
	s.stockUp()
	s.nameProducts()
	return s, nil
}

// create makes a file with the same tables as the platform's: nothing else of it is used
// once the twin runs.
func create(ctx context.Context, path string, migrations fs.FS, fill func(context.Context, *store.DB) error) error {
	driver, err := sqlite.Open(ctx, path, migrations)
	if err != nil {
		return err
	}
	if fill != nil {
		err = fill(ctx, store.Open("product", driver))
	}
	return errors.Join(err, driver.Close())
}

// start starts what follows, and what works.
func (s *shop) start() {
	for _, f := range append(s.style.way(s), s.aside()...) {
		go f.run()
	}
	go worker{in: s.payment, queue: payments, call: func(j envelope) func(*tx) { return s.style.pay(s, j) }}.run(2)
	go worker{in: s.shipping, queue: "shipping_labels", call: ship}.run(1)
}

// choreographed is who follows whom where nobody conducts.
func (s *shop) choreographed() []follower {
	return []follower{
		{from: s.order, to: s.payment, log: "order", handle: handlers{contract.OrderCreated{}.Kind(): wantPayment}},
		{from: s.payment, to: s.inventory, log: "payment", handle: handlers{contract.PaymentProcessed{}.Kind(): takeStock}},
		{from: s.order, to: s.inventory, log: "order", handle: handlers{contract.OrderCompleted{}.Kind(): partWithStock}},
		{from: s.inventory, to: s.shipping, log: "inventory", handle: handlers{contract.InventoryUpdated{}.Kind(): wantShipment}},
		{from: s.payment, to: s.order, log: "payment", handle: handlers{contract.PaymentProcessed{}.Kind(): notePaid}},
		{from: s.inventory, to: s.order, log: "inventory", handle: handlers{contract.InventoryUpdated{}.Kind(): confirm}},
		{from: s.shipping, to: s.order, log: "shipping", handle: handlers{contract.OrderShipped{}.Kind(): complete}},
	}
}

// aside is who follows in any style, for nobody who waits.
func (s *shop) aside() []follower {
	counts := &counter{Counts: wire.NewCounts()}
	return []follower{
		{from: s.order, to: s.analytics, log: "order", rest: wire.Rest, last: counts.write,
			handle: handlers{contract.OrderCreated{}.Kind(): counts.accepted, contract.OrderCompleted{}.Kind(): counts.completed}},
		{from: s.order, to: s.notification, log: "order", rest: wire.Rest, handle: handlers{contract.OrderCreated{}.Kind(): tell(wire.CreatedNotice)}},
		{from: s.payment, to: s.notification, log: "payment", rest: wire.Rest, handle: handlers{contract.PaymentProcessed{}.Kind(): tell(wire.PaidNotice)}},
		{from: s.shipping, to: s.notification, log: "shipping", rest: wire.Rest, handle: handlers{contract.OrderShipped{}.Kind(): tell(wire.ShippedNotice)}},
	}
}
