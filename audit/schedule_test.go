package audit

import "time"

const promiseSchedule = "whatever is scheduled is still wanted"

// overscheduled are wrongs of what waits for its time.
func overscheduled() []plant {
	return []plant{
		{name: "a deadline of an order that has ended", promise: promiseSchedule, example: "completed0 is completed, and still has a deadline",
			do: func(p *platform) { p.job("order", "order_deadlines", "expire", "completed0", time.Minute) }},
		{name: "a deadline of nobody", promise: promiseSchedule, example: "order nowhere has a deadline",
			do: func(p *platform) { p.job("order", "order_deadlines", "expire", "nowhere", time.Minute) }},
		{name: "a deadline under another name", promise: promiseSchedule, example: "the deadline of order paying is called other",
			do: in("order", `UPDATE job SET id = 'other' WHERE key = 'paying' AND queue = 'order_deadlines'`)},
		{name: "due at no time", promise: promiseSchedule, example: "which is no time",
			do: in("order", `UPDATE job SET due = 9000000000000000000 WHERE key = 'paying' AND queue = 'order_deadlines'`)},
	}
}
