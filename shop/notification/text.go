package notification

import (
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"strings"
	"sync"
	text "text/template"
	"unicode"

	"github.com/tidewire/tidewire/shop/money"
)

//go:embed templates/*
var folder embed.FS

// A Text is a notification as it is read. Plain and HTML say the same.
type Text struct {
	Subject     string // one line
	Plain, HTML string
}

// A page is what templates see. All of it is text to be escaped.
type page struct {
	Subject, Shop, Name, User, Order string
	Amount, Total                    string // of this event; of the order
	Lines                            []item
	Carrier, Tracking, Reason        string
}

type item struct {
	Quantity    int64
	Name, Total string
}

// page returns what the templates of n see.
func (n notification) page(name, shop string) page {
	of := n.order
	if n.template == created {
		of = n.facts
	}
	p := page{Shop: oneLine(shop), Name: oneLine(name), User: n.user, Order: n.orderID(),
		Amount: amount(n.facts.Amount, n.facts.Currency), Total: amount(of.Amount, of.Currency),
		Carrier: n.facts.Carrier, Tracking: n.facts.Tracking, Reason: n.facts.Reason}
	for _, l := range of.Lines {
		p.Lines = append(p.Lines, item{l.Quantity, oneLine(l.Name), amount(l.Quantity*l.Price, of.Currency)})
	}
	return p
}

func amount(minor int64, currency string) string {
	if currency == "" {
		return ""
	}
	return money.Format(minor, currency) + " " + currency
}

// oneLine makes one line of what others have written: in a header or a plain text, what
// follows a line's end would be taken for something else.
func oneLine(s string) string {
	ends := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), ends), " ")
}

// texts are the templates, read once.
type texts struct {
	once  sync.Once
	plain map[template]*text.Template
	rich  map[template]*html.Template
	err   error
}

func (t *texts) read() error {
	t.once.Do(func() {
		t.plain, t.rich = map[template]*text.Template{}, map[template]*html.Template{}
		for _, name := range templates() {
			var inPlain, inRich error
			t.plain[name], inPlain = text.ParseFS(folder, "templates/layout.txt", fmt.Sprintf("templates/%s.txt", name))
			t.rich[name], inRich = html.ParseFS(folder, "templates/layout.html", fmt.Sprintf("templates/%s.html", name))
			t.err = errors.Join(t.err, inPlain, inRich)
		}
	})
	return t.err
}

// subject writes the subject of n alone.
func (t *texts) subject(n notification, shop string) (string, error) {
	if err := t.read(); err != nil {
		return "", err
	}
	return execute(t.plain[n.template], "subject", n.page("", shop))
}

// write writes n to somebody.
func (t *texts) write(n notification, name, shop string) (w Text, err error) {
	if err := t.read(); err != nil {
		return w, err
	}
	p := n.page(name, shop)
	if w.Subject, err = execute(t.plain[n.template], "subject", p); err != nil {
		return w, err
	}
	p.Subject = w.Subject
	if w.Plain, err = execute(t.plain[n.template], "mail", p); err != nil {
		return w, err
	}
	w.HTML, err = execute(t.rich[n.template], "mail", p)
	return w, err
}

// execute runs one of the templates of a set, of text or of HTML.
func execute(set interface {
	ExecuteTemplate(w io.Writer, name string, data any) error
}, name string, p page) (string, error) {
	var b strings.Builder
	err := set.ExecuteTemplate(&b, name, p)
	return b.String(), err
}
