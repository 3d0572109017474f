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
		{Pattern: "PATCH /api/users/{id}", Handle: s.patchUser},
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

// answer shows u, with its version as the ETag. An answer that is repeated for an
// Idempotency-Key has none: it may be an old one.
func answer(u User) door.Answer {
	return door.Answer{Header: door.ETag(u.Version), Body: body{ID: u.ID, Name: u.Name, Email: u.Email, Role: u.Role, Created: u.Created}}
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
		a := answer(made)
		a.Status, a.Location = http.StatusCreated, "/api/users/"+made.ID
		return a, err
	})
}

func (s *Service) getUser(r *http.Request) (door.Answer, error) {
	u, err := s.get(r.Context(), r.PathValue("id"))
	return answer(u), err
}

// patchUser changes what the body names: JSON, as a merge patch. With If-Match, the
// client must have seen the version that it changes.
func (s *Service) patchUser(r *http.Request) (door.Answer, error) {
	var c change
	if err := door.DecodePatch(r, &c); err != nil {
		return door.Answer{}, err
	}
	id := r.PathValue("id")
	if !door.ValidID(id) {
		return door.Answer{}, door.NotFound("user")
	}
	return door.Commit(r, s.DB, []string{"user:" + id}, func(tx *store.Tx) (door.Answer, error) {
		was, err := there(tx, id)
		if err != nil {
			return door.Answer{}, err
		}
		if err := door.Match(r, was.Version); err != nil {
			return door.Answer{}, err
		}
		now, faults := was.with(c)
		if len(faults) > 0 {
			return door.Answer{}, door.Invalid(faults...)
		}
		now, err = revise(tx, was, now)
		return answer(now), err
	})
}
