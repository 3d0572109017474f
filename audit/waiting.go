package audit

import (
	"fmt"
	"time"
)

// owners checks that whatever has not come to its end has somebody who will take it
// there. A pending order's deadline is one, for it ends the order, which is all that is
// left when an operator has given up a message; that what has an owner was not lost on
// its way is the promise of every message's effect. That a deadline is kept is another
// promise, and one that died keeps nothing.
func owners() promise {
	// Whoever has something to do for an order, in any service, will tell the next.
	nobody := "NOT EXISTS (SELECT 1 FROM owned w WHERE w.key = o.id AND w.service NOT IN (" + list(onlookers()) + "))"
	p := promise{name: "whatever waits has an owner", probes: []probe{
		{of: count(`"order".orders WHERE status IN ('pending', 'confirmed')`), bad: `SELECT 'order ' || o.id || ' is ' || o.status || ' and nobody has anything to do for it' FROM "order".orders o
			WHERE o.status IN ('pending', 'confirmed') AND ` + nobody + `
			AND NOT ((o.status = 'pending' OR o.style = 'orchestrated') AND EXISTS (SELECT 1 FROM "order".job j WHERE j.queue = 'order_deadlines' AND j.key = o.id AND j.dead = 0))`},
		{bad: `SELECT 'order ' || o.id || ' is pending and has no deadline' FROM "order".orders o WHERE o.status = 'pending'
			AND NOT EXISTS (SELECT 1 FROM "order".job j WHERE j.queue = 'order_deadlines' AND j.key = o.id)`},
		{of: count(`payment.payment WHERE status IN ('wanted', 'authorizing', 'capturing', 'voiding', 'refunding')`), bad: `SELECT 'payment of order ' || o.order_id || ' is ' || o.status || ' and has no job' FROM payment.payment o
			WHERE o.status IN ('wanted', 'authorizing', 'capturing', 'voiding', 'refunding') AND NOT EXISTS (SELECT 1 FROM payment.job j WHERE j.key = o.order_id)`},
		{of: count(`shipping.shipment WHERE status = 'wanted'`), bad: `SELECT 'shipment of order ' || o.order_id || ' is wanted and has no job' FROM shipping.shipment o
			WHERE o.status = 'wanted' AND NOT EXISTS (SELECT 1 FROM shipping.job j WHERE j.key = o.order_id)`},
	}}
	// What waits must be behind something that comes again, or that an operator sees.
	for _, s := range services {
		p.probes = append(p.probes, probe{of: count(schema(s) + ".parked"), bad: fmt.Sprintf(`SELECT 'key ' || k.key || ' of ' || k.log || ' waits in %s behind nothing' FROM %q.parked k
			WHERE k.state = 'waiting' AND NOT EXISTS (SELECT 1 FROM %[2]q.parked h WHERE h.subscription = k.subscription AND h.log = k.log AND h.key = k.key
				AND h.seq < k.seq AND h.state IN ('retry', 'dead', 'discarded'))`, s, s)})
	}
	return p
}

// waiting checks that what is due is done. It looks twice, outside the snapshot: what
// moved in between is late, not stuck. It also counts the dead letters.
func (a *audit) waiting(final bool) (c Check, dead int64) {
	p := promise{name: "nothing is stuck", probes: overdue()}
	c = a.look(p)
	if c.Violations > 0 && !final {
		select {
		case <-a.ctx.Done():
		case <-time.After(a.pause):
		}
		c = a.look(p).still(c)
	}
	for _, s := range services {
		for _, query := range []string{`.job WHERE dead <> 0`, `.parked WHERE state IN ('dead', 'released')`} {
			err := a.each(count(schema(s)+query), func(scan func(...any) error) error {
				var n int64
				err := scan(&n)
				dead += n
				return err
			})
			if err != nil {
				c.violation("cannot be checked: " + err.Error())
			}
		}
	}
	return c, dead
}

