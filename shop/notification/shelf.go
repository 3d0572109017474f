package notification

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

const (
	portion   = 256              // mails in one commit
	between   = 10 * time.Second // looks for mails that nobody sends
	abandoned = time.Minute      // how long a job is due until it is one that nobody takes
)

// withhold holds, until ctx ends, the mails that nobody sends, as there is no mail server.
func (s *Service) withhold(ctx context.Context) {
	begun, troubled := s.now(), false
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		n, err := s.hold(ctx, begun)
		if n > 0 {
			slog.Info("mail names no server: mails that waited for it are held, and shown; they go out if it names one within three days of what they tell", "mails", n)
		}
		if err != nil && ctx.Err() == nil && !troubled {
			slog.Warn("mail names no server, and mails that waited for it cannot be held; that is tried again", "error", err)
		}
		troubled = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hold holds what was to be sent before begun, and what nobody has taken since: another
// instance may have a server, and send what it has noted itself. A mail that somebody has in
// hand is left to him, and a dead letter to an operator.
func (s *Service) hold(ctx context.Context, begun time.Time) (n int64, err error) {
	n, err = s.move(ctx, func(tx *store.Tx) ([]notification, error) { return unsendable(tx, begun, s.now()) }, func(tx *store.Tx, n notification) (bool, error) {
		if n.status == queued {
			// First the job: once it is gone, nobody can take the mail in hand.
			if free, err := tx.Row([]any{nil}, `DELETE FROM job WHERE id = $1 AND dead = 0 AND (lease = '' OR due <= $2) RETURNING id`, n.id(), tx.Now); err != nil || !free {
				return false, err
			}
		}
		return tx.Row([]any{nil}, `UPDATE notification SET status = 'held' WHERE subject = $1 AND template = $2 AND status = $3 RETURNING subject`,
			n.subject, string(n.template), string(n.status))
	})
	if n > 0 {
		if err := s.gate.open(s.Meter); err != nil {
			return n, err
		}
		s.gate.count(ctx, "held", n)
	}
	return n, err
}

// adopt queues what was held, and what waits for orders that were noted while there was no
// mail server. What is past its horizon stays stored: who gets it now would wonder.
func (s *Service) adopt(ctx context.Context) error {
	_, err := s.move(ctx, shelved, func(tx *store.Tx, n notification) (found bool, err error) {
		found, err = tx.Row([]any{(*string)(&n.status)}, `UPDATE notification SET status = CASE WHEN at < $3 THEN 'stored' WHEN template IN ('created', 'welcome')
				OR EXISTS (SELECT 1 FROM notification c WHERE c.subject = $1 AND c.template = 'created') THEN 'queued' ELSE 'waiting' END
			WHERE subject = $1 AND template = $2 AND status IN ('held', 'waiting') RETURNING status`, n.subject, string(n.template), s.now().Add(-horizon))
		if err == nil && found && n.status == queued {
			err = send(tx, n)
		}
		return found, err
	})
	return err
}

// move changes all that find returns, a portion in each commit, and counts it. What somebody
// else has moved meanwhile is not changed.
func (s *Service) move(ctx context.Context, find func(*store.Tx) ([]notification, error), change func(*store.Tx, notification) (bool, error)) (moved int64, err error) {
	for {
		var found []notification
		err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
			found, err = find(tx)
			return err
		})
		if err != nil || len(found) == 0 {
			return moved, err
		}
		var orders []string
		for _, n := range found {
			orders = append(orders, n.subject)
		}
		slices.Sort(orders)
		n := int64(0)
		_, err = s.DB.Background().Update(ctx, slices.Compact(orders), func(tx *store.Tx) error {
			n = 0
			for _, f := range found {
				changed, err := change(tx, f)
				if err != nil {
					return err
				}
				if changed {
					n++
				}
			}
			return nil
		})
		if err != nil || n == 0 {
			return moved, err
		}
		moved += n
	}
}

// unsendable returns a portion of what hold may take.
func unsendable(tx *store.Tx, begun, now time.Time) ([]notification, error) {
	return some(tx, `SELECT n.subject, n.template, n.status FROM notification n LEFT JOIN job j ON j.id = n.subject || '.' || n.template
		WHERE n.status IN ('waiting', 'queued') AND (n.status = 'waiting' AND (n.at < $1 OR n.at < $2)
			OR j.dead = 0 AND (j.lease = '' OR j.due <= $3) AND (j.time < $1 OR j.due < $2)) LIMIT $4 + 0`, begun, now.Add(-abandoned), now, portion)
}

// shelved returns a portion of what adopt takes.
func shelved(tx *store.Tx) ([]notification, error) {
	return some(tx, `SELECT n.subject, n.template, n.status FROM notification n WHERE n.status = 'held' OR n.status = 'waiting'
		AND EXISTS (SELECT 1 FROM notification c WHERE c.subject = n.subject AND c.template = 'created') LIMIT $1 + 0`, portion)
}

// some reads names and states of notifications.
func some(tx *store.Tx, query string, args ...any) (all []notification, err error) {
	err = tx.Rows(query, args, func(scan func(...any) error) error {
		var n notification
		err := scan(&n.subject, (*string)(&n.template), (*string)(&n.status))
		all = append(all, n)
		return err
	})
	return all, err
}
