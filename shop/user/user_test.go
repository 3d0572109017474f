package user

import (
	"slices"
	"strings"
	"testing"
)

func TestFaults(t *testing.T) {
	good := User{ID: "u-1", Name: "John Doe", Email: "john@example.com"}
	for _, c := range []struct {
		name string
		set  func(*User)
		want string // the field that is not acceptable, and why; "" for none
	}{
		{"plain", func(*User) {}, ""},
		{"longest name", func(u *User) { u.Name = strings.Repeat("é", 200) }, ""},
		{"name of another script", func(u *User) { u.Name = "山田 太郎" }, ""},
		{"joined emoji", func(u *User) { u.Name = "👩‍💻" }, ""},
		{"tagged address", func(u *User) { u.Email = "j.o'hn+shop@mail.example.co.uk" }, ""},
		{"own domain", func(u *User) { u.Email = "root@localhost" }, ""},
		{"address of another script", func(u *User) { u.Email = "用户@例子.广告" }, ""},
		{"no name", func(u *User) { u.Name = "" }, "name no-name"},
		{"blank name", func(u *User) { u.Name = " \u00a0 " }, "name no-name"},
		{"name too long", func(u *User) { u.Name = strings.Repeat("é", 201) }, "name name-too-long"},
		{"header in a name", func(u *User) { u.Name = "a\r\nBcc: x@example.com" }, "name bad-name"},
		{"tab", func(u *User) { u.Name = "a\tb" }, "name bad-name"},
		{"escape", func(u *User) { u.Name = "a\x1b[2J" }, "name bad-name"},
		{"C1 control", func(u *User) { u.Name = "a\u0085b" }, "name bad-name"},
		{"line separator", func(u *User) { u.Name = "a\u2028b" }, "name bad-name"},
		{"no address", func(u *User) { u.Email = "" }, "email no-email"},
		{"no @", func(u *User) { u.Email = "john" }, "email bad-email"},
		{"no domain", func(u *User) { u.Email = "john@" }, "email bad-email"},
		{"no local part", func(u *User) { u.Email = "@example.com" }, "email bad-email"},
		{"two", func(u *User) { u.Email = "a@example.com, b@example.com" }, "email bad-email"},
		{"with a name", func(u *User) { u.Email = "John <john@example.com>" }, "email bad-email"},
		{"in brackets", func(u *User) { u.Email = "<john@example.com>" }, "email bad-email"},
		{"with a comment", func(u *User) { u.Email = "john@example.com (x)" }, "email bad-email"},
		{"quoted", func(u *User) { u.Email = `"a b"@example.com` }, "email bad-email"},
		{"space", func(u *User) { u.Email = " john@example.com" }, "email bad-email"},
		{"header in an address", func(u *User) { u.Email = "john@example.com\r\nBcc: x@example.com" }, "email bad-email"},
		{"IP address", func(u *User) { u.Email = "john@[127.0.0.1]" }, "email bad-email"},
		{"dots", func(u *User) { u.Email = "john@example..com" }, "email bad-email"},
		{"hyphen", func(u *User) { u.Email = "john@-example.com" }, "email bad-email"},
		{"underscore", func(u *User) { u.Email = "john@ex_ample.com" }, "email bad-email"},
		{"long address", func(u *User) { u.Email = "john@" + strings.Repeat("a.", 130) + "com" }, "email email-too-long"},
		{"long local part", func(u *User) { u.Email = strings.Repeat("a", 65) + "@example.com" }, "email email-too-long"},
		{"no id", func(u *User) { u.ID = "" }, "id bad-id"},
		{"path as id", func(u *User) { u.ID = "../1" }, "id bad-id"},
		{"parent as id", func(u *User) { u.ID = ".." }, "id bad-id"},
		{"long id", func(u *User) { u.ID = strings.Repeat("a", 101) }, "id bad-id"},
		{"letter of another script in id", func(u *User) { u.ID = "é" }, "id bad-id"},
	} {
		u := good
		c.set(&u)
		var got []string
		for _, f := range u.faults() {
			got = append(got, f.Field, f.Cause)
		}
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: got faults %v, want %v", c.name, got, want)
		}
	}
}

func TestWith(t *testing.T) {
	was := User{ID: "u", Name: "John", Email: "john@example.com", Role: customer, Version: 3}
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		name  string
		c     change
		want  User
		fault string // the field that is not acceptable
	}{
		{"nothing", change{}, was, ""},
		{"name", change{Name: text("Jo")}, User{ID: "u", Name: "Jo", Email: "john@example.com", Role: customer, Version: 3}, ""},
		{"both", change{Name: text("Jo"), Email: text("jo@example.com")}, User{ID: "u", Name: "Jo", Email: "jo@example.com", Role: customer, Version: 3}, ""},
		{"no name", change{Name: text(" ")}, User{}, "name"},
		{"header in a name", change{Name: text("Jo\r\nBcc: x@example.com")}, User{}, "name"},
		{"no address", change{Email: text("")}, User{}, "email"},
		{"header in an address", change{Email: text("jo@example.com\nBcc: x@example.com")}, User{}, "email"},
	} {
		got, faults := was.with(c.c)
		switch {
		case c.fault == "" && (got != c.want || len(faults) > 0):
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, faults, c.want)
		case c.fault != "" && (len(faults) != 1 || faults[0].Field != c.fault):
			t.Errorf("%s: got %v, want a fault of the %s", c.name, faults, c.fault)
		}
	}
}