// overdue are probes for what should have been done ten seconds ago. Of what stands in
// a line, only the first is looked at: if it moves, the line does.
func overdue() []probe {
	// One that is conducted may have to wait until others have undone what they did.
	all := []probe{{of: count(`"order".orders WHERE status = 'pending'`), bad: `SELECT 'order ' || o.id || ' is pending beyond its deadline' FROM "order".orders o
		WHERE o.status = 'pending' AND o.deadline < {overdue} AND NOT (o.style = 'orchestrated'
			AND EXISTS (SELECT 1 FROM "order".job j WHERE j.queue = 'order_deadlines' AND j.key = o.id AND j.dead = 0 AND j.due >= {late}))`},
		// Inventory looks once a minute.
		{of: count("inventory.reservation WHERE status = 'reserved'"), bad: `SELECT 'stock of order ' || order_id || ' has expired, and nobody was asked about it' FROM inventory.reservation
			WHERE status = 'reserved' AND expires < {late} - 120000000`}}
	for _, s := range services {
		all = append(all,
			probe{of: count(schema(s) + `.job WHERE dead = 0`), bad: fmt.Sprintf(`SELECT 'job ' || j.id || ' (' || j.kind || ' ' || j.key || ') of ' || j.queue || ' was due at ' || j.due FROM %q.job j
				JOIN (SELECT queue, MIN(due) AS due FROM %[1]q.job WHERE dead = 0 GROUP BY queue) first ON first.queue = j.queue AND first.due = j.due
				WHERE j.dead = 0 AND j.due < {late} AND j.queue <> 'shipping_tracking' AND `+unless(s), s)},
			probe{of: count(schema(s) + `.parked`), bad: fmt.Sprintf(`SELECT 'message ' || id || ' (' || kind || ' ' || key || ') parked in %s was due at ' || due FROM %[1]q.parked
				WHERE state IN ('retry', 'discarded') AND due < {late}`, s)})
	}
	all = append(all, parcelsStill())
	// Kinds that a subscription does not handle move its position only now and then.
	for _, s := range subscriptions() {
		all = append(all, probe{of: "SELECT 1", bad: fmt.Sprintf(`SELECT '%[1]s does not read partition ' || slot.n || ' of %[2]s after ' || COALESCE(p.seq, 0) FROM slot
			LEFT JOIN %[1]q.position p ON p.subscription = '%[1]s' AND p.log = '%[2]s' AND p.partition = slot.n
			WHERE (SELECT MIN(j.time) FROM %[2]q.journal j WHERE j.partition = slot.n AND j.seq > COALESCE(p.seq, 0) AND j.kind IN (%[3]s)) < {late}`,
			s.by, s.log, list(s.kinds))})
	}
	return all
}

// still returns the violations of c that were there before.
func (c Check) still(before Check) Check {
	was := map[string]bool{}
	for _, v := range before.found {
		was[v] = true
	}
	now := Check{Promise: c.Promise, Checked: c.Checked, Examples: []string{}, loud: c.loud}
	for _, v := range c.found {
		if was[v] {
			now.violation(v)
		}
	}
	return now
}

// onlookers are the services for which no order waits, and that tell nobody who works for one. They follow
// a little later; that they do not stand still is the promise that nothing is stuck.
func onlookers() []string { return []string{"analytics", "notification"} }

// quiet checks that all work is done.
func quiet() promise {
	p := promise{name: "nothing is left to do", probes: []probe{
		{of: count(`"order".orders`), bad: `SELECT 'order ' || id || ' is ' || status FROM "order".orders WHERE status IN ('pending', 'confirmed')`},
		{bad: `SELECT DISTINCT service || ' has something to do for ' || key FROM owned WHERE service NOT IN (` + list(onlookers()) + `)`},
		{bad: `SELECT 'order ' || key || ' still has a deadline' FROM "order".job WHERE queue = 'order_deadlines'`},
	}}
	return p
}
