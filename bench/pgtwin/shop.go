package pgtwin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/tidewire/tidewire/bench/wire"
	"github.com/tidewire/tidewire/driver/postgres"
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

// connections of the pool: as many as the platform has.
const connections = 16

// A shop is the schemas of the services, and the provider that they call.
type shop struct {
	order, payment, inventory, shipping, analytics, notification *schema

	pool     *pgxpool.Pool
	menu     wire.Menu
	provider *wire.Provider
}

// Run serves the twin on l, in a new database and with a payment simulator at an address,
// until the process ends. It calls ready when it can be used.
func Run(ctx context.Context, l net.Listener, database, simulator string, ready func()) error {
	if err := create(ctx, database); err != nil {
		return fmt.Errorf("create the tables: %w", err)
	}
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	config.MaxConns = connections
	config.ConnConfig.StatementCacheCapacity = 1024
	config.ConnConfig.RuntimeParams["jit"] = "off"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	s := &shop{pool: pool, provider: wire.NewProvider(simulator)}
	s.menu.Ask = s.offer
	for name, to := range map[string]**schema{"order": &s.order, "payment": &s.payment, "inventory": &s.inventory, "shipping": &s.shipping,
		"analytics": &s.analytics, "notification": &s.notification} {
		*to = &schema{pool: pool, name: `"` + name + `"`} // order is a word of SQL
	}
	if err := errors.Join(s.stockUp(ctx), s.nameProducts(ctx)); err != nil {
		return err
	}
	s.start()
	ready()
	return http.Serve(l, s.door())
}

