// Package style puts orders of every style through the same faults, and shows that they end
// the same: whether a saga conducts, the services follow each other, or two of them go at
// once, nobody can tell from what is left.
//
//	style × method of payment × stock × when the customer cancels × which service stands still
//
// The services, their databases and the payment provider are the real ones. In place of the
// readers and workers stands a postman, who hands over one message at a time, in an order
// that a seed draws: so that "the customer cancels at each step" is every step, and each
// combination can be had again. In a quarter of them half of the messages come twice.
//
// What is compared is the order, its stock, our postings and the provider's own ledger; and
// whether the customer could still cancel, with a model of what the order had been told.
package style
