package notification

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations make the tables of this service.
func Migrations() fs.FS { return migrations }

const (
	columns = "notification (subject, template, user_id, facts, at, status)"
	once    = "ON CONFLICT (subject, template) DO NOTHING"
)

// keep stores n to be shown, unless it is there.
func keep(tx *store.Tx, n notification) error {
	row, err := n.row()
	if err != nil {
		return err
	}
	return tx.Insert(columns, once, append(row, string(stored))...)
}

// enqueue stores n to be sent, unless it is there. One whose user is not known waits.
func enqueue(tx *store.Tx, n *notification) (first bool, err error) {
	row, err := n.row()
	if err != nil {
		return false, err
	}
	return tx.Row([]any{(*string)(&n.status)}, `INSERT INTO `+columns+` VALUES ($1, $2, $3, $4, $5, CASE WHEN $2 IN ('created', 'welcome')
			OR EXISTS (SELECT 1 FROM notification WHERE subject = $1 AND template = 'created') THEN 'queued' ELSE 'waiting' END)
		`+once+` RETURNING status`, row...)
}

// row is what is stored of n, in the order of columns, but for its status.
func (n notification) row() ([]any, error) {
	text, err := json.Marshal(n.facts)
	return []any{n.subject, string(n.template), n.user, string(text), n.at}, err
}

// release queues what waited for an order to be known, and returns it; what was held by an
// instance without a mail server, too.
func release(tx *store.Tx, order string) (early []notification, err error) {
	err = tx.Rows(`UPDATE notification SET status = 'queued' WHERE subject = $1 AND status IN ('waiting', 'held') RETURNING template`, []any{order},
		func(scan func(...any) error) error {
			n := notification{subject: order}
			err := scan((*string)(&n.template))
			early = append(early, n)
			return err
		})
	return early, err
}

// settle stores what became of a mail. It is not first if that was stored before.
func settle(tx *store.Tx, l letter, o outcome) (first bool, err error) {
	return tx.Row([]any{nil}, `UPDATE notification SET status = $3, reason = $4, recipient = $5, settled = $6
		WHERE subject = $1 AND template = $2 AND status = 'queued' RETURNING subject`,
		l.Subject, string(l.Template), string(o.status), o.reason, o.address, tx.Now)
}

// known is every notification with what is known of its order; its user, too.
const known = `SELECT n.subject, n.template, CASE WHEN n.user_id <> '' THEN n.user_id ELSE COALESCE(c.user_id, '') END, n.facts, COALESCE(c.facts, ''),
		n.status, n.recipient, n.reason, n.at, n.settled
	FROM notification n LEFT JOIN notification c ON c.subject = n.subject AND c.template = 'created' AND n.template <> 'welcome' `

func (n *notification) scan(scan func(...any) error) error {
	var own, order []byte
	err := scan(&n.subject, (*string)(&n.template), &n.user, &own, &order, (*string)(&n.status), &n.recipient, &n.reason, &n.at, &n.settled)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(own, &n.facts); err != nil || len(order) == 0 {
		return err
	}
	return json.Unmarshal(order, &n.order)
}

// load returns one notification, or ErrUnknown.
func load(tx *store.Tx, subject string, t template) (n notification, err error) {
	found := false
	err = tx.Rows(known+`WHERE n.subject = $1 AND n.template = $2`, []any{subject, string(t)}, func(scan func(...any) error) error {
		found = true
		return n.scan(scan)
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s of %s", ErrUnknown, t, subject)
	}
	return n, err
}

// A place is where a page begins: behind this notification.
type place struct {
	subject  string
	at       time.Time
	template string
}

// A wish says which notifications to list. Those of one order come in the order of time.
type wish struct {
	order, user string // "" is any
	after       place
	limit       int
}

// list returns those that are wished for. The id of a user may be that of an order, too.
func list(tx *store.Tx, w wish) (all []notification, err error) {
	query := known + `WHERE (n.subject, n.at, n.template) > ($1, $2, $3)`
	args := []any{w.after.subject, w.after.at, w.after.template, w.limit}
	if w.order != "" {
		args = append(args, w.order)
		query += fmt.Sprintf(` AND n.subject = $%d AND n.template <> 'welcome'`, len(args))
	}
	if w.user != "" {
		args = append(args, w.user)
		query += fmt.Sprintf(` AND (n.template = 'welcome' AND n.subject = $%[1]d OR n.template <> 'welcome' AND n.subject IN
			(SELECT subject FROM notification WHERE user_id = $%[1]d AND template = 'created'))`, len(args))
	}
	err = tx.Rows(query+` ORDER BY n.subject, n.at, n.template LIMIT $4`, args, func(scan func(...any) error) error {
		var n notification
		err := n.scan(scan)
		all = append(all, n)
		return err
	})
	return all, err
}

// unsent counts the mails that are to leave and have not, and returns the time of the oldest.
func unsent(tx *store.Tx) (n int64, oldest time.Time, err error) {
	_, err = tx.Row([]any{&n, &oldest}, `SELECT COUNT(*), MIN(at) FROM notification WHERE status IN ('waiting', 'queued')`)
	return n, oldest, err
}
