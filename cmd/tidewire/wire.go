package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/shop/analytics"
	"github.com/tidewire/tidewire/shop/asyncapi"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/door/rpc"
	"github.com/tidewire/tidewire/shop/inventory"
	"github.com/tidewire/tidewire/shop/notification"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/shop/order"
	"github.com/tidewire/tidewire/shop/payment"
	"github.com/tidewire/tidewire/shop/product"
	"github.com/tidewire/tidewire/shop/shipping"
	"github.com/tidewire/tidewire/shop/user"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/failure"
	"github.com/tidewire/tidewire/toolkit/journal"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"go.opentelemetry.io/otel/metric"
)

// THE TOPOLOGY. Every service has a database of its own, and knows the others by the
// facts in their journals; only the order service asks two of them a question (and inventory,
// where order.check_stock is set), inventory asks the order service about orders whose stock
// has been reserved for a day, and notification asks the user service for addresses.
//
//	user       → analytics, notification       who there is
//	product    → inventory, analytics          a new product has a stock; what it is called, and is worth
//	order      → payment, inventory, shipping, what is wanted, wanted no more, or has left
//	             analytics, notification
//	payment    → inventory, order, analytics,  what is paid, not paid, or paid back
//	             notification
//	inventory  → shipping, order, payment      what is reserved, or is not there
//	shipping   → order, notification           what is on its way, and what has arrived
//	analytics                                  says nothing that others follow
//	notification                               says nothing that others follow
//
// Work stays inside its service: payment asks the provider and compares its ledger with
// ours, shipping gets labels and asks where the parcels are, order ends what has passed its
// deadline, and notification writes to people, each through a queue of its own.

// schemas are the services and the migrations of their databases.
func schemas() map[string]fs.FS {
	return map[string]fs.FS{
		"user":         user.Migrations(),
		"product":      product.Migrations(),
		"order":        order.Migrations(),
		"payment":      payment.Migrations(),
		"inventory":    inventory.Migrations(),
		"shipping":     shipping.Migrations(),
		"analytics":    analytics.Migrations(),
		"notification": notification.Migrations(),
	}
}

