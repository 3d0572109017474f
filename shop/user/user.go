package user

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidewire/tidewire/shop/door"
)

// A User is somebody who can order.
type User struct {
	ID      string
	Name    string
	Email   string
	Role    string // customer
	Created time.Time
	Version int64 // 1, and one more with every change
}

const (
	customer = "customer"
	maxName  = 200 // characters
	maxEmail = 254 // bytes, by RFC 5321 with its erratum 1690
	maxLocal = 64  // bytes before the @
)

// A change is what somebody wants to be different about a user. What it does not name
// stays as it is.
type change struct {
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

// with returns u as c wants it, or all that is not acceptable about that.
func (u User) with(c change) (User, []door.Field) {
	if c.Name != nil {
		u.Name = *c.Name
	}
	if c.Email != nil {
		u.Email = *c.Email
	}
	return u, u.faults()
}

// digest tells what somebody registers as from anything else.
func (u User) digest() (string, error) { return door.Digest(u.ID, u.Name, u.Email) }

// faults lists what is not acceptable about u.
func (u User) faults() []door.Field {
	var faults []door.Field
	fault := func(field, cause, detail string) {
		if cause != "" {
			faults = append(faults, door.Field{Cause: cause, Field: field, Detail: detail})
		}
	}
	if !door.ValidID(u.ID) {
		fault("id", "bad-id", door.IDRule)
	}
	cause, detail := nameFault(u.Name)
	fault("name", cause, detail)
	cause, detail = emailFault(u.Email)
	fault("email", cause, detail)
	return faults
}

// nameFault returns the cause and detail of what is wrong with a name; "" is nothing.
func nameFault(name string) (cause, detail string) {
	switch {
	case strings.TrimSpace(name) == "":
		return "no-name", "must be given"
	case utf8.RuneCountInString(name) > maxName:
		return "name-too-long", "must have at most 200 characters"
	case !door.OneLine(name):
		return "bad-name", "must be one line, without control characters"
	}
	return "", ""
}

// domain is what RFC 1123 allows, and letters of other scripts.
var domain = regexp.MustCompile(`^[\pL\pN]([\pL\pN-]*[\pL\pN])?(\.[\pL\pN]([\pL\pN-]*[\pL\pN])?)*$`)

// emailFault returns the cause and detail of what is wrong with an address; "" is nothing.
func emailFault(email string) (cause, detail string) {
	if email == "" {
		return "no-email", "must be given"
	}
	at := strings.LastIndexByte(email, '@')
	parsed, err := mail.ParseAddress(email)
	switch {
	case len(email) > maxEmail, at > maxLocal:
		return "email-too-long", "is too long"
	// What ParseAddress returns differs from what it reads where there is a name, a
	// comment or a quoted part: those have no place in an account.
	case err != nil, parsed.Address != email, parsed.Name != "", !door.OneLine(email), !domain.MatchString(email[at+1:]):
		return "bad-email", "must be an e-mail address such as john@example.com"
	}
	return "", ""
}
