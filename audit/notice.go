package audit

import "fmt"

// A notice is an event that somebody is told of.
type notice struct {
	log, kind string
	named     string // the template; empty: chosen by the reason
}

// notices are who is told what, once more and independently of the service.
func notices() []notice {
	return []notice{
		{"user", "UserRegistered", "welcome"},
		{"order", "OrderCreated", "created"},
		{"order", "OrderCancelled", "cancelled"},
		{"order", "OrderFailed", ""},
		{"payment", "PaymentProcessed", "paid"},
		{"payment", "PaymentRefunded", "refunded"},
		{"shipping", "OrderShipped", "shipped"},
		{"shipping", "ShipmentDelivered", "delivered"},
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

// notifications checks that people are told what happened, once, and nothing else. That
// nothing is missing is the promise of every message's effect. The snapshot of notification
// is the first, so what it was told of is in every other.
func notifications() promise {
	const row = `'notification ' || n.template || ' of ' || n.subject`
	caused := ""
	for i, n := range notices() {
		if i > 0 {
			caused += " UNION ALL "
		}
		caused += fmt.Sprintf(`SELECT f.key, %s AS template FROM fact_%s f WHERE f.kind = '%s'`, n.template("f"), n.log, n.kind)
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
		{bad: `SELECT ` + row + ` || ' is there ' || COUNT(*) || ' times' FROM notification.notification n GROUP BY n.subject, n.template HAVING COUNT(*) > 1`},
		{of: count("notification.notification WHERE status = 'queued'"), bad: `SELECT ` + row + ` || ' is queued and has no job' FROM notification.notification n
			WHERE n.status = 'queued' AND NOT EXISTS (SELECT 1 FROM notification.job j WHERE j.id = n.subject || '.' || n.template)`},
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
