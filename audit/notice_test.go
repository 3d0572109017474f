package audit

import (
	"encoding/json"
	"time"
)

const promiseNotice = "everybody is told once what happened"

// tell writes what people were told of everything that happened: most of it is stored, and
// of one order some has left, some could not, and some waits.
func (p *platform) tell() {
	for _, n := range notices() {
		for _, m := range p.messages(n.log) {
			if m.kind == n.kind {
				p.notify(n, m)
			}
		}
	}
	p.becomes("completed0", "created", "sent")
	p.becomes("completed0", "paid", "failed")
	p.becomes("completed0", "shipped", "queued")
	p.letter("completed0.shipped", "completed0")
	p.becomes("completed0", "delivered", "held")
}

// notify writes that somebody was told of a message.
func (p *platform) notify(n notice, m told) {
	p.t.Helper()
	template, user, facts := n.named, "", map[string]any{}
	for member, of := range map[string]string{"amount": "amount", "currency": "currency", "carrier": "carrier", "tracking": "trackingNumber", "reason": "reason"} {
		if m.body[of] != nil {
			facts[member] = m.body[of]
		}
	}
	switch m.kind {
	case "UserRegistered":
		user = m.key
	case "OrderCreated":
		user, facts["amount"] = "1", m.body["total"]
		var lines []map[string]any
		for _, l := range m.body["lines"].([]any) {
			line := l.(map[string]any)
			lines = append(lines, map[string]any{"n": line["name"], "q": line["quantity"], "p": line["unitPrice"]})
		}
		facts["lines"] = lines
	case "OrderFailed":
		template = map[any]string{"payment_declined": "payment_failed", "payment_unavailable": "payment_failed", "out_of_stock": "out_of_stock"}[facts["reason"]]
	case "OrderCancelled", "ShipmentDelivered":
		delete(facts, "reason")
	}
	text, err := json.Marshal(facts)
	if err != nil {
		p.t.Fatal(err)
	}
	p.exec("notification", `INSERT INTO notification (subject, template, user_id, facts, status, at) VALUES ($1, $2, $3, $4, 'stored', $5) ON CONFLICT DO NOTHING`, m.key, template, user, string(text), m.time)
}

// becomes writes what became of a mail.
func (p *platform) becomes(key, template, status string) {
	p.exec("notification", `UPDATE notification SET status = $1, recipient = 'jo@example.com', settled = $2 WHERE subject = $3 AND template = $4`, status, p.tick(), key, template)
	if kind := map[string]string{"sent": "NotificationSent", "failed": "NotificationFailed"}[status]; kind != "" {
		p.say("notification", kind, key, 0, map[string]any{"orderId": key, "template": template})
	}
}

func (p *platform) letter(id, key string) {
	p.exec("notification", `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES ($1, 'notification_mail', 'letter', $2, $3, '', '', '{}', $4)`,
		id, key, p.tick(), time.Now().Add(time.Minute).UnixMicro())
}

// untold are wrongs that are done to what people were told.
func untold() []plant {
	is := func(set string) func(*platform) {
		return in("notification", `UPDATE notification SET `+set+` WHERE subject = 'completed0' AND template = 'shipped'`)
	}
	return []plant{
		{name: "nobody was told", promise: promiseEffect, example: "OrderShipped of shipping completed0", do: in("notification", `DELETE FROM notification WHERE template = 'shipped'`)},
		{name: "told the wrong end", promise: promiseEffect, example: "OrderFailed of order declined", do: in("notification", `UPDATE notification SET template = 'failed' WHERE subject = 'declined' AND template = 'payment_failed'`)},
		{name: "told of nothing", promise: promiseNotice, example: "refunded of completed0", do: in("notification", `INSERT INTO notification (subject, template, user_id, facts, status, at) VALUES ('completed0', 'refunded', '', '{}', 'stored', 0)`)},
		{name: "told of the wrong end", promise: promiseNotice, example: "failed of declined", do: in("notification", `UPDATE notification SET template = 'failed' WHERE subject = 'declined' AND template = 'payment_failed'`)},
		{name: "told twice", promise: promiseNotice, example: "2 times", do: func(p *platform) {
			p.relax("notification", "notification")
			p.exec("notification", `INSERT INTO notification SELECT * FROM notification WHERE subject = 'completed0' AND template = 'created'`)
		}},
		{name: "mail without a job", promise: promiseNotice, example: "shipped of completed0 is queued", do: in("notification", `DELETE FROM job WHERE id = 'completed0.shipped'`)},
		{name: "held, and sent all the same", promise: promiseNotice, example: "is held and has a job", do: is("status = 'held'")},
		{name: "mail that waits for nothing", promise: promiseNotice, example: "its order is known", do: is("status = 'waiting'")},
		{name: "sent to nobody", promise: promiseNotice, example: "to nobody", do: in("notification", `UPDATE notification SET recipient = '' WHERE status = 'sent'`)},
		{name: "sent and not said", promise: promiseNotice, example: "did not say NotificationSent", do: in("notification", `DELETE FROM journal WHERE kind = 'NotificationSent'`)},
		{name: "failed and not said", promise: promiseNotice, example: "did not say NotificationFailed", do: in("notification", `DELETE FROM journal WHERE kind = 'NotificationFailed'`)},
		{name: "said and not sent", promise: promiseNotice, example: "created, which is stored", do: in("notification", `UPDATE notification SET status = 'stored' WHERE status = 'sent'`)},
		{name: "said to have failed", promise: promiseNotice, example: "paid, which is stored", do: in("notification", `UPDATE notification SET status = 'stored' WHERE status = 'failed'`)},
		{name: "nobody sends mails", promise: promiseStuck, example: "letter", do: in("notification", `UPDATE job SET due = $1`, time.Now().Add(-time.Minute).UnixMicro())},
	}
}
