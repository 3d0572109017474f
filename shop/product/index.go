package product

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/toolkit/search"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Documents are what a search engine is to know of products: the words and the category by
// which they are found, and their place in a list. What they cost, the database says.
func Documents(tx *store.Tx, ids []string) (all []search.Document, err error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	err = rows(tx, `id`, args, func(p Product) {
		all = append(all, search.Document{ID: p.ID, Place: p.Seq, Version: p.Version, Words: p.words(), Group: p.Category})
	})
	return all, err
}

// rows calls each with the products of which a column has one of some values, in the order
// of Seq.
func rows(tx *store.Tx, column string, values []any, each func(Product)) error {
	if len(values) == 0 {
		return nil
	}
	var in strings.Builder
	for i := range values {
		fmt.Fprintf(&in, ", $%d", i+1)
	}
	return tx.Rows(`SELECT `+columns+` FROM product WHERE `+column+` IN (`+in.String()[2:]+`) ORDER BY seq`, values, func(scan func(...any) error) error {
		var p Product
		err := scan(p.dest()...)
		each(p)
		return err
	})
}

// page returns the first products of a query, one more than its limit if there are more. A
// search engine is asked where they are, if there is one that knows.
func (s *Service) page(ctx context.Context, q query) (page []Product, err error) {
	if len(q.words) > 0 && s.Found != nil {
		page, err = s.found(ctx, q)
		if err == nil {
			return page, nil
		}
		if !errors.Is(err, search.ErrBehind) && !errors.Is(err, search.ErrAway) {
			slog.WarnContext(ctx, "the search engine is not asked, but the database", "error", err)
		}
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		page, err = list(tx, q)
		return err
	})
	return page, err
}

// found returns what the search engine has found, as it is now. A product that has changed
// since it was found is ErrBehind: others may be missing.
func (s *Service) found(ctx context.Context, q query) (page []Product, err error) {
	places, err := s.Found.Find(ctx, search.Question{Words: q.words, Group: q.category, After: q.after, Limit: q.limit + 1})
	if err != nil {
		return nil, err
	}
	args := make([]any, len(places))
	for i, p := range places {
		args[i] = p
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		page = nil
		return rows(tx, `seq`, args, func(p Product) {
			if q.matches(p) {
				page = append(page, p)
			}
		})
	})
	if err == nil && len(page) < len(places) {
		err = search.ErrBehind
	}
	return page, err
}

// matches reports whether q asks for p, its place apart.
func (q query) matches(p Product) bool {
	has := words(p.Name + " " + p.Description)
	for _, w := range q.words {
		if !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return q.category == "" || q.category == p.Category
}