// wire opens the databases and puts the services together, for a process that runs those
// with these names; all without any. Nothing runs yet. Whoever asks another service asks it
// itself, or over gRPC where it runs elsewhere: here it is decided, and he does not know.
func wire(ctx context.Context, c config.Config, meter metric.Meter, names ...string) (*platform, error) {
	e, err := openEngine(ctx, c, schemas())
	if err != nil {
		return nil, err
	}
	db := e.databases

	// Who orders, and what there is to order.
	users := &user.Service{DB: db["user"]}
	products := &product.Service{DB: db["product"], Currency: c.Shop.Currency}
	// How an order flows: order → payment → inventory → shipping → order, each by the
	// facts of the one before.
	process := &run.Process{Instance: uuid.NewString(), Meter: meter}
	if e.hands, err = openHands(c.Queues, e.tables, meter); err != nil {
		return nil, errors.Join(err, e.close())
	}
	questions := e.hands.carrier()
	away, err := dial(c, process, names)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	people := either(away, "user", people(users), func(at conn) people { return user.NewClient(at) })
	known := order.Remember(either(away, "product", order.Catalogue(products), func(at conn) order.Catalogue { return product.NewClient(at) }), people)
	orders := &order.Service{DB: db["order"], Catalogue: known, Users: known, Style: c.Order.Style, Meter: meter}
	asks, err := request.NewClient(questions, "order", process)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	if c.Order.CheckStock {
		orders.Stock = either(away, "inventory", order.Stock(order.Questions{Client: asks}), func(at conn) order.Stock { return inventory.NewClient(at) })
	}
	// Who is told at once, in this process or where there is a cache in all, of what he would find out a little later.
	numbers := &analytics.Service{DB: db["analytics"]}
	told, err := e.tells(c, process)
	fill, failed := e.finds(c, products, process)
	if err := errors.Join(err, failed, topic(&products.Changed, told, "product.changed", process), topic(&orders.Changes, told, "order.changes", process),
		topic(&numbers.Numbers, told, "analytics.numbers", process)); err != nil {
		return nil, errors.Join(err, e.close())
	}
	provider, err := payment.Guard(payment.NewSimulated(c.Payment.Simulator), payment.Breaker{Meter: meter})
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	payments := &payment.Service{DB: db["payment"], Provider: provider, Meter: meter}
	stock := &inventory.Service{DB: db["inventory"], Meter: meter,
		Orders: either(away, "order", inventory.Orders(orders), func(at conn) inventory.Orders { return order.NewClient(at) })}
	parcels := &shipping.Service{DB: db["shipping"], Carrier: shipping.Courier{Day: c.Carrier.Day}, Meter: meter}
	// Who is told of it. Nobody waits for that.
	mails, err := notifications(c, db["notification"], people, meter)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}

	p := &platform{engine: e, retention: c.Retention,
		process: process, questions: questions, strain: run.NewStrain(), away: away,
		demos: away.unless("user", users.Demo, "product", products.Demo),
		bind:  payments.Bind,
		members: []member{
			{db: users.DB, routes: users.Routes(), calls: users.RPC},
			{db: products.DB, routes: products.Routes(), calls: products.RPC, also: fill},
			{db: orders.DB, routes: orders.Routes(), calls: orders.RPC, streams: orders.Streams(), queues: orders.Queues(), saga: orders.Saga(), view: rebuilds(e, process, orders.DB, orders.Projection()), awaited: true, working: working{aside: order.Verifications},
				also: func(ctx context.Context) error { return known.Run(ctx, products.Changed) }},
			{db: payments.DB, routes: payments.Routes(), calls: payments.RPC, streams: payments.Streams(), queues: payments.Queues(), also: payments.Run, awaited: true},
			{db: stock.DB, routes: stock.Routes(), calls: stock.RPC, streams: stock.Streams(), answers: stock.Answers(), also: stock.Run, awaited: true},
			{db: parcels.DB, routes: parcels.Routes(), calls: parcels.RPC, streams: parcels.Streams(), queues: parcels.Queues(), also: parcels.Run, awaited: true, working: working{aside: shipping.Tracking}},
			{db: numbers.DB, routes: numbers.Routes(), calls: numbers.RPC, streams: numbers.Streams(), view: rebuilds(e, process, numbers.DB, numbers.Projection()), also: numbers.Run, reading: reading{numbers.Policy(), analytics.Rest}},
			{db: mails.DB, routes: mails.Routes(), streams: mails.Streams(), queues: mails.Queues(), also: mails.Run,
				reading: reading{mails.Policy(), notification.Rest}, working: working{policy: mails.CallPolicy(), calls: notification.Calls}},
		}}
	p.standstill = &standstill{members: p.members, logs: p.logs}
	p.desk = p.operators(c, mails)
	if err := errors.Join(p.check(), p.strain.Measure(meter), p.measure(c, meter, orders.Measure)); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// topic makes a topic of a driver.
func topic[T any](to **broadcast.Topic[T], d broadcast.Driver, name string, p *run.Process) (err error) {
	*to, err = broadcast.NewTopic[T](d, name, p)
	return err
}

// rebuilds is what makes a projection of the service of db anew.
func rebuilds(e *engine, process *run.Process, db *store.DB, p projection.Projection) *projection.Rebuilder {
	return &projection.Rebuilder{Projection: p, DB: db, Logs: e.logs, Process: process}
}

// notifications is the service that writes to people, with the mail server that is
// configured, if any.
func notifications(c config.Config, db *store.DB, people notification.Contacts, meter metric.Meter) (*notification.Service, error) {
	from, err := notification.ParseSender(c.Shop.Sender)
	if err != nil {
		return nil, fmt.Errorf("shop.sender: %w", err)
	}
	s := &notification.Service{DB: db, Contacts: people, Shop: cmp.Or(from.Name, "the shop"), Meter: meter}
	if c.Mail == "" {
		return s, nil
	}
	server, err := notification.ParseServer(c.Mail)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	s.Mailer = notification.NewSMTP(server, from)
	return s, nil
}

