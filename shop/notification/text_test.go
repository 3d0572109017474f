package notification

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/shop/contract"
)

func update() bool {
	return flag.Lookup("update") != nil && flag.Lookup("update").Value.String() == "true"
}

var _ = flag.Bool("update", false, "write the golden files anew")

// examples are one notification of every kind, and some of different texts.
func examples() map[string]notification {
	order := facts{Amount: 125000, Currency: "USD", Lines: []line{{"Laptop <15″> & case", 1, 120000}, {"Mouse", 2, 2500}}}
	all := map[string]notification{}
	for _, k := range templates() {
		n := notification{subject: "o-1", template: k, user: "1", order: order}
		switch k {
		case welcome:
			n.subject, n.order = "1", facts{}
		case created:
			n.facts, n.order = order, facts{}
		case paid, refunded:
			n.facts = facts{Amount: 125000, Currency: "USD"}
		case shipped:
			n.facts = facts{Carrier: "tidewire-courier", Tracking: "TW1"}
		case delivered:
			n.facts = facts{Tracking: "TW1"}
		case paymentFailed:
			n.facts.Reason = contract.PaymentDeclined
		case orderFailed:
			n.facts.Reason = contract.TimedOut
		}
		all[string(k)] = n
	}
	away := all["payment_failed"]
	away.facts.Reason = contract.PaymentUnavailable
	all["payment_failed-unavailable"] = away
	early := all["shipped"]
	early.order, early.user = facts{}, ""
	all["shipped-early"] = early
	return all
}

// The texts are what they were when somebody last read them. Run with -update to write
// them anew, and read them.
func TestTexts(t *testing.T) {
	var all texts
	for name, n := range examples() {
		w, err := all.write(n, "Ada Lovelace", "Tidewire")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for ending, got := range map[string]string{".txt": "Subject: " + w.Subject + "\n\n" + w.Plain, ".html": w.HTML} {
			file := filepath.Join("testdata", name+ending)
			if update() {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("%s is another text (%v):\n%s", file, err, got)
			}
		}
		if s, err := all.subject(n, "Tidewire"); s != w.Subject || err != nil {
			t.Errorf("%s: the subject alone is %q, %v", name, s, err)
		}
	}
}

// What others have written does nothing in a mail but stand there.
func TestTextsAreSafe(t *testing.T) {
	const evil = "Eve</td><script>alert(1)</script>\r\nBcc: all@example.com\u2028{{.Shop}}"
	var all texts
	n := examples()["created"]
	n.facts.Lines[0].Name = evil
	w, err := all.write(n, evil, evil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.HTML, "<script") || strings.Contains(w.HTML, "Eve</td>") {
		t.Errorf("HTML: %s", w.HTML)
	}
	if strings.ContainsAny(w.Subject, "\r\n") || regexp.MustCompile(`(?m)^Bcc`).MatchString(w.Plain) {
		t.Errorf("subject %q, text:\n%s", w.Subject, w.Plain)
	}
	if strings.Count(w.Plain, "{{.Shop}}") != 3 {
		t.Errorf("a name is read as a template:\n%s", w.Plain)
	}
}

// HTML mail is for old programs, too: nothing is fetched, nothing runs, styles are inline.
func TestHTMLIsPlain(t *testing.T) {
	var all texts
	for name, n := range examples() {
		w, err := all.write(n, "Ada", "Tidewire")
		if err != nil {
			t.Fatal(err)
		}
		for _, no := range []string{"<img", "<link", "<style", "<script", "http://", "https://", "class=", "flex", "grid"} {
			if strings.Contains(w.HTML, no) {
				t.Errorf("%s has %s", name, no)
			}
		}
		if !strings.Contains(w.HTML, `width="600"`) || strings.Count(w.HTML, "<table") != strings.Count(w.HTML, "</table>") {
			t.Errorf("%s is not one table of 600 pixels:\n%s", name, w.HTML)
		}
	}
}
