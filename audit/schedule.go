package audit

import (
	"fmt"
	"strings"
)

// schedules checks that what waits for its time is of something that still waits for it: a
// deadline of an order that has ended, or that there is not, would end what goes on, or die.
// That a pending order has one is the promise that it has an owner; that what is due is done,
// the promise that nothing is stuck.
func schedules() promise {
	// A time that no clock will ever show keeps whatever waits for it for ever.
	var never []string
	for _, s := range services {
		never = append(never, fmt.Sprintf(`SELECT 'job ' || id || ' of ' || queue || ' is due at ' || due || ', which is no time' FROM %q.job
			WHERE dead = 0 AND (due <= 0 OR due >= 253402300800000000)`, s))
	}
	return promise{name: "whatever is scheduled is still wanted", probes: []probe{
		{of: count(`"order".job WHERE queue = 'order_deadlines' AND dead = 0`), bad: `SELECT 'order ' || j.key || ' has a deadline, and there is no such order' FROM "order".job j
			WHERE j.queue = 'order_deadlines' AND j.dead = 0 AND NOT EXISTS (SELECT 1 FROM "order".orders o WHERE o.id = j.key)`},
		{bad: `SELECT 'order ' || j.key || ' is ' || o.status || ', and still has a deadline' FROM "order".job j JOIN "order".orders o ON o.id = j.key
			WHERE j.queue = 'order_deadlines' AND j.dead = 0 AND o.ended IS NOT NULL`},
		// A deadline goes by the name of its order: under another it could not be taken back.
		{bad: `SELECT 'the deadline of order ' || key || ' is called ' || id FROM "order".job
			WHERE queue = 'order_deadlines' AND id <> 'deadline-' || key`},
		{bad: strings.Join(never, " UNION ALL ")},
	}}
}
