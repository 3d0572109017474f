package config

import "net/url"

// The names under which others know how to sign in at a mail server. They say nothing of
// where it is, so that they count only beside a mail that names it, and nobody else.
const (
	emailUser = "EMAIL_USER"
	emailPass = "EMAIL_PASS"
)

// mailUser signs in at the mail server with EMAIL_USER and EMAIL_PASS. Like all such names
// they rank below everything else.
func (l *loader) mailUser(src Source) {
	user, given := lookup(src.Environ, emailUser)
	password, _ := lookup(src.Environ, emailPass)
	if !given {
		return
	}
	u, err := url.Parse(l.loaded.Mail)
	switch {
	case l.loaded.Mail == "":
		l.warn("%s is set, but no mail server is: ignored; set mail=smtp://HOST", emailUser)
	case err != nil || u.Host == "" || u.User != nil: // check finds what is wrong; who is named there is meant
	default:
		l.warn("%s and %s are used to sign in at the mail server", emailUser, emailPass)
		u.User = url.UserPassword(user, password)
		l.loaded.Mail = u.String()
	}
}
