package audit

// A wrong is one column that says something else than what it came from.
type wrong struct {
	service, change string // an UPDATE without that word
	promise         string // that it breaks
	example         string // part of what is said about it
}

// unfolded is a platform in which every column that is checked against an event is wrong
// once, each in another row or in another way, so that one audit names them all.
func unfolded() plant {
	all := append(append(append(append(wrongOrders(), wrongNotices()...), wrongParcels()...), wrongMovements()...), wrongTimes()...)
	return plant{name: "columns that say something else than their events", promise: all[0].promise, example: all[0].example, also: all, do: func(p *platform) {
		p.move("a", "", "restock", 3)
		p.move("a", "", "restock", 3)
		p.move("a", "", "restock", 3)
		for _, w := range all {
			if w.change != "" {
				p.exec(w.service, `UPDATE `+w.change)
			}
		}
	}}
}

func wrongOrders() []wrong {
	row := func(set, id, example string) wrong {
		return wrong{"order", `orders SET ` + set + ` WHERE id = '` + id + `'`, promiseHistory, "order " + id + " " + example}
	}
	passed := func(set, id, kind string) wrong {
		return wrong{"order", `orders SET ` + set + ` WHERE id = '` + id + `'`, promiseEffect, kind + " of payment " + id + " was passed by order"}
	}
	return []wrong{
		row(`user_id = '2'`, "completed0", "has the user 2, not 1"),
		row(`method = 'card'`, "completed1", "has the method card, not ok"),
		row(`style = 'orchestrated'`, "delivered", "has the style orchestrated, not choreographed"),
		row(`created = created + 1`, "lost", "has the beginning"),
		row(`deadline = deadline + 1000000`, "short", "has the deadline"),
		row(`lines = REPLACE(lines, 'Thing', 'Other')`, "cancelled", "has the lines"),
		row(`updated = 1`, "declined", "was changed at 1, before its last event"),

		row(`payment_status = 'refunding'`, "completed0", "is completed and its payment refunding"),
		row(`payment_status = 'failed'`, "completed1", "is completed and its payment failed"),
		row(`payment_status = 'refunded'`, "delivered", "is completed and its payment refunded"),
		row(`payment_status = 'pending'`, "recalled", "is cancelled and its payment pending"),
		row(`payment_status = 'captured'`, "returned", "is cancelled and its payment captured"),
		row(`payment_status = 'refunding'`, "declined", "is failed and its payment refunding"),
		row(`payment_status = 'ended'`, "paying", "is pending and its payment ended"),
		row(`payment_status = 'gone'`, "packing", "is confirmed and its payment gone"),
		row(`payment_attempts = 2`, "recalled", "was tried to be paid 2 times"),
		row(`payment_attempts = 1`, "paying", "was tried to be paid 1 times"),
		passed(`payment_status = 'ended'`, "lost", "PaymentFailed"),
		passed(`payment_attempts = 0`, "completed1", "PaymentProcessed"),
		passed(`payment_status = 'ended'`, "refunding", "PaymentProcessed"),
		passed(`payment_attempts = 0`, "short", "PaymentRefunded"),

		row(`ended = ended + 100000`, "completed0", "has the place"),
		row(`ended = 1`, "completed1", "has the place 1 among the ended, its events have"),
		row(`ended = ended - 1`, "cancelled", "has the place"), // that of the event before
		{promise: promiseHistory, example: "among the ended, and so has event OrderConfirmed of cancelled"},
		{"order", `orders SET ended = (SELECT o.ended FROM orders o WHERE o.id = 'short') WHERE id = 'declined'`, promiseHistory, "2 orders have the place"},
	}
}

