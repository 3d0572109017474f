package notification

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
)

// A Server is where mails go, and how.
type Server struct {
	Host     string
	Port     int
	User     string // "" for no sign-in
	Password string
	TLS      bool   // from the first byte: smtps
	StartTLS string // auto: where it is offered; required; never
	Lax      bool   // the server's certificate is not checked
}

// ParseServer reads
//
//	smtp://[USER:PASSWORD@]HOST[:25][?starttls=auto|required|never][&verify=false]
//	smtps://[USER:PASSWORD@]HOST[:465][?verify=false]
//
// The default of starttls is auto, and required where there is a password and the host is
// not this one. Errors never repeat the URL, which may hold a password.
func ParseServer(text string) (s Server, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" {
		return s, fmt.Errorf("must be smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…")
	}
	s = Server{Host: u.Hostname(), Port: 25, TLS: u.Scheme == "smtps", StartTLS: "auto", User: u.User.Username()}
	s.Password, _ = u.User.Password()
	if s.TLS {
		s.Port = 465
	}
	if port := u.Port(); port != "" {
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return s, fmt.Errorf("%s is no port", port)
		}
	}
	if s.User != "" && !local(s.Host) {
		s.StartTLS = "required"
	}
	return s, s.options(u.Query())
}

// options reads what stands behind the question mark.
func (s *Server) options(query url.Values) error {
	for name, values := range query {
		switch value := values[0]; {
		case len(values) == 1 && name == "verify" && (value == "true" || value == "false"):
			s.Lax = value == "false"
		case len(values) == 1 && name == "starttls" && !s.TLS && (value == "auto" || value == "required" || value == "never"):
			s.StartTLS = value
		default:
			return fmt.Errorf("%s must be once starttls=auto, required or never (of smtp), or verify=true or false", name)
		}
	}
	return nil
}

// local reports whether what goes to host stays on this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ParseSender reads who mails are from, such as "Tidewire <shop@example.com>".
func ParseSender(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != oneLine(a.Name) {
		return nil, fmt.Errorf("%q is not NAME <ADDRESS>", text)
	}
	return a, nil
}
