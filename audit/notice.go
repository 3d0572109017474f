package audit

import (
	"fmt"
	"strings"
)

// A notice is an event that somebody is told of.
type notice struct {
	log, kind string
	named     string            // the template; empty: chosen by the reason
	says      map[string]string // which column of the fact is its user, and which are members of facts
	repeats   bool              // it answers a command, each time that comes
}

// notices are who is told what, once more and independently of the service.
func notices() []notice {
	return []notice{
		{"user", "UserRegistered", "welcome", map[string]string{"user": "party"}, false},
		{"order", "OrderCreated", "created", map[string]string{"user": "party", "amount": "amount", "currency": "word"}, false},
		{"order", "OrderCancelled", "cancelled", nil, false},
		{"order", "OrderFailed", "", map[string]string{"reason": "word"}, false},
		{"payment", "PaymentProcessed", "paid", map[string]string{"amount": "amount", "currency": "word"}, true},
		{"payment", "PaymentRefunded", "refunded", map[string]string{"amount": "amount", "currency": "word"}, true},
		{"shipping", "OrderShipped", "shipped", map[string]string{"carrier": "party", "tracking": "word"}, true},
		{"shipping", "ShipmentDelivered", "delivered", map[string]string{"tracking": "word"}, false},
	}
}

// template is the template for the fact of this name in a query.
func (n notice) template(fact string) string {
	if n.named != "" {
		return "'" + n.named + "'"
	}
	return "CASE WHEN " + fact + ".word IN ('payment_declined', 'payment_unavailable') THEN 'payment_failed' WHEN " +
		fact + ".word = 'out_of_stock' THEN 'out_of_stock' ELSE 'failed' END"
}

// members are what a notification may have of its fact, but for lines.
func members() []string {
	return []string{"user", "amount", "currency", "carrier", "tracking", "reason"}
}

// columns are the members in a query of the facts f, as texts; NULL for what n has not.
func (n notice) columns() string {
	var all []string
	for _, m := range members() {
		column := "CAST(NULL AS TEXT)"
		if of := n.says[m]; of != "" {
			column = "CAST(f." + of + " AS TEXT)"
		}
		all = append(all, column+" AS said_"+m)
	}
	return strings.Join(all, ", ")
}

// repeated is a probe for notifications that do not say what their facts said. What is 0,
// or has no letters, is not stored.
func (a *audit) repeated(row, caused string) probe {
	all := []likeness{{"the time", "n.at", "f.time"}}
	for _, m := range members() {
		said := "NULLIF(NULLIF(f.said_" + m + ", ''), '0')"
		if m == "user" {
			all = append(all, likeness{"the user", "NULLIF(n.user_id, '')", said})
			continue
		}
		all = append(all, likeness{"the " + m, "CAST(" + a.dialect.member("n.facts", m) + " AS TEXT)", said})
	}
	return unlike(row, `notification.notification n JOIN (`+caused+`) f ON f.key = n.subject AND f.template = n.template WHERE 1 = 1`, all...)
}

// notifications checks that people are told what happened, once, and nothing else. That
// nothing is missing is the promise of every message's effect. The snapshot of notification
// is the first, so what it was told of is in every other.
func (a *audit) notifications() promise {
	const row = `'notification ' || n.template || ' of ' || n.subject`
	caused := ""
	for i, n := range notices() {
		if i > 0 {
			caused += " UNION ALL "
		}
		caused += fmt.Sprintf(`SELECT f.key, %s AS template, f.time, %s FROM fact_%s f WHERE f.kind = '%s'`, n.template("f"), n.columns(), n.log, n.kind)
		if n.repeats { // people are told of the first
			caused += fmt.Sprintf(` AND f.seq = (SELECT MIN(g.seq) FROM fact_%s g WHERE g.kind = f.kind AND g.key = f.key)`, n.log)
		}
	}
	told := func(state, kind string) []probe {
		return []probe{
			{of: count("notification.notification WHERE status = '" + state + "'"), bad: fmt.Sprintf(`SELECT %s || ' is %s and did not say %s' FROM notification.notification n
				WHERE n.status = '%[2]s' AND NOT EXISTS (SELECT 1 FROM fact_notification f WHERE f.kind = '%[3]s' AND f.key = n.subject AND f.word = n.template)`, row, state, kind)},
			{bad: fmt.Sprintf(`SELECT 'notification said %s of ' || f.key || ', ' || f.word || ', which is ' || COALESCE(n.status, 'missing') FROM fact_notification f
				LEFT JOIN notification.notification n ON n.subject = f.key AND n.template = f.word WHERE f.kind = '%[1]s' AND COALESCE(n.status, '') <> '%s'`, kind, state)},
			{bad: fmt.Sprintf(`SELECT 'notification said %s of ' || key || ', ' || word || ' ' || COUNT(*) || ' times' FROM fact_notification
				WHERE kind = '%[1]s' GROUP BY key, word HAVING COUNT(*) > 1`, kind)},
		}
	}
	probes := []probe{
		{of: count("notification.notification"), bad: `SELECT ` + row + ` || ' tells of nothing that happened' FROM notification.notification n
			LEFT JOIN (` + caused + `) f ON f.key = n.subject AND f.template = n.template WHERE f.key IS NULL`},
		a.repeated(row, caused),
		unlike(row, `"order".journal j JOIN notification.notification n ON n.subject = j.key AND n.template = 'created' WHERE j.kind = 'OrderCreated'`,
			likeness{"the lines", a.dialect.rows(a.dialect.member("n.facts", "lines"), "n", "q", "p"), a.dialect.rows(a.dialect.text("j.body", "lines"), "name", "quantity", "unitPrice")}),
		{bad: `SELECT ` + row + ` || ' is there ' || COUNT(*) || ' times' FROM notification.notification n GROUP BY n.subject, n.template HAVING COUNT(*) > 1`},
		{of: count("notification.notification WHERE status = 'queued'"), bad: `SELECT ` + row + ` || ' is queued and has no job' FROM notification.notification n
			WHERE n.status = 'queued' AND NOT EXISTS (SELECT 1 FROM notification.job j WHERE j.id = n.subject || '.' || n.template)`},
		{of: count("notification.notification WHERE status = 'held'"), bad: `SELECT ` + row + ` || ' is held and has a job' FROM notification.notification n
			WHERE n.status = 'held' AND EXISTS (SELECT 1 FROM notification.job j WHERE j.id = n.subject || '.' || n.template)`},
		// One that was noted while there was no mail server waits for the next start with one.
		{bad: `SELECT ` + row + ` || ' waits, and its order is known' FROM notification.notification n JOIN notification.notification c ON c.subject = n.subject AND c.template = 'created'
			WHERE n.status = 'waiting' AND c.status <> 'stored'`},
		{bad: `SELECT ` + row + ` || ' is sent, and to nobody' FROM notification.notification n WHERE n.status = 'sent' AND (n.recipient = '' OR n.settled IS NULL)`},
	}
	probes = append(probes, told("sent", "NotificationSent")...)
	return promise{name: "everybody is told once what happened", probes: append(probes, told("failed", "NotificationFailed")...)}
}

// unless is the condition that the jobs of a service wait for the world outside: mails for
// a server that is away. Somebody holds the first of them, and tries.
func unless(service string) string {
	if service != "notification" {
		return "1 = 1"
	}
	return `NOT EXISTS (SELECT 1 FROM notification.job h WHERE h.queue = 'notification_mail' AND h.lease <> '' AND h.due >= {late})`
}