func wrongNotices() []wrong {
	of := func(set, subject, template, example string) wrong {
		return wrong{"notification", `notification SET ` + set + ` WHERE subject = '` + subject + `' AND template = '` + template + `'`, promiseNotice,
			"notification " + template + " of " + subject + " has the " + example}
	}
	return []wrong{
		of(`user_id = '2'`, "completed0", "created", "user 2, not 1"),
		of(`user_id = '2'`, "1", "welcome", "user 2, not 1"),
		of(`user_id = '1'`, "completed0", "paid", "user 1, not nothing"),
		of(`at = at + 1`, "completed1", "paid", "time"),
		of(`facts = REPLACE(facts, '1250', '1251')`, "delivered", "paid", "amount 1251, not 1250"),
		of(`facts = REPLACE(facts, 'USD', 'EUR')`, "short", "refunded", "currency EUR, not USD"),
		of(`facts = REPLACE(facts, 'Parcel', 'Other')`, "completed0", "shipped", "carrier Other, not Parcel"),
		of(`facts = '{}'`, "completed1", "shipped", "carrier nothing, not Parcel has the tracking nothing, not T-completed1"),
		of(`facts = REPLACE(facts, 'T-', 'X-')`, "delivered", "delivered", "tracking X-delivered, not T-delivered"),
		of(`facts = REPLACE(facts, 'declined', 'unavailable')`, "declined", "payment_failed", "reason payment_unavailable, not payment_declined"),
		of(`facts = '{"reason":"none"}'`, "cancelled", "cancelled", "reason none, not nothing"),
		of(`facts = REPLACE(facts, '"q":2', '"q":3')`, "completed1", "created", "lines"),
		of(`facts = REPLACE(facts, 'Thing', 'Other')`, "lost", "created", "lines"),
	}
}

func wrongParcels() []wrong {
	of := func(set, order, example string) wrong {
		return wrong{"shipping", `shipment SET ` + set + ` WHERE order_id = '` + order + `'`, promiseShipment, "shipment of order " + order + " has " + example}
	}
	return []wrong{
		of(`lines = REPLACE(lines, '"quantity":2', '"quantity":1')`, "completed0", "the lines"),
		of(`lines = '[]'`, "packing", "the lines"),
		of(`lines = '[]'`, "declined", "the lines"), // which only a tombstone has
		of(`carrier = 'Other'`, "completed1", "the carrier Other, not Parcel"),
		of(`carrier = 'Other'`, "declined", "no label, the carrier Other"),
		of(`pickup = 1`, "short", "no label, the carrier  and the pickup 1"),
		of(`pickup = NULL`, "recalled", "a label, the carrier Parcel and the pickup 0"),
		of(`pickup = created - 1`, "returned", "the pickup"),
		of(`pickup = picked_up + 1`, "delivered", "the pickup"),
	}
}

func wrongMovements() []wrong {
	of := func(set, which, example string) wrong {
		return wrong{"inventory", `movement SET ` + set + ` WHERE product_id = 'a' AND ` + which, promiseShelves, "product a at main: movement " + example}
	}
	return []wrong{
		of(`kind = 'restock'`, "n = 1", "1 has an initial stock of 0, not 16"),
		of(`kind = 'restock'`, "order_id = 'completed0'", "2 of -2 cannot be restock"),
		of(`at = at + 1`, "order_id = 'completed1'", "3 has the time"),
		of(`kind = 'adjustment'`, "n = 7", "7 of 3 cannot be adjustment"),
		of(`kind = 'initial'`, "n = 8", "8 of 3 cannot be initial"),
		of(`kind = 'gone'`, "n = 9", "9 of 3 cannot be gone"),
		of(`at = 1`, "n = 7", "7 was at 1, the product was created at"),
		of(`at = at * 2`, "n = 8", "8 was at"),
	}
}

func wrongTimes() []wrong {
	all := []wrong{
		{"payment", `entry SET made = made + 1 WHERE id = 'capture-completed0'`, promiseProvider, "entry capture-completed0 has the provider's time"},
		{"payment", `entry SET made = at WHERE id = 'refund-short'`, promiseProvider, "entry refund-short has the provider's time"},
		{"payment", `entry SET at = at + 1 WHERE id = 'capture-completed1'`, promiseCalls, "entry capture-completed1 was booked at"},
		{"payment", `entry SET at = at + 1 WHERE id = 'refund-short'`, promiseCalls, "entry refund-short was booked at"},
		{"analytics", `tally SET at = at + 1`, promiseNumbers, "counter accepted  has the time"},
	}
	for _, counter := range []string{"completed ", "failed out_of_stock", "failed payment_declined", "cancelled cancelled_by_customer", "users ", "revenue USD", "refunded USD"} {
		all = append(all, wrong{promise: promiseNumbers, example: "counter " + counter + " has the time"})
	}
	return all
}
