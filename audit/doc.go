// Package audit proves the platform's promises on the data that it stored. It imports
// no other package of the platform and has SQL of its own, so that it does not share
// their mistakes. It only reads.
//
// It may run beside a live platform. The databases of the services are read one after
// the other, and work is on its way between them, so the order of reading is part of
// the proof:
//
//	the client's ledger
//	then every position and the provider's last call        the marks
//	then a snapshot of order, shipping, inventory, payment, the provider, and the rest
//
// A snapshot is later than the marks, so a message at or below a mark has had its effect
// in every snapshot, and every position has its message in the log. What an order
// causes downstream is read upstream-last, so that a cause is never missing because it
// was read too early. On PostgreSQL there is one snapshot of all.
//
// An obligation that is not fulfilled (an order that has not ended, money that has not
// gone back) is no violation as long as somebody owns it: a job of the order, a parked
// message, or a message above a mark. No clock decides that. That work moves is another
// promise: what is overdue is looked at twice, two seconds apart, and is stuck if it
// did not move.
//
// Each column that an event decides is compared with that event, for the journals of events
// are kept for ever; what money moved when, with the provider's ledger. Three times are
// borne by one row only, and are held between what was before and what came after them: when
// the carrier comes for a parcel (its label is not kept), when goods came, were counted or
// were there first, and when an order was last changed. Who carries a parcel that was recalled
// before its label was there is said nowhere either.
//
// What cannot be read (a database, a table, the provider's ledger) is a violation: a
// promise is not kept because nobody can look. Without the provider's ledger that is one
// violation, and what would be compared with it is not checked: it says nothing of any
// order.
package audit
