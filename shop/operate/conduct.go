package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// undoingTooLong is how long an undo may be asked for before somebody should look: who was
// only restarted has answered by then.
const undoingTooLong = 10 * time.Minute

// stuckSagas finds those that nobody wakes, and those whose undo is not answered. A deadline
// that has just passed only waits its turn.
func (d *Desk) stuckSagas(ctx context.Context, now time.Time) ([]Finding, error) {
	var found []Finding
	for _, db := range d.sorted() {
		operated, ok := d.Sagas[db.Service()]
		if !ok {
			continue
		}
		name := operated.Definition().Name
		var late, undoing int64
		var first, longest time.Time
		err := db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Row([]any{&late, &first, &undoing, &longest}, `SELECT COUNT(CASE WHEN COALESCE(j.due, 0) < $2 THEN 1 END), MIN(CASE WHEN COALESCE(j.due, 0) < $2 THEN s.since END),
					COUNT(CASE WHEN s.state = 'undoing' AND s.since < $3 THEN 1 END), MIN(CASE WHEN s.state = 'undoing' THEN s.since END)
				FROM saga s LEFT JOIN job j ON j.id = 'deadline-' || s.id WHERE s.state IN ('running', 'undoing') AND s.saga = $1`,
				name, now.Add(-stuckAfter), now.Add(-undoingTooLong))
			return err
		})
		if err != nil {
			return found, err
		}
		where := fmt.Sprintf("saga %s of %s", name, db.Service())
		if late > 0 {
			found = append(found, Finding{What: fmt.Sprintf("%d sagas are past their deadline, or have none; the first waits since %s", late, first.UTC().Format(time.RFC3339)), Where: where,
				Do: "see tidewire queue list, and whether " + db.Service() + " runs; then tidewire saga list --overdue, and tidewire saga retry"})
		}
		if undoing > 0 {
			found = append(found, Finding{What: fmt.Sprintf("%d sagas have been undoing for more than %s, the first since %s", undoing, undoingTooLong, longest.UTC().Format(time.RFC3339)), Where: where,
				Do: "tidewire saga list --state undoing shows whom they wait for: see whether that service runs, and its dead letters"})
		}
	}
	return found, nil
}

// waitingSagas counts what the sagas of a service wait for: each step, also where nobody does.
func (d *Desk) waitingSagas(ctx context.Context, db *store.DB) (all []saga.Count, err error) {
	operated, ok := d.Sagas[db.Service()]
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	definition := operated.Definition()
	counts, err := definition.Counts(ctx, db)
	n := map[saga.Count]int64{}
	for _, c := range counts {
		n[saga.Count{State: c.State, Step: c.Step}] = c.N
	}
	for _, st := range definition.Steps {
		for state, there := range map[saga.State]bool{saga.Running: st.Who != "", saga.Undoing: len(st.Undone) > 0} {
			if there {
				all = append(all, saga.Count{State: state, Step: st.Name, N: n[saga.Count{State: state, Step: st.Name}]})
			}
		}
	}
	return all, err
}
