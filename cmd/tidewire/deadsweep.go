package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
)

// A sweep decides on all letters of a choice, a part at a time, at a rate. It keeps to the
// deaths up to one time: so it may be killed, and begun again with that time, and decides
// on none twice.
type sweep struct {
	decision
	console *console
	door    *client
	name    string
	force   bool
}

// A ran is what came of a run.
type ran struct {
	Act        string          `json:"act"`
	DryRun     bool            `json:"dryRun,omitempty"`
	Letters    int64           `json:"letters"` // that it was done with, or would be
	Looping    int64           `json:"looping"` // that were left, as they were redriven too often
	DiedBefore time.Time       `json:"diedBefore"`
	Groups     []operate.Group `json:"groups"`             // as they were when it began
	Examples   []string        `json:"examples,omitempty"` // of a dry run
}

// number counts the letters of groups; those that only force redrives, if force.
func number(groups []operate.Group, force bool) (n int64) {
	for _, g := range groups {
		n += g.Count
		if !force {
			n -= g.Looping
		}
	}
	return n
}

// all runs, or says what a run would do.
func (r sweep) all() error {
	groups, at, err := r.groups(r.door)
	if err != nil {
		return err
	}
	if err := r.none(r.console, len(groups)); err != nil {
		return err
	}
	if !r.DiedBefore.IsZero() {
		at = r.DiedBefore
	}
	did := ran{Act: r.name, DryRun: r.DryRun, DiedBefore: at, Groups: groups, Looping: number(groups, true) - number(groups, r.force)}
	if r.DryRun {
		did.Letters = number(groups, r.force)
		var page struct{ Items []operate.Letter }
		q := r.query()
		q.Set("limit", "5")
		if err := r.door.do(http.MethodGet, "/admin/v1/dead?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for _, l := range page.Items {
			did.Examples = append(did.Examples, l.ID)
		}
		return r.end(did)
	}
	goOn := "--died-before " + at.UTC().Format("2006-01-02T15:04:05.000000Z")
	if !r.JSON {
		most := map[bool]string{true: "at most "}[!r.DiedBefore.IsZero()] // some may have died since
		fmt.Fprintf(r.console.out, "%s of %s%d dead letters; to go on with it, should it be interrupted: %s\n", r.name, most, number(groups, r.force), goOn)
	}
	if did.Letters, err = r.parts(at, number(groups, r.force)); err != nil {
		return fmt.Errorf("after %d dead letters: %w; go on with %s", did.Letters, err, goOn)
	}
	return r.end(did)
}

// part is how many letters are decided on in one request, so that there are five a second.
func (r sweep) part() int {
	if r.Rate == 0 || r.Rate >= 5000 {
		return 1000
	}
	return max(1, int(r.Rate/5))
}

// parts decides on one part after the other, no faster than the rate.
func (r sweep) parts(before time.Time, total int64) (n int64, err error) {
	began, said := time.Now(), time.Now()
	for more := true; more; {
		var done operate.Done
		err := r.door.do(http.MethodPost, "/admin/v1/dead/"+r.name, operate.Many{Filter: r.filter(), DiedBefore: before, Limit: r.part(),
			Decision: operate.Decision{Who: r.Who, Why: r.Why, Force: r.force && r.name == "redrive"}}, &done)
		if err != nil {
			return n, err
		}
		n += int64(len(done.Letters))
		more = done.More
		if r.Rate > 0 && more {
			due := began.Add(time.Duration(float64(n) / r.Rate * float64(time.Second)))
			if !wait(r.console.ctx, time.Until(due)) {
				return n, r.console.ctx.Err()
			}
		}
		if time.Since(said) > time.Second { // after the wait, which is a part of the rate
			said = time.Now()
			fmt.Fprintf(r.console.err, "%s: %d of %d, %.0f/s\n", r.name, n, total, float64(n)/time.Since(began).Seconds())
		}
	}
	return n, nil
}

// end says what was done, or would be. What was left is told, and makes the run one that has
// found something.
func (r sweep) end(did ran) error {
	if err := r.print(did); err != nil {
		return err
	}
	if did.Looping > 0 {
		fmt.Fprintf(r.console.err, "%d more were redriven three times and died again each time: mend what they die of, or say --force\n", did.Looping)
		return errFound
	}
	return nil
}

func (r sweep) print(did ran) error {
	if r.JSON {
		return printJSON(r.console.out, did)
	}
	for _, g := range did.Groups {
		if r.DryRun {
			fmt.Fprintf(r.console.out, "would %s %d of %s in %s: %s\n", r.name, number([]operate.Group{g}, r.force), g.Kind, g.Place, g.Problem)
		}
	}
	for _, id := range did.Examples {
		fmt.Fprintf(r.console.out, "for example %s\n", id)
	}
	fmt.Fprintf(r.console.out, "%d dead letters\n", did.Letters)
	return nil
}
