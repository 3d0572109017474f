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

	menu     wire.Menu
	provider *wire.Provider
}

func (s *shop) databases() []*database {
	return []*database{s.order, s.payment, s.inventory, s.shipping, s.product, s.analytics, s.notification}
}

// Run serves the twin on l, with new databases in dir and a payment simulator at an
// address, until the process ends. It calls ready when it can be used.
func Run(ctx context.Context, l net.Listener, dir, simulator string, ready func()) error {
	s, err := openShop(ctx, dir)
	if err != nil {
		return err
	}
	s.provider = wire.NewProvider(simulator)
	s.start()
	ready()
	return http.Serve(l, s.door())
}

// openShop makes the databases, with the tables and the catalogue of the platform.
func openShop(ctx context.Context, dir string) (*shop, error) {
	s := &shop{}
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
		var err error
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
	type handlers = map[string]func(envelope) func(*tx)
	counts := &counter{Counts: wire.NewCounts()}
	for _, f := range []follower{
		{from: s.order, to: s.payment, log: "order", handle: handlers{contract.OrderCreated{}.Kind(): wantPayment}},
		{from: s.payment, to: s.inventory, log: "payment", handle: handlers{contract.PaymentProcessed{}.Kind(): takeStock}},
		{from: s.order, to: s.inventory, log: "order", handle: handlers{contract.OrderCompleted{}.Kind(): partWithStock}},
		{from: s.inventory, to: s.shipping, log: "inventory", handle: handlers{contract.InventoryUpdated{}.Kind(): wantShipment}},
		{from: s.payment, to: s.order, log: "payment", handle: handlers{contract.PaymentProcessed{}.Kind(): notePaid}},
		{from: s.inventory, to: s.order, log: "inventory", handle: handlers{contract.InventoryUpdated{}.Kind(): confirm}},
		{from: s.shipping, to: s.order, log: "shipping", handle: handlers{contract.OrderShipped{}.Kind(): complete}},
		{from: s.order, to: s.analytics, log: "order", rest: wire.Rest, last: counts.write,
			handle: handlers{contract.OrderCreated{}.Kind(): counts.accepted, contract.OrderCompleted{}.Kind(): counts.completed}},
		{from: s.order, to: s.notification, log: "order", rest: wire.Rest, handle: handlers{contract.OrderCreated{}.Kind(): tell(wire.CreatedNotice)}},
		{from: s.payment, to: s.notification, log: "payment", rest: wire.Rest, handle: handlers{contract.PaymentProcessed{}.Kind(): tell(wire.PaidNotice)}},
		{from: s.shipping, to: s.notification, log: "shipping", rest: wire.Rest, handle: handlers{contract.OrderShipped{}.Kind(): tell(wire.ShippedNotice)}},
	} {
		go f.run()
	}
	go worker{in: s.payment, queue: "payment_charges", call: s.charge}.run(2)
	go worker{in: s.shipping, queue: "shipping_labels", call: ship}.run(1)
}
