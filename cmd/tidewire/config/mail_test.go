package config

import (
	"strings"
	"testing"
)

// EMAIL_USER and EMAIL_PASS sign in at a server that is named elsewhere, and nowhere else.
func TestEmailUser(t *testing.T) {
	t.Chdir(t.TempDir())
	both := []string{"EMAIL_USER=shop@example.com", "EMAIL_PASS=hush"}
	for _, c := range []struct {
		name    string
		environ []string
		mail    string
		want    string
		warning string
	}{
		{"no server", both, "", "", "EMAIL_USER is set, but no mail server is: ignored; set mail=smtp://HOST"},
		{"a server", both, "smtp://mail:587?starttls=auto", "smtp://shop%40example.com:hush@mail:587?starttls=auto", "EMAIL_USER and EMAIL_PASS are used to sign in at the mail server"},
		{"a server that names somebody", both, "smtp://me:mine@mail", "smtp://me:mine@mail", ""},
		{"nothing of it", nil, "smtp://mail", "smtp://mail", ""},
	} {
		l, err := Load(Source{Environ: c.environ, Set: []string{"mail=" + c.mail}})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := strings.Join(l.Warnings, " "); l.Mail != c.want || got != c.warning {
			t.Errorf("%s: got %q and %q, want %q and %q", c.name, l.Mail, got, c.want, c.warning)
		}
		for _, v := range l.Values {
			if strings.Contains(v.Value, "hush") || strings.Contains(v.Value, "mine") {
				t.Errorf("%s: shows %s", c.name, v.Value)
			}
		}
	}
}

// What is wrong with mail or its sender is said before anything starts, and without the
// password.
func TestMailIsChecked(t *testing.T) {
	t.Chdir(t.TempDir())
	for set, want := range map[string]string{
		"mail=http://u:hush@mail":         "mail: must be smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…",
		"mail=smtp://u:hush@mail?tls=yes": "mail: tls must be once",
		"shop.sender=nobody":              `shop.sender: "nobody" is not NAME <ADDRESS>`,
	} {
		_, err := Load(Source{Set: []string{set}})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want %s", set, err, want)
		}
	}
}
