package saga

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A Definition is what a Saga says about itself, as data.
type Definition struct {
	Name   string     `json:"name"`
	Within string     `json:"within"` // until its pivot is passed, as 5m0s
	Steps  []StepText `json:"steps"`
}

// A StepText is a step in words.
type StepText struct {
	Name    string   `json:"name"`
	Who     string   `json:"who,omitempty"`
	Answer  string   `json:"answer,omitempty"`
	Refusal string   `json:"refusal,omitempty"`
	Undone  []string `json:"undone,omitempty"`
	Back    bool     `json:"back,omitempty"` // it is undone here
	Pivot   bool     `json:"pivot,omitempty"`
	Within  string   `json:"within,omitempty"` // for its answer
	Moved   []string `json:"moved,omitempty"`  // former steps whose instances go on here
}

// Definition describes s.
func (s Saga[S]) Definition() Definition {
	d := Definition{Name: s.Name, Within: orElse(s.Within, within).String()}
	for i, st := range s.Steps {
		t := StepText{Name: st.Name, Who: st.Who, Answer: kind(st.Answer), Refusal: kind(st.Refusal), Back: st.Back != nil, Pivot: st.Pivot}
		if i > s.pivot() && st.Send != nil {
			t.Within = orElse(st.Within, patience).String()
		} else if st.Within > 0 {
			t.Within = st.Within.String()
		}
		for _, k := range st.Undone {
			t.Undone = append(t.Undone, kind(k))
		}
		for from, to := range s.Moved {
			if to == st.Name {
				t.Moved = append(t.Moved, from)
			}
		}
		slices.Sort(t.Moved)
		d.Steps = append(d.Steps, t)
	}
	return d
}

func kind(k message.Kind) string {
	if k == nil {
		return ""
	}
	return k.Kind()
}

// who is the service that a stored step is asked of.
func (d Definition) who(step string) string {
	for _, st := range d.Steps {
		if st.Name == step || slices.Contains(st.Moved, step) {
			return st.Who
		}
	}
	return ""
}

// ErrChanged: instances stand at steps that there are no more.
var ErrChanged = errors.New("the saga has changed")

// named is how many instances an ErrChanged names.
const named = 10

// Known returns ErrChanged if an instance in db waits for a step, or has turned back at one,
// that is neither in Steps nor in Moved: it names some, and says how many there are. A
// service whose sagas are not known is not started.
func (s Saga[S]) Known(ctx context.Context, db *store.DB) error {
	marks, args := "", []any{s.Name}
	for _, st := range s.Definition().Steps {
		for _, name := range append(st.Moved, st.Name) {
			args = append(args, name)
			marks += fmt.Sprintf(", $%d", len(args))
		}
	}
	strange := fmt.Sprintf(`s.saga = $1 AND %s AND (s.step NOT IN (%[2]s) OR s.turned NOT IN (''%[3]s))`, waiting, marks[2:], marks)
	var some []string
	var all int64
	err := db.View(ctx, func(tx *store.Tx) error {
		some = nil
		if _, err := tx.Row([]any{&all}, `SELECT count(*) FROM saga s WHERE `+strange, args...); err != nil || all == 0 {
			return err
		}
		return tx.Rows(fmt.Sprintf(`SELECT s.id, s.step, s.turned FROM saga s WHERE %s ORDER BY s.started, s.id LIMIT %d`, strange, named), args, func(scan func(...any) error) error {
			var id, step, turned string
			err := scan(&id, &step, &turned)
			if turned != "" {
				step += " (turned back at " + turned + ")"
			}
			some = append(some, id+" at "+step)
			return err
		})
	})
	if err != nil || all == 0 {
		return err
	}
	return fmt.Errorf("%w: %d instances of saga %s of %s stand at steps that it does not have: %s; name in Moved where they go on, or start the version before",
		ErrChanged, all, s.Name, db.Service(), strings.Join(some, ", "))
}
