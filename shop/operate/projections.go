package operate

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Projection is what a service keeps of events, and the last time that it was made anew.
type Projection struct {
	Name    string           `json:"name"`
	Service string           `json:"service"`
	Rows    map[string]int64 `json:"rows"`            // by table
	State   string           `json:"state,omitempty"` // of the last rebuild: asked, folding, clearing; done, failed, cancelled; "": there was none
	Compare bool             `json:"compare,omitempty"`
	Who     string           `json:"who,omitempty"`
	Why     string           `json:"why,omitempty"`
	Asked   time.Time        `json:"asked,omitzero"`
	Ended   time.Time        `json:"ended,omitzero"`
	Events  int64            `json:"events"`         // that were folded
	Left    int64            `json:"left,omitempty"` // to be folded, about
	Rate    float64          `json:"rate,omitempty"` // events a second
	Error   string           `json:"error,omitempty"`
	// Digest is of the fold, Live of the tables that were in use, at the same place of all
	// logs, and Equal whether they are the same; null as long as that is not known.
	Digest    string    `json:"digest,omitempty"`
	Live      string    `json:"live,omitempty"`
	Equal     *bool     `json:"equal"`
	Rebuilt   time.Time `json:"rebuilt,omitzero"` // when its tables were last exchanged
	Rebuilder string    `json:"rebuilder,omitempty"`
}

// ProjectionDecided records what an operator did with a projection.
type ProjectionDecided struct {
	Projection string `json:"projection"`
	Act        string `json:"act"` // rebuild, compare, cancel
	Decision
}

// Kind is the name of the contract.
func (ProjectionDecided) Kind() string { return "ProjectionDecided" }

// Class keeps it for the retention, apart from the service's own facts.
func (ProjectionDecided) Class() message.Class { return message.Audit }

// projectionRoutes are the routes of projections.
func (d *Desk) projectionRoutes() []door.Route {
	return []door.Route{
		{Pattern: "GET /admin/v1/projections", Handle: listed(d.projections)},
		{Pattern: "GET /admin/v1/projections/{name}", Handle: d.showProjection},
		{Pattern: "POST /admin/v1/projections/{name}/rebuild", Handle: d.decideProjection("rebuild")},
		{Pattern: "POST /admin/v1/projections/{name}/compare", Handle: d.decideProjection("compare")},
		{Pattern: "POST /admin/v1/projections/{name}/cancel", Handle: d.decideProjection("cancel")},
	}
}

// projections are all, by name.
func (d *Desk) projections(ctx context.Context) (all []Projection, err error) {
	for _, r := range d.Projections {
		s, err := r.Status(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, shown(s))
	}
	slices.SortFunc(all, func(a, b Projection) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func shown(s projection.Status) Projection {
	p := Projection{Name: s.Name, Service: s.Service, Rows: s.Rows, State: s.State, Compare: s.Compare, Who: s.Who, Why: s.Why, Asked: s.Asked, Ended: s.Ended,
		Events: s.Events, Left: s.Left, Rate: s.Rate, Error: s.Error, Digest: s.Digest, Live: s.Live, Rebuilt: s.Rebuilt, Rebuilder: s.Rebuilder}
	if equal, known := s.Equal(); known {
		p.Equal = &equal
	}
	return p
}

func (d *Desk) showProjection(r *http.Request) (door.Answer, error) {
	rebuilder, err := d.projection(r)
	if err != nil {
		return door.Answer{}, err
	}
	s, err := rebuilder.Status(r.Context())
	return door.Answer{Body: shown(s)}, err
}

// projection is the one that a request names.
func (d *Desk) projection(r *http.Request) (*projection.Rebuilder, error) {
	var names []string
	for _, p := range d.Projections {
		if p.Name == r.PathValue("name") {
			return p, nil
		}
		names = append(names, p.Name)
	}
	slices.Sort(names)
	missing := door.NotFound("projection")
	missing.Detail = "There are " + strings.Join(names, ", ") + "."
	return nil, missing
}

// decideProjection answers a request to do something with the projection that it names, and
// records it in the same commit.
func (d *Desk) decideProjection(act string) func(*http.Request) (door.Answer, error) {
	return func(r *http.Request) (door.Answer, error) {
		var why Decision
		if err := decided(r, &why); err != nil {
			return door.Answer{}, err
		}
		rebuilder, err := d.projection(r)
		if err != nil {
			return door.Answer{}, err
		}
		var s projection.Status
		_, err = rebuilder.DB.Update(r.Context(), nil, func(tx *store.Tx) (err error) {
			o := projection.Order{Who: why.Who, Why: why.Why, Compare: act == "compare"}
			if act == "cancel" {
				s, err = rebuilder.Cancel(tx, o)
			} else {
				s, err = rebuilder.Ask(tx, o)
			}
			if err != nil {
				return err
			}
			return tx.Append("projection:"+rebuilder.Name, ProjectionDecided{Projection: rebuilder.Name, Act: act, Decision: why})
		})
		switch {
		case errors.Is(err, projection.ErrRunning):
			return door.Answer{}, door.Conflict("rebuild_under_way", err.Error()+".")
		case errors.Is(err, projection.ErrIdle):
			return door.Answer{}, door.Conflict("no_rebuild", "No rebuild of "+rebuilder.Name+" is under way, or its tables are exchanged already.")
		}
		return door.Answer{Status: http.StatusAccepted, Body: shown(s)}, err
	}
}
