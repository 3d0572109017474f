package product

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/broadcast"
	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Service is the product service.
type Service struct {
	DB       *store.DB
	Currency string // of a price that does not name one; USD
	// Changed is told the ids of products that are shown or cost differently from now on,
	// under no key; nobody.
	Changed *broadcast.Topic[string]
	// Found is asked for products by their words before the database is; nobody.
	Found *search.Finder
}

func (s *Service) currency() string {
	if s.Currency == "" {
		return "USD"
	}
	return s.Currency
}

// create stores a new product and returns it. The same create again returns it as it was
// then, whatever it is now; another one of that id is a conflict.
func create(tx *store.Tx, p Product) (Product, error) {
	old, found, err := find(tx, p.ID)
	switch {
	case err != nil:
		return p, err
	case found:
		p.Created, p.Seq, p.Version = old.Created, old.Seq, 1
		if first, err := isFirst(tx, p); first || err != nil {
			return p, err
		}
		return p, door.Conflict("id_taken", "There is another product of this id.")
	}
	if p.Seq, err = tx.Next(); err != nil {
		return p, err
	}
	p.Created, p.Version = tx.Now, 1
	if err := insert(tx, p); err != nil {
		return p, err
	}
	if err := write(tx, p.ID, entry{N: 1, Price: p.Price, At: tx.Now}); err != nil {
		return p, err
	}
	return p, tx.Append(p.ID, contract.ProductCreated{ProductID: p.ID, Name: p.Name, Price: p.Price, Currency: p.Currency, Stock: p.Stock, Category: p.Category})
}

// revise makes was what now is, says what is different, and returns what there is then.
// If nothing is, nothing is stored and nothing said.
func revise(tx *store.Tx, was, now Product) (Product, error) {
	if now.same(was) {
		return was, nil
	}
	now.Version = was.Version + 1
	if err := update(tx, now); err != nil {
		return was, err
	}
	if now.Name != was.Name || now.Description != was.Description || now.Category != was.Category {
		if err := tx.Append(now.ID, contract.ProductUpdated{ProductID: now.ID, Name: now.Name, Category: now.Category}); err != nil {
			return was, err
		}
	}
	if now.Price == was.Price {
		return now, nil
	}
	if err := priced(tx, now); err != nil {
		return was, err
	}
	return now, tx.Append(now.ID, contract.ProductPriceUpdated{ProductID: now.ID, Price: now.Price, OldPrice: was.Price, Currency: now.Currency})
}

// tell has others forget what they know of a product, once it is stored.
func (s *Service) tell(ctx context.Context, tx *store.Tx, id string) {
	ctx = context.WithoutCancel(ctx)
	tx.Then(func() {
		if err := s.Changed.Publish(ctx, "", id); err != nil {
			slog.WarnContext(ctx, "others are not told of a product that has changed: they see it late", "product", id, "error", err)
		}
	})
}

// there returns a product that must be there.
func there(tx *store.Tx, id string) (Product, error) {
	p, found, err := find(tx, id)
	if err == nil && !found {
		err = door.NotFound("product")
	}
	return p, err
}

// get returns a product.
func (s *Service) get(ctx context.Context, id string) (p Product, err error) {
	if !door.ValidID(id) {
		return p, door.NotFound("product")
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		p, err = there(tx, id)
		return err
	})
	return p, err
}

// prices returns a product and, of the history of its price, what is behind the after-th.
func (s *Service) prices(ctx context.Context, id string, after int64, limit int) (p Product, entries []entry, err error) {
	if !door.ValidID(id) {
		return p, nil, door.NotFound("product")
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if p, err = there(tx, id); err == nil {
			entries, err = history(tx, id, after, limit)
		}
		return err
	})
	return p, entries, err
}

const (
	settleTime = time.Second          // how long a page waits for transactions in progress
	settlePoll = 2 * time.Millisecond // they take about as long
)

// list returns a page of products in the order in which they were created, and whether
// there are more behind its last. Nothing is ever created before that last one: whoever
// goes on from there misses nothing. The last page has everything that there is.
func (s *Service) list(ctx context.Context, q query) (page []Product, more bool, err error) {
	for start := time.Now(); ; {
		// Asked before the snapshot is taken, so that the snapshot has all of it.
		settled, err := s.DB.Settled(ctx)
		if err != nil {
			return nil, false, err
		}
		page, err = s.page(ctx, q)
		if err != nil || len(page) <= q.limit {
			return page, false, err
		}
		if page = page[:q.limit]; page[q.limit-1].Seq <= settled {
			return page, true, nil
		}
		if time.Since(start) > settleTime {
			return slices.DeleteFunc(page, func(p Product) bool { return p.Seq > settled }), true, nil
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(settlePoll):
		}
	}
}

// Lookup returns the products of ids, in no order. What there is not is left out.
func (s *Service) Lookup(ctx context.Context, ids []string) (products []contract.Product, err error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !door.ValidID(id) })
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		products, err = lookup(tx, ids)
		return err
	})
	return products, err
}
