package user

import (
	"context"
	"slices"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Service is the user service.
type Service struct{ DB *store.DB }

// register stores a new user and returns it. The same create again returns it as it was
// then, whatever it is now; another one of that id is a conflict.
func register(tx *store.Tx, u User) (User, error) {
	old, found, err := find(tx, u.ID)
	switch {
	case err != nil:
		return u, err
	case found:
		u.Role, u.Created, u.Version = customer, old.Created, 1
		if first, err := isFirst(tx, u); first || err != nil {
			return u, err
		}
		return u, door.Conflict("id_taken", "There is another user of this id.")
	}
	u.Role, u.Created, u.Version = customer, tx.Now, 1
	if err := insert(tx, u); err != nil {
		return u, err
	}
	return u, tx.Append(u.ID, contract.UserRegistered{UserID: u.ID})
}

// revise makes was what now is, says that there is something different, and returns who
// there is then. If nothing is, nothing is stored and nothing said.
func revise(tx *store.Tx, was, now User) (User, error) {
	if now == was {
		return was, nil
	}
	now.Version = was.Version + 1
	if err := update(tx, now); err != nil {
		return was, err
	}
	return now, tx.Append(now.ID, contract.UserUpdated{UserID: now.ID})
}

// there returns a user who must be there.
func there(tx *store.Tx, id string) (User, error) {
	u, found, err := find(tx, id)
	if err == nil && !found {
		err = door.NotFound("user")
	}
	return u, err
}

// get returns a user.
func (s *Service) get(ctx context.Context, id string) (u User, err error) {
	if !door.ValidID(id) {
		return u, door.NotFound("user")
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		u, err = there(tx, id)
		return err
	})
	return u, err
}

// Contact returns how those with these ids are to be written to now, in no order. Whom
// there is not is left out.
func (s *Service) Contact(ctx context.Context, ids []string) (all []contract.Contact, err error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !door.ValidID(id) })
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		all, err = contacts(tx, ids)
		return err
	})
	return all, err
}

// Known reports whether there is such a user.
func (s *Service) Known(ctx context.Context, id string) (known bool, err error) {
	if !door.ValidID(id) {
		return false, nil
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Row([]any{nil}, `SELECT 1 FROM users WHERE id = $1`, id)
		return err
	})
	return known, err
}

// Demo makes sure that there is somebody to try the platform with: user 1.
func (s *Service) Demo(ctx context.Context) error {
	demo := User{ID: "1", Name: "Ada Demo", Email: "ada@example.com"}
	known, err := s.Known(ctx, demo.ID)
	if known || err != nil {
		return err
	}
	_, err = s.DB.Update(ctx, []string{"user:" + demo.ID}, func(tx *store.Tx) error {
		_, err := register(tx, demo)
		return err
	})
	return err
}
