// Package notification tells people what becomes of their orders.
//
//	owns       notifications
//	publishes  NotificationSent, NotificationFailed
//	consumes   UserRegistered; OrderCreated, OrderFailed, OrderCancelled; PaymentProcessed,
//	           PaymentRefunded; OrderShipped, ShipmentDelivered
//
// Service.Streams is the one table of who is told what after which event. An order ends
// once, by its own OrderFailed or OrderCancelled, and that event's reason chooses the text:
// who followed PaymentFailed and InventoryUpdateFailed would tell some people twice, and
// those who cancelled meanwhile the wrong thing.
//
// Without a mail server a notification is stored, and shown: one row, and nothing else.
// Text and address are made when somebody looks. With one:
//
//	event ─► queued, with a job ─► sent ──► NotificationSent
//	  │        ▲                └► failed ► NotificationFailed: no_recipient, refused, expired
//	  └► waiting: the order's OrderCreated, which says whose it is, is in another log and
//	     comes later. It queues what waits. Nothing polls.
//
// Turned off, mail leaves nothing that waits for nobody: what was queued or waiting is held.
// It has no job, is shown, and goes back to where it was if there is a mail server again
// within three days of its event; after that it is stored.
//
// Promises: an event is told once, for it is one row. A mail is given to the server until
// the server takes it, refuses its recipient for good, or three days are over. What it says
// of one mail, of the recipient or the text, keeps back no other. A server that is slow,
// hangs or is away makes nobody wait but the mails. Then a breaker opens: the few calls that
// are in hand wait where they are, the other jobs are not touched, and one mail in five
// seconds tries. Two mails of one order may arrive in any order.
//
// A mail that the server has taken is sent again if the process dies, or the connection,
// before that is recorded: SMTP has no key that would prevent it. The second has the same
// Message-ID, by which most mailboxes know it.
package notification
