package user

import (
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "POST /api/users", Handle: s.postUser},
		{Pattern: "GET /api/users/{id}", Handle: s.getUser},
	}
}

// A body is a user as the door shows it.
type body struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Role    string    `json:"role"`
	Created time.Time `json:"createdAt"`
}

func (s *Service) postUser(r *http.Request) (door.Answer, error) {
	var b struct {
		ID    *string `json:"id"`
		Name  string  `json:"name"`
		Email string  `json:"email"`
	}
	if err := door.Decode(r, &b); err != nil {
		return door.Answer{}, err
	}
	u := User{ID: door.ID(b.ID), Name: b.Name, Email: b.Email}
	if faults := u.faults(); len(faults) > 0 {
		return door.Answer{}, door.Invalid(faults...)
	}
	return door.Commit(r, s.DB, []string{"user:" + u.ID}, func(tx *store.Tx) (door.Answer, error) {
		made, err := register(tx, u)
		return door.Answer{Status: http.StatusCreated, Location: "/api/users/" + made.ID, Body: body(made)}, err
	})
}

func (s *Service) getUser(r *http.Request) (door.Answer, error) {
	u, err := s.get(r.Context(), r.PathValue("id"))
	return door.Answer{Body: body(u)}, err
}
