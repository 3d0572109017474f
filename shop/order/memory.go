package order

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/broadcast"
)

// A Memory asks a catalogue and users, and remembers for a while what they said. That
// there is no such user or product is not remembered: it may be there the next moment.
type Memory struct {
	catalogue Catalogue
	users     Users
	products  *otter.Cache[string, contract.Product]
	known     *otter.Cache[string, struct{}]
}

var (
	_ Catalogue = (*Memory)(nil)
	_ Users     = (*Memory)(nil)
)

const (
	remembered   = 100_000 // products, and users
	priceAge     = time.Second
	userAge      = time.Minute
	initialPlace = 64
)

// Remember returns a Memory of c and u. A price is at most a second old, whatever Run hears.
func Remember(c Catalogue, u Users) *Memory {
	return &Memory{catalogue: c, users: u,
		products: otter.Must(&otter.Options[string, contract.Product]{MaximumSize: remembered, InitialCapacity: initialPlace,
			ExpiryCalculator: otter.ExpiryWriting[string, contract.Product](priceAge)}),
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

// Lookup returns the products with these ids, as Catalogue says.
func (m *Memory) Lookup(ctx context.Context, ids []string) ([]contract.Product, error) {
	found := make([]contract.Product, 0, len(ids))
	var rest []string
	for _, id := range ids {
		if p, ok := m.products.GetIfPresent(id); ok {
			found = append(found, p)
		} else {
			rest = append(rest, id)
		}
	}
	if len(rest) == 0 {
		return found, nil
	}
	more, err := m.catalogue.Lookup(ctx, rest)
	for _, p := range more {
		m.products.Set(p.ID, p)
	}
	return append(found, more...), err
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
