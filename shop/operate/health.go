package operate

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// checkLimit is how long all checks of readiness may take together. Who asks gives up
// after a few seconds, and would not learn which of them it was.
const checkLimit = 2 * time.Second

type alive struct {
	Alive bool `json:"alive"`
}

type readiness struct {
	Ready    bool       `json:"ready"`
	NotReady []notReady `json:"notReady"`
}

type notReady struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// ready answers 200, or 503 with what does not work.
func (d *Desk) ready(r *http.Request) (door.Answer, error) {
	ctx, cancel := context.WithTimeout(r.Context(), checkLimit)
	defer cancel()
	checks := make([]Check, 0, len(d.Services)+len(d.Ready))
	for _, db := range d.Services {
		checks = append(checks, Check{Name: "database of " + db.Service(), Works: d.Answers(db)})
	}
	checks = append(checks, d.Ready...)
	failed := make(chan notReady) // one value for each check: all at once, as each may hang
	for _, c := range checks {
		go func() {
			var n notReady
			if err := c.Works(ctx); err != nil {
				n = notReady{c.Name, strings.Join(strings.Fields(err.Error()), " ")}
			}
			failed <- n
		}()
	}
	body := readiness{NotReady: []notReady{}}
	for range checks {
		if n := <-failed; n.Name != "" {
			body.NotReady = append(body.NotReady, n)
		}
	}
	if body.Ready = len(body.NotReady) == 0; body.Ready {
		return door.Answer{Body: body}, nil
	}
	return door.Answer{Status: http.StatusServiceUnavailable, Body: body, Header: http.Header{"Retry-After": {"1"}}}, nil
}

// Answers returns a check that writes something into db.
func (d *Desk) Answers(db *store.DB) func(context.Context) error {
	kept, _ := d.pulses.LoadOrStore(db, newPulse())
	return func(ctx context.Context) error { return kept.(*pulse).works(ctx, db) }
}
