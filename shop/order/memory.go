package order

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/broadcast"
)

// A Memory asks a catalogue and users, and remembers for a while what they said. That
// there is no such user or product is not remembered: it may be there the next moment.
type Memory struct {
	catalogue Catalogue
	users     Users
	products  *otter.Cache[string, offer]
	known     *otter.Cache[string, struct{}]
}

// An offer is a product as it was at a time.
type offer struct {
	contract.Product
	at time.Time
}

var (
	_ Catalogue = (*Memory)(nil)
	_ Users     = (*Memory)(nil)
)

const (
	remembered   = 100_000 // products, and users
	priceAge     = time.Second
	lastKnown    = 10 * time.Minute // of prices, while the product service is away
	userAge      = time.Minute
	initialPlace = 64
)

// Remember returns a Memory of c and u. A price is at most a second old, whatever Run hears;
// while the product service is away (door.ErrAway), ten minutes.
func Remember(c Catalogue, u Users) *Memory {
	return &Memory{catalogue: c, users: u,
		products: otter.Must(&otter.Options[string, offer]{MaximumSize: remembered, InitialCapacity: initialPlace,
			ExpiryCalculator: otter.ExpiryWriting[string, offer](lastKnown)}),
		known: otter.Must(&otter.Options[string, struct{}]{MaximumSize: remembered, InitialCapacity: initialPlace,
			ExpiryCalculator: otter.ExpiryWriting[string, struct{}](userAge)}),
	}
}

// Run forgets what others say is out of date, until ctx ends. It only makes what is new
// visible sooner, and only in this process: what is remembered fades all the same.
func (m *Memory) Run(ctx context.Context, changed *broadcast.Topic[string]) error {
	news, err := changed.Listen("", 1000)
	if err != nil {
		return err
	}
	defer news.Close()
	for {
		id, lost, err := news.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil || lost > 0:
			m.products.InvalidateAll()
		default:
			m.products.Invalidate(id)
		}
	}
}

// Lookup returns the products with these ids, as Catalogue says; or as it said last, where it
// is away and has said something of each of them. What is out of date for sure, as Run has
// heard, is not said again.
func (m *Memory) Lookup(ctx context.Context, ids []string) ([]contract.Product, error) {
	found := make([]contract.Product, 0, len(ids))
	var rest []string
	var old []contract.Product // of the rest
	now := time.Now()
	for _, id := range ids {
		switch p, ok := m.products.GetIfPresent(id); {
		case ok && now.Sub(p.at) < priceAge:
			found = append(found, p.Product)
			continue
		case ok:
			old = append(old, p.Product)
		}
		rest = append(rest, id)
	}
	if len(rest) == 0 {
		return found, nil
	}
	more, err := m.catalogue.Lookup(ctx, rest)
	if errors.Is(err, door.ErrAway) && len(old) == len(rest) {
		return append(found, old...), nil
	}
	if err == nil {
		m.keep(rest, more, now)
	}
	return append(found, more...), err
}

// keep remembers what was found of ids, and forgets what was not.
func (m *Memory) keep(ids []string, found []contract.Product, now time.Time) {
	for _, id := range ids {
		at := slices.IndexFunc(found, func(p contract.Product) bool { return p.ID == id })
		if at < 0 {
			m.products.Invalidate(id)
			continue
		}
		m.products.Set(id, offer{found[at], now})
	}
}

// Known reports whether there is a user with this id, as Users says.
func (m *Memory) Known(ctx context.Context, id string) (bool, error) {
	if _, ok := m.known.GetIfPresent(id); ok {
		return true, nil
	}
	known, err := m.users.Known(ctx, id)
	if known && err == nil {
		m.known.Set(id, struct{}{})
	}
	return known, err
}