// create makes the platform's own tables and catalogue: nothing else of it is used.
func create(ctx context.Context, database string) error {
	server, err := postgres.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer server.Close()
	for name, migrations := range map[string]fs.FS{"order": order.Migrations(), "payment": payment.Migrations(),
		"inventory": inventory.Migrations(), "shipping": shipping.Migrations(), "product": product.Migrations(),
		"analytics": analytics.Migrations(), "notification": notification.Migrations()} {
		d, err := server.Open(ctx, name, migrations)
		if err != nil {
			return err
		}
		if name == "product" {
			err = (&product.Service{DB: store.Open(name, d)}).Demo(ctx)
		}
		if err := errors.Join(err, d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// start starts what follows, and what works.
func (s *shop) start() {
	for _, f := range []follower{
		{from: s.order, to: s.payment, log: "order", kinds: []string{contract.OrderCreated{}.Kind()}, handle: wantPayments},
		{from: s.payment, to: s.inventory, log: "payment", kinds: []string{contract.PaymentProcessed{}.Kind()}, handle: takeStock},
		{from: s.order, to: s.inventory, log: "order", kinds: []string{contract.OrderCompleted{}.Kind()}, handle: partWithStock},
		{from: s.inventory, to: s.shipping, log: "inventory", kinds: []string{contract.InventoryUpdated{}.Kind()}, handle: wantShipments},
		{from: s.payment, to: s.order, log: "payment", kinds: []string{contract.PaymentProcessed{}.Kind()}, handle: notePaid},
		{from: s.inventory, to: s.order, log: "inventory", kinds: []string{contract.InventoryUpdated{}.Kind()}, handle: confirm},
		{from: s.shipping, to: s.order, log: "shipping", kinds: []string{contract.OrderShipped{}.Kind()}, handle: complete},
		{from: s.order, to: s.analytics, log: "order", kinds: []string{contract.OrderCreated{}.Kind(), contract.OrderCompleted{}.Kind()}, handle: count, rest: wire.Rest},
		{from: s.order, to: s.notification, log: "order", kinds: []string{contract.OrderCreated{}.Kind()}, handle: tell(wire.CreatedNotice), rest: wire.Rest},
		{from: s.payment, to: s.notification, log: "payment", kinds: []string{contract.PaymentProcessed{}.Kind()}, handle: tell(wire.PaidNotice), rest: wire.Rest},
		{from: s.shipping, to: s.notification, log: "shipping", kinds: []string{contract.OrderShipped{}.Kind()}, handle: tell(wire.ShippedNotice), rest: wire.Rest},
	} {
		go f.run()
	}
	go worker{in: s.payment, queue: "payment_charges", store: s.charge}.run(2)
	go worker{in: s.shipping, queue: "shipping_labels", store: s.ship}.run(1)
}

func (s *shop) door() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/orders", s.post)
	mux.HandleFunc("GET /api/orders", s.ended)
	return mux
}

// post accepts an order in one round trip.
func (s *shop) post(w http.ResponseWriter, r *http.Request) {
	a := wire.Accept(r, &s.menu, contract.Choreographed)
	at, due := a.At.UnixMicro(), a.Deadline.UnixMicro()
	e := envelope{key: a.OrderID, trace: a.Trace}
	b := s.order.batch()
	b.Queue(`INSERT INTO "order".orders (id, user_id, status, reason, style, currency, total, method, lines, payment_status,
			payment_attempts, shipment_status, tracking, deadline, created, updated, version, ended)
		VALUES ($1, $2, 'pending', '', $3, $4, $5, $6, $7, 'pending', 0, 'pending', '', $8, $9, $9, 1, NULL)`,
		a.OrderID, a.UserID, a.Style, a.Currency, a.Total, a.Method, a.Stored, due, at)
	b.append(e, 1, a.Kind(), a.Said)
	b.send(e, job{id: wire.Deadline + a.OrderID, queue: "order_deadlines", kind: "expire", due: due, body: a.Expire})
	b.Queue(`INSERT INTO "order".idempotency (caller, route, key, digest, status, location, body, time) VALUES ('', 'POST /api/orders', $1, $2, 202, $3, $4, $5)`,
		a.Key, a.Digest, a.Location(), a.Answer, at)
	b.write()
	a.Reply(w)
}

func (s *shop) offer(id string) (p wire.Product) {
	wire.Must(s.pool.QueryRow(context.Background(), `SELECT name, price, currency FROM product.product WHERE id = $1`, id).Scan(&p.Name, &p.Price, &p.Currency))
	return p
}

// ended lists orders in the order in which they ended.
func (s *shop) ended(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, _ := strconv.ParseInt(query.Get("cursor"), 10, 64) // "" is the beginning
	limit, err := strconv.ParseInt(query.Get("limit"), 10, 64)
	wire.Must(err)
	page := wire.Page{Items: []wire.Document{}}
	rows, err := s.pool.Query(r.Context(), `SELECT id, user_id, status, reason, style, currency, total, lines, payment_status, payment_attempts,
		shipment_status, tracking, created, updated, version, ended FROM "order".orders WHERE ended > $1 AND ended <= $2 ORDER BY ended LIMIT $3`,
		after, s.order.end(), limit)
	wire.Must(err)
	for rows.Next() {
		var d wire.Document
		var o contract.OrderCreated
		var lines string
		var created, updated int64
		wire.Must(rows.Scan(&o.OrderID, &o.UserID, &d.Status, &d.Reason, &o.Style, &o.Currency, &o.Total, &lines, &d.Payment.Status, &d.Payment.Attempts,
			&d.Shipment.Status, &d.Shipment.TrackingNumber, &created, &updated, &d.Version, &after))
		o.Lines = wire.Decode[[]contract.Line]([]byte(lines))
		full := wire.NewDocument(o, time.UnixMicro(created).UTC())
		full.Status, full.Reason, full.Payment, full.Shipment, full.Version, full.UpdatedAt = d.Status, d.Reason, d.Payment, d.Shipment, d.Version, time.UnixMicro(updated).UTC()
		page.Items = append(page.Items, full)
	}
	wire.Must(rows.Err())
	page.Next = strconv.FormatInt(after, 10)
	page.Reply(w)
}
