// Package rabbitmq has RabbitMQ hand out the work of queues, and carry questions and replies.
//
// The table job of the service stays the truth: a row is there from the commit that asked for
// the work to the commit that settles it. The server says who gets it next:
//
//	Tx.Send ──► row ──► forwarder ──► queue service_work ──► consumer ──► Take ──► handler
//	             ▲        (published, confirmed)   (acknowledged after Take) │
//	             └───────── retry, or dead ◄── Settle deletes the row ◄──────┘
//
// What follows from it:
//
//   - Nothing is lost with the server: a wiped one is filled again, and while none can be
//     reached for patience, workers take rows from the table.
//   - Nothing is done twice: of all copies of a message, Take gives one to a worker, under a
//     lease in the row. A copy whose row is done, or out, or not due, is acknowledged and gone.
//   - What is scheduled, retried or dead lies in the table, where operators look for it.
//   - A message of another program, which has no row, is given one before it is acknowledged,
//     once for each message_id.
//
// Two platforms must not share a vhost: each would take the other's copies for old ones.
package rabbitmq
