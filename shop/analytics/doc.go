// Package analytics counts what happens in the shop, while it happens.
//
//	owns       counters: orders by their end, users, revenue, refunds, what is sold most
//	publishes  nothing
//	consumes   OrderCreated, OrderCompleted, OrderFailed, OrderCancelled; PaymentRefunded;
//	           ProductCreated, ProductUpdated, ProductPriceUpdated; UserRegistered
//
// What each number means, and what it is counted from:
//
//	totalOrders   orders whose OrderCreated was read
//	completed     of those, the ones that have ended so; failed and cancelled alike, and
//	failures      the failed ones by the reason that OrderFailed gives
//	successRate   completed / (completed + failed + cancelled); null before the first end
//	revenue       the totals of completed orders, as OrderCreated has them, by currency
//	revenueByDay  the same by the day, in UTC, of OrderCompleted
//	topProducts   the quantities of completed orders by product, the largest first, equal
//	              ones by id; under the name, and at the price, that the catalogue gave last
//	refunded      the amounts of PaymentRefunded, by currency; revenue is not less for it
//	users         users whose UserRegistered was read
//	asOf          the time of the latest event that is counted, a product's apart
//
// The life of an order here. Its acceptance and its end are two facts that may come in
// either order; whichever is the second counts the end:
//
//	nothing ── OrderCreated ──► accepted ─── an end ───► accepted and ended
//	   └────── an end ────────► ended ── OrderCreated ────────┘
//
//	event         nothing      accepted    ended        accepted and ended
//	OrderCreated  +1 order     nothing     +1 order,    nothing
//	                                       +1 end
//	an end        is noted     +1 end      nothing      nothing
//
// Promises: an event that comes late, twice, early, or once more because all logs are read
// from their beginning, changes no number twice: a counter is written in the commit that
// changes the row of its order, and only if that changes. A first end stays. An event that
// is dead lets later ones of its key pass (failure.Policy.Release). If that is an
// OrderCreated, its order counts nowhere until it is redriven, and then with its end.
//
// Counters are gathered by store.Gather and written once for a batch of events, last and
// in one order. Two instances on PostgreSQL share every counter, and hold its lock for a
// commit only. Sums of money have no bound (sum). Readers rest between batches, so that
// they are large. Nothing that is read here ever needs a scan of orders.
package analytics
