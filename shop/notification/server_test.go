package notification

import (
	"strings"
	"testing"
)

func TestParseServer(t *testing.T) {
	for text, want := range map[string]Server{
		"smtp://mail":                                {Host: "mail", Port: 25, StartTLS: "auto"},
		"smtp://127.0.0.1:13025":                     {Host: "127.0.0.1", Port: 13025, StartTLS: "auto"},
		"smtp://u:p%40ss@mail:587":                   {Host: "mail", Port: 587, User: "u", Password: "p@ss", StartTLS: "required"},
		"smtp://u:p@localhost":                       {Host: "localhost", Port: 25, User: "u", Password: "p", StartTLS: "auto"},
		"smtp://u:p@[::1]:26/":                       {Host: "::1", Port: 26, User: "u", Password: "p", StartTLS: "auto"},
		"smtp://u:p@mail?starttls=never":             {Host: "mail", Port: 25, User: "u", Password: "p", StartTLS: "never"},
		"smtp://mail?starttls=required&verify=false": {Host: "mail", Port: 25, StartTLS: "required", Lax: true},
		"smtps://mail?verify=true":                   {Host: "mail", Port: 465, TLS: true, StartTLS: "auto"},
	} {
		if got, err := ParseServer(text); got != want || err != nil {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "mail", "mail:25", "http://mail", "smtp://", "smtp://mail:0", "smtp://mail:65536", "smtp://mail:x", "smtp://mail/path", "smtp://mail#x",
		"smtp://mail?starttls=yes", "smtp://mail?tls=1", "smtps://mail?starttls=auto", "smtp://mail?verify=no", "smtp://u:hush@mail?verify=true&verify=true", "smtp://u:hush@mail:port"} {
		if got, err := ParseServer(text); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
}

func TestParseSender(t *testing.T) {
	if a, err := ParseSender("Käse & Co <shop@example.com>"); err != nil || a.Name != "Käse & Co" || a.Address != "shop@example.com" {
		t.Errorf("got %v, %v", a, err)
	}
	if a, err := ParseSender("shop@localhost"); err != nil || a.Name != "" {
		t.Errorf("got %v, %v", a, err)
	}
	for _, text := range []string{"", "shop", "a@b, c@d", "Shop <shop@example.com>\r\nBcc: x@example.com"} {
		if a, err := ParseSender(text); err == nil {
			t.Errorf("%q: got %v", text, a)
		}
	}
}