// A member is a service as the platform sees it: a database, what it answers, and what
// it does when something has happened.
type member struct {
	db      *store.DB
	routes  []door.Route                // at the customers' door
	calls   func(rpc.Door) rpc.Service  // at its gRPC door; nil
	streams []stream.Handler            // of the facts of others
	queues  []queue.Handler             // of its own work
	answers []request.Handler           // to what others ask it
	also    func(context.Context) error // what it does now and then; nil
	saga    saga.Operated               // that it conducts; nil
	view    *projection.Rebuilder       // what can be made anew from events; nil
	awaited bool                        // an order waits for it: how far it is behind, and whether it stands still, decides whether more are taken
	reading reading
	working working
}

// A reading is how a member's readers go about it. The zero value is right for whoever is
// awaited.
type reading struct {
	policy failure.Policy
	rest   time.Duration // between batches
}

// A working is how a member's workers go about it.
type working struct {
	policy failure.Policy
	calls  int    // out at a time; callsOut
	aside  string // the queue for which no order waits
}

func (m member) name() string { return m.db.Service() }

// logs are those that m follows.
func (m member) logs() []string {
	var names []string
	for _, h := range m.streams {
		names = append(names, h.Log)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// takers are who handles what is sent to m, and can tell whether they can read it.
func (m member) takers() (all []operate.Taker) {
	for _, h := range m.streams {
		all = append(all, operate.Taker{Place: h.Log, Kind: h.Kind, Check: h.Check})
	}
	for _, h := range m.queues {
		all = append(all, operate.Taker{Place: h.Queue, Kind: h.Kind, Check: h.Check})
	}
	return all
}

// A platform is all services, put together.
type platform struct {
	*engine
	process    *run.Process // who we are among all instances
	questions  request.Driver
	strain     *run.Strain // of those services that an order waits for
	standstill *standstill // of the same
	retention  time.Duration
	members    []member
	away       *directory                                     // of the services that run elsewhere
	bind       func(ctx context.Context, ledger string) error // to the payment provider
	demos      []func(context.Context) error                  // which do nothing where they were before
	desk       *operate.Desk
}

// check returns an error if a service follows a log that nobody has: its messages would
// never come, and nothing would say so.
func (p *platform) check() error {
	for _, m := range p.members {
		for _, log := range m.logs() {
			if p.logs[log] == nil {
				return fmt.Errorf("wiring: service %s follows the log %s, which nobody has", m.name(), log)
			}
		}
	}
	return nil
}

// conducts returns an error if one of the services with these names has sagas under way
// that it would not know how to go on with.
func (p *platform) conducts(ctx context.Context, names []string) error {
	for _, m := range p.named(names) {
		if m.saga == nil {
			continue
		}
		if err := m.saga.Ready(ctx); err != nil {
			return fmt.Errorf("service %s: %w", m.name(), err)
		}
	}
	return nil
}

// named are the members with these names; all without any. The others' databases stay
// open, for those who run here may follow their journals.
func (p *platform) named(names []string) []member {
	if len(names) == 0 {
		return p.members
	}
	return slices.DeleteFunc(slices.Clone(p.members), func(m member) bool { return !slices.Contains(names, m.name()) })
}

// routes are those of the services with these names, and what they say to each other. Those
// of the others tell who has them.
func (p *platform) routes(names []string) (all []door.Route) {
	for _, m := range p.named(names) {
		for _, r := range m.routes {
			r.Service, r.Reached = m.name(), p.reached(m)
			all = append(all, r)
		}
	}
	for _, m := range p.members {
		if len(names) > 0 && !slices.Contains(names, m.name()) {
			all = append(all, p.away.routes(m)...)
		}
	}
	return append(all, asyncapi.Route(p.followers()))
}

// followers are who does something about what: all services, whoever of them runs here.
func (p *platform) followers() (all []asyncapi.Follower) {
	for _, m := range p.members {
		for _, h := range m.streams {
			all = append(all, asyncapi.Follower{Service: m.name(), Kind: h.Kind})
		}
		for _, h := range m.answers {
			all = append(all, asyncapi.Follower{Service: m.name(), Kind: h.Kind})
		}
	}
	return all
}

// parts are what runs for the services with these names: a reader for each pair of a
// service and a log that it follows, a worker for each of its queues, what the service
// does now and then, and what deletes what has passed its retention. Whatever their names
// are, somebody looks whether all is read that an order waits for.
func (p *platform) parts(names []string) (parts []func(context.Context) error) {
	parts = append(parts, p.standstill.run)
	if p.news != nil {
		parts = append(parts, p.news.Run)
	}
	for _, m := range p.named(names) {
		var strain *run.Strain
		if m.awaited {
			strain = p.strain
		}
		for _, log := range m.logs() {
			handlers := slices.DeleteFunc(slices.Clone(m.streams), func(h stream.Handler) bool { return h.Log != log })
			r := &stream.Reader{DB: m.db, Log: p.follow(m, log), Name: log, Handlers: handlers, Policy: m.reading.policy, Process: p.process, Strain: strain, Rest: m.reading.rest}
			parts = append(parts, r.Run)
		}
		for _, name := range queueNames(m) {
			handlers := slices.DeleteFunc(slices.Clone(m.queues), func(h queue.Handler) bool { return h.Queue != name })
			w := &queue.Worker{DB: m.db, Driver: p.hands.of(m.name(), p.tables[m.name()]), Handlers: handlers, Policy: m.working.policy, Process: p.process, Concurrency: cmp.Or(m.working.calls, callsOut)}
			if name != m.working.aside {
				w.Strain = strain
			}
			parts = append(parts, w.Run)
		}
		parts = append(parts, p.relays(m)...)
		if len(p.readersOf(m.name())) > 0 { // who says what others follow
			parts = append(parts, p.hands.relays(m.db, p.logs[m.name()], p.process)...)
		}
		if m.answers != nil {
			parts = append(parts, (&request.Server{Driver: p.questions, Service: m.name(), Handlers: m.answers, Process: p.process}).Run)
		}
		if m.also != nil {
			parts = append(parts, m.also)
		}
		if m.view != nil {
			parts = append(parts, m.view.Run)
		}
		parts = append(parts, journal.Pruner{DB: m.db, Readers: append(p.readersOf(m.name()), p.keepers(m.name())...), Keep: p.retention}.Run)
	}
	return parts
}

// callsOut is how many calls a worker has out at a time: a slow one holds up no other.
// A call that hangs costs a goroutine until its timeout, and no connection to a database.
const callsOut = 256

// readersOf are the databases of those that follow the log of a service: nothing that
// one of them has still to read may be deleted.
func (p *platform) readersOf(log string) (readers []*store.DB) {
	for _, m := range p.members {
		if slices.Contains(m.logs(), log) {
			readers = append(readers, m.db)
		}
	}
	return readers
}

// queueNames are the queues of m, each once.
func queueNames(m member) []string {
	var names []string
	for _, h := range m.queues {
		names = append(names, h.Queue)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// demo makes sure that there is something to try the platform with. All are tried, so
// that one error hides no other.
func (p *platform) demo(ctx context.Context) error {
	var errs []error
	for _, d := range p.demos {
		errs = append(errs, d(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("demo catalogue: %w", err)
	}
	return nil
}

// knownServices returns an error that names those there are, if one of names is none.
func knownServices(names []string) error {
	known := schemas()
	for _, name := range names {
		if _, ok := known[name]; ok {
			continue
		}
		return fmt.Errorf("there is no service %q; there are %s", name, strings.Join(serviceNames(), ", "))
	}
	return nil
}

// serviceNames are all services, in the order of the alphabet.
func serviceNames() []string { return slices.Sorted(maps.Keys(schemas())) }
