package notification

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// ErrUnknown: there is no such notification.
var ErrUnknown = errors.New("no such notification")

// A template is a kind of notification. Its texts are in the folder templates.
type template string

const (
	welcome       template = "welcome"
	created       template = "created"
	paid          template = "paid"
	shipped       template = "shipped"
	delivered     template = "delivered"
	cancelled     template = "cancelled"
	paymentFailed template = "payment_failed"
	outOfStock    template = "out_of_stock"
	orderFailed   template = "failed" // for any other reason
	refunded      template = "refunded"
)

// templates are all there are.
func templates() []template {
	return []template{welcome, created, paid, shipped, delivered, cancelled, paymentFailed, outOfStock, orderFailed, refunded}
}

// ending is the template for an order that failed for a reason.
func ending(reason string) template {
	switch reason {
	case contract.PaymentDeclined, contract.PaymentUnavailable:
		return paymentFailed
	case contract.OutOfStock:
		return outOfStock
	}
	return orderFailed
}

// A status is where a notification stands.
type status string

const (
	stored  status = "stored"  // to be shown; none leaves
	waiting status = "waiting" // for its order's OrderCreated
	queued  status = "queued"  // it has a job
	held    status = "held"    // it was to leave when mail was turned off, and does if that is turned on in time
	sent    status = "sent"
	failed  status = "failed"
)

// The reasons for which a mail fails.
const (
	noRecipient = "no_recipient" // the user is gone, or has no address
	refused     = "refused"      // the recipient, by the server, for good
	expired     = "expired"      // the server did not take it within horizon
)

// horizon is how long a mail is tried. Who gets it later would wonder.
const horizon = 3 * 24 * time.Hour

// A notification is a message to a person.
type notification struct {
	subject   string // the order; of a welcome, the user
	template  template
	user      string // whom it goes to; "" is not known yet
	facts     facts
	order     facts // of the order's OrderCreated; zero where that has not come
	status    status
	recipient string
	reason    string
	at        time.Time // of the event
	settled   time.Time // zero: not yet
}

// facts are what an event said that its text needs. Most are empty.
type facts struct {
	Lines    []line `json:"lines,omitempty"`
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	Carrier  string `json:"carrier,omitempty"`
	Tracking string `json:"tracking,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// A line is one product of an order; there is a row of them for every order, so it is
// stored in few bytes.
type line struct {
	Name     string `json:"n"`
	Quantity int64  `json:"q"`
	Price    int64  `json:"p"`
}

func lines(of []contract.Line) []line {
	short := make([]line, len(of))
	for i, l := range of {
		short[i] = line{l.Name, l.Quantity, l.UnitPrice}
	}
	return short
}

// id names a notification, for people and for its job.
func (n notification) id() string { return n.subject + "." + string(n.template) }

// parseID reads what id has written. Templates have no dots in their names.
func parseID(id string) (subject string, t template, ok bool) {
	dot := strings.LastIndexByte(id, '.')
	if dot < 0 || !slices.Contains(templates(), template(id[dot+1:])) {
		return "", "", false
	}
	return id[:dot], template(id[dot+1:]), true
}

// orderID is the order that n is about; "" for none.
func (n notification) orderID() string {
	if n.template == welcome {
		return ""
	}
	return n.subject
}

// messageID is the left part of the Message-ID of n: the same whenever n is sent, also by
// a database that heard of its event once more, and not that of the same order in another
// shop.
func (n notification) messageID() string {
	sum := sha256.Sum256([]byte(n.id() + " " + n.at.UTC().Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:16])
}

const (
	soonest = 2 * time.Second
	latest  = 10 * time.Minute
)

// backoff draws the wait before a mail of some age is tried again: half its age again, so
// that the tries grow apart, and a quarter more or less.
func backoff(age time.Duration) time.Duration {
	d := min(max(age/2, soonest), latest)
	return d*3/4 + rand.N(d/2)
}
