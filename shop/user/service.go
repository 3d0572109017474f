package user

import (
	"context"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Service is the user service.
type Service struct{ DB *store.DB }

// register stores a new user and returns it. The same user again is the one that is
// there; another one of that id is a conflict.
func register(tx *store.Tx, u User) (User, error) {
	there, found, err := find(tx, u.ID)
	switch {
	case err != nil:
		return u, err
	case found && there.Name == u.Name && there.Email == u.Email:
		return there, nil
	case found:
		return u, door.Conflict("id_taken", "There is another user of this id.")
	}
	u.Role, u.Created = customer, tx.Now
	if err := insert(tx, u); err != nil {
		return u, err
	}
	return u, tx.Append(u.ID, contract.UserRegistered{UserID: u.ID})
}

// get returns a user.
func (s *Service) get(ctx context.Context, id string) (u User, err error) {
	found := false
	if !door.ValidID(id) {
		return u, door.NotFound("user")
	}
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		u, found, err = find(tx, id)
		return err
	})
	if err == nil && !found {
		err = door.NotFound("user")
	}
	return u, err
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
