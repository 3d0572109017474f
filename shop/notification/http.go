package notification

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Routes are the customers' door.
func (s *Service) Routes() []door.Route {
	return []door.Route{
		{Pattern: "GET /api/notifications", Handle: s.getList, Query: []string{"orderId", "userId", "limit", "cursor"}},
		{Pattern: "GET /api/notifications/{id}", Handle: s.getOne},
	}
}

// A document is a notification as it is shown. One that has not left is written when it is
// looked at, to the address that its user has then.
type document struct {
	ID       string    `json:"id"`
	OrderID  string    `json:"orderId,omitempty"`
	To       string    `json:"to"` // "" if it is not known whose it is, or he is gone
	Channel  string    `json:"channel"`
	Template template  `json:"template"`
	Subject  string    `json:"subject"`
	Status   status    `json:"status"`
	Reason   string    `json:"reason,omitempty"` // why it failed
	At       time.Time `json:"at"`
}

// A full document has the texts, too.
type full struct {
	document
	Text string `json:"text"`
	HTML string `json:"html"`
}

// document shows n, which goes to a contact.
func (n notification) document(to contract.Contact, subject string) document {
	d := document{ID: n.id(), OrderID: n.orderID(), To: to.Email, Channel: "email", Template: n.template,
		Subject: subject, Status: n.status, Reason: n.reason, At: n.at}
	if n.recipient != "" {
		d.To = n.recipient
	}
	if !n.settled.IsZero() {
		d.At = n.settled
	}
	// Nobody tries to send what is only stored: that its user is gone shows here.
	if n.status == stored && n.user != "" && to.Email == "" {
		d.Status, d.Reason = failed, noRecipient
	}
	return d
}

func (s *Service) getList(r *http.Request) (door.Answer, error) {
	w, err := wished(r)
	if err != nil {
		return door.Answer{}, err
	}
	limit := w.limit
	w.limit++ // whether there is more
	var found []notification
	err = s.DB.View(r.Context(), func(tx *store.Tx) (err error) {
		found, err = list(tx, w)
		return err
	})
	if err != nil {
		return door.Answer{}, err
	}
	page := door.List[document]{Items: []document{}}
	if len(found) > limit {
		found = found[:limit]
		page.Next = door.Cursor(found[limit-1].place().String())
	}
	to, err := s.contacts(r.Context(), found)
	if err != nil {
		return door.Answer{}, err
	}
	for _, n := range found {
		subject, err := s.texts.subject(n, s.Shop)
		if err != nil {
			return door.Answer{}, err
		}
		page.Items = append(page.Items, n.document(to[n.user], subject))
	}
	return door.Answer{Body: page}, nil
}

func (s *Service) getOne(r *http.Request) (door.Answer, error) {
	subject, t, ok := parseID(r.PathValue("id"))
	if !ok || !door.ValidID(subject) {
		return door.Answer{}, door.NotFound("notification")
	}
	n, err := s.find(r.Context(), letter{Subject: subject, Template: t})
	if errors.Is(err, ErrUnknown) {
		return door.Answer{}, door.NotFound("notification")
	}
	if err != nil {
		return door.Answer{}, err
	}
	to, err := s.contacts(r.Context(), []notification{n})
	if err != nil {
		return door.Answer{}, err
	}
	text, err := s.texts.write(n, to[n.user].Name, s.Shop)
	return door.Answer{Body: full{n.document(to[n.user], text.Subject), text.Plain, text.HTML}}, err
}

// contacts returns how the users of notifications are to be written to, by their ids.
func (s *Service) contacts(ctx context.Context, of []notification) (map[string]contract.Contact, error) {
	var ids []string
	for _, n := range of {
		if n.user != "" {
			ids = append(ids, n.user)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	to := map[string]contract.Contact{}
	if len(ids) == 0 {
		return to, nil
	}
	found, err := s.Contacts.Contact(ctx, ids)
	for _, c := range found {
		to[c.UserID] = c
	}
	return to, err
}

// wished reads which notifications a request asks for.
func wished(r *http.Request) (w wish, err error) {
	var after string
	if w.limit, after, err = door.Page(r); err != nil {
		return w, err
	}
	if w.order, err = door.Query(r, "orderId"); err != nil {
		return w, err
	}
	if w.user, err = door.Query(r, "userId"); err != nil {
		return w, err
	}
	if after != "" {
		w.after, err = parsePlace(after)
	}
	return w, err
}

func (n notification) place() place { return place{n.subject, n.at, string(n.template)} }

// String writes a place for parsePlace.
func (p place) String() string {
	return p.subject + " " + strconv.FormatInt(p.at.UnixMicro(), 10) + " " + p.template
}

func parsePlace(text string) (p place, err error) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 {
		return p, door.BadCursor()
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return p, door.BadCursor()
	}
	return place{parts[0], time.UnixMicro(at), parts[2]}, nil
}
