// Package twin is the ceiling of the platform on SQLite: the same order, by hand, without
// a framework, in all services. What an expert would write who knew that nothing ever fails.
//
// Every row, hop, call and fsync of the platform is in it, and none more. The tables and
// their indexes are the platform's own (its migrations make them), and what an order leaves
// in them is the same in number and in bytes, column by column, which a test compares.
//
// It is run in one of two styles. An order for which nobody conducts:
//
//	step             database   one commit of                 rows of one order (+ new, ~ changed, - deleted)
//	accept           order      requests that wait            + orders, + journal OrderCreated, + job order_deadlines, + idempotency
//	want payment     payment    a batch of OrderCreated       + payment, + job payment_charges; ~ position
//	claim            payment    a batch of jobs               ~ job
//	call             simulator  POST /charges, over HTTP      + call, + charge
//	record           payment    what was answered             + attempt, + entry, ~ payment, + journal PaymentProcessed, - job
//	note it is paid  order      a batch of PaymentProcessed   ~ orders; ~ position
//	reserve stock    inventory  a batch of PaymentProcessed   ~ stock, + reservation, + journal InventoryUpdated; ~ position
//	confirm          order      a batch of InventoryUpdated   ~ orders, + journal OrderConfirmed, - job order_deadlines; ~ position
//	want shipment    shipping   a batch of InventoryUpdated   + shipment, + job shipping_labels; ~ position
//	claim            shipping   a batch of jobs               ~ job
//	record           shipping   labels, made in the process   ~ shipment, + journal OrderShipped, - job
//	complete         order      a batch of OrderShipped       ~ orders, + journal OrderCompleted; ~ position, ~ drawn
//	part with stock  inventory  a batch of OrderCompleted     ~ reservation, ~ stock, + movement (if tracked); ~ position
//
// One that the order service conducts, whose commands lie in its journal among the facts:
//
//	step             database   one commit of                  rows of one order
//	accept           order      requests that wait             + orders, + saga, + journal OrderCreated and ReserveStock, + job order_deadlines, + idempotency
//	reserve stock    inventory  a batch of ReserveStock        ~ stock, + reservation, + journal InventoryUpdated; ~ position
//	ask for a hold   order      a batch of InventoryUpdated    ~ orders, ~ saga, + journal AuthorizePayment; ~ position
//	want hold        payment    a batch of AuthorizePayment    + payment, + job payment_charges; ~ position
//	claim            payment    a batch of jobs                ~ job
//	call             simulator  POST /authorizations           + call, + hold
//	record           payment    what was answered              + attempt, ~ payment, + journal PaymentAuthorized, - job
//	ask for capture  order      a batch of PaymentAuthorized   ~ orders, ~ saga, + journal CapturePayment; ~ position
//	want capture     payment    a batch of CapturePayment      ~ payment, + job payment_charges; ~ position
//	claim            payment    a batch of jobs                ~ job
//	call             simulator  POST …/capture                 + call, + charge
//	record           payment    what was answered              + attempt, + entry, ~ payment, + journal PaymentProcessed, - job
//	confirm          order      a batch of PaymentProcessed    ~ orders, ~ saga, + journal OrderConfirmed and ShipOrder, ~ job order_deadlines; ~ position
//	want shipment    shipping   a batch of ShipOrder           + shipment, + job shipping_labels; ~ position
//	claim            shipping   a batch of jobs                ~ job
//	record           shipping   labels, made in the process    ~ shipment, + journal OrderShipped, - job
//	complete         order      a batch of OrderShipped        ~ orders, ~ saga, + journal OrderCompleted, - job order_deadlines; ~ position, ~ drawn
//	part with stock  inventory  a batch of OrderCompleted      ~ reservation, ~ stock, + movement (if tracked); ~ position
//
// And of either, by readers that rest for 200 ms after a batch, for nobody waits for them:
//
//	count a sale     analytics     a batch of OrderCreated,      + sale; ~ position
//	count its end                  OrderCompleted, or both       ~ sale; once in a batch ~ tally, ~ revenue, ~ product
//	tell: created    notification  a batch of OrderCreated       + notification; ~ position
//	tell: paid       notification  a batch of PaymentProcessed   + notification; ~ position
//	tell: shipped    notification  a batch of OrderShipped       + notification; ~ position
//
// That is 23 new rows, 11 changed and 3 deleted, in 8 databases (the product's is only read,
// for names and prices, which are remembered for a second), 11 hops and 2 queues; 33
// statements in the services' databases, without those of which there is one in a batch.
// Conducted it is 33 new rows, 20 changed and 4 deleted, 13 hops and 50 statements.
// Commits are in groups of what has arrived, each change in a savepoint, with
// synchronous=FULL. The customer's door reads the same JSON, stores the answer under the
// idempotency key, and shows ended orders in pages.
//
// What the platform does and the twin does not, and what therefore is the price that the
// table shows: validation, the check of the user, a look for a stored answer; decisions
// (the twin never reads a row before it changes it), that a fact which comes again counts
// once, sales whose end comes first; what fails and what ends an order otherwise (three
// more readers of what is said about it find nothing to do, as does the deadline's worker);
// what becomes of the catalogue and of users (four readers); where an order is conducted, the
// rules of its saga and of two-step payments, and the removal of old commands; what begins later: parcels
// that move, reservations that expire, the comparison with the provider's ledger; its
// breaker; leases, fences, owners, careful mode; 16 partitions and not 1; spans in traces
// (the twin copies one trace into all rows of an order); metrics; changes that are revoked
// or run again.
package twin
