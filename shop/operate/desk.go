package operate

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Desk is where an operator sits.
type Desk struct {
	Services    []*store.DB              // one for each service
	Logs        map[string]stream.Log    // by name, to count what is still to be read; may lack some
	Queues      map[string][]string      // by service, to show those with nothing in them
	Away        map[string]func() bool   // by queue: whether what its calls need is away, so that its jobs wait; may lack most
	Ready       []Check                  // what must work before the platform is ready
	Forwards    []string                 // where the journals are forwarded to, as their relays are named
	Checks      []Finder                 // what else can be wrong, of the shop and the machine
	Sagas       map[string]saga.Operated // by service; may lack most
	Follows     map[string][]string      // by service: the kinds that it does something about
	Projections []*projection.Rebuilder  // what can be made anew from events
	Backups     *Backups                 // nil: the databases' server makes them

	// Takers are who handles what, by service: an edited message must be one that they can
	// read. May lack some.
	Takers map[string][]Taker

	pulses sync.Map // a *pulse by the *store.DB that it is of
	named  sync.Map // true by the *store.DB of which every letter has its problem
}

// A Check returns nil when what it is named after works.
type Check struct {
	Name  string
	Works func(context.Context) error
}

// A Finder looks for what is wrong.
type Finder func(context.Context) ([]Finding, error)

// Routes are the JSON routes of the operators' door. All but the acts and backups only read, but
// for /readyz, which writes once a second at most: they can be asked as often as a dashboard likes.
func (d *Desk) Routes() []door.Route {
	return append(append(d.sagaRoutes(), d.projectionRoutes()...), []door.Route{
		{Pattern: "GET /livez", Handle: func(*http.Request) (door.Answer, error) { return door.Answer{Body: alive{true}}, nil }},
		{Pattern: "GET /readyz", Handle: d.ready},
		{Pattern: "GET /admin/v1/streams", Handle: listed(d.Streams)},
		{Pattern: "POST /admin/v1/streams/{subscription}/{log}/replay", Handle: d.replay},
		{Pattern: "GET /admin/v1/streams/{log}/messages", Handle: d.messages, Query: []string{"from", "kind", "key", "all", "wait", "limit", "cursor"}},
		{Pattern: "GET /admin/v1/queues", Handle: listed(d.Depths)},
		{Pattern: "GET /admin/v1/findings", Handle: listed(d.Findings)},
		{Pattern: "GET /admin/v1/orders/{id}", Handle: d.showOrder},
		{Pattern: "POST /admin/v1/backup", Handle: d.postBackup},
		{Pattern: "GET /admin/v1/backup", Handle: d.getBackup},
		{Pattern: "GET /admin/v1/dead", Handle: d.listDead, Query: []string{"service", "kind", "key", "cause", "age", "limit", "cursor"}},
		{Pattern: "GET /admin/v1/dead/groups", Handle: d.listGroups, Query: []string{"service", "kind", "key", "cause", "age", "limit", "cursor"}},
		{Pattern: "GET /admin/v1/dead/{service}/{id}", Handle: d.showDead},
		{Pattern: "POST /admin/v1/dead/{service}/{id}/redrive", Handle: d.decide(redrive)},
		{Pattern: "POST /admin/v1/dead/{service}/{id}/discard", Handle: d.decide(discard)},
		{Pattern: "POST /admin/v1/dead/{service}/{id}/edit", Handle: d.postEdit},
		{Pattern: "POST /admin/v1/dead/redrive", Handle: d.decideMany(redrive)},
		{Pattern: "POST /admin/v1/dead/discard", Handle: d.decideMany(discard)},
		{Pattern: "GET /admin/v1/schedule", Handle: d.listSchedule, Query: []string{"service", "queue", "kind", "key", "after", "before", "limit", "cursor"}},
		{Pattern: "POST /admin/v1/schedule/{service}/{id}/cancel", Handle: d.reschedule("cancel")},
		{Pattern: "POST /admin/v1/schedule/{service}/{id}/move", Handle: d.reschedule("move")},
	}...)
}

// listed answers with all that look returns.
func listed[T any](look func(context.Context) ([]T, error)) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		items, err := look(r.Context())
		if items == nil {
			items = []T{}
		}
		return door.Answer{Body: door.List[T]{Items: items}}, err
	}
}

// service returns the database of a service.
func (d *Desk) service(name string) (*store.DB, error) {
	i := slices.IndexFunc(d.Services, func(db *store.DB) bool { return db.Service() == name })
	if i < 0 {
		return nil, door.NotFound("service")
	}
	return d.Services[i], nil
}

// each runs read on a snapshot of every service's database. They are not of one moment:
// a message may be seen with its sender and its receiver, or with neither.
func (d *Desk) each(ctx context.Context, read func(db *store.DB, tx *store.Tx) error) error {
	for _, db := range d.sorted() {
		if err := db.View(ctx, func(tx *store.Tx) error { return read(db, tx) }); err != nil {
			return err
		}
	}
	return nil
}

// sorted returns the databases by the names of their services.
func (d *Desk) sorted() []*store.DB {
	return slices.SortedFunc(slices.Values(d.Services), func(a, b *store.DB) int { return strings.Compare(a.Service(), b.Service()) })
}
