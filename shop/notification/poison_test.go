package notification

import (
	"fmt"
	"testing"
	"time"

	smtpd "github.com/emersion/go-smtp"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
)

// Whatever a server says against one customer's mails, however many: those of the others
// leave, and what is to be tried again is in nobody's hand until then.
func TestPoison(t *testing.T) {
	const bad, good = 200, 50
	const poisoned = "joerg@example.com"
	orderOf := func(user string) func(string) message.Kind {
		return func(id string) message.Kind { return contract.OrderCreated{OrderID: id, UserID: user} }
	}
	for _, c := range []struct {
		name string
		at   string
		says error
		want string // what becomes of his mails
	}{
		{"nobody may write to him", poisoned, reply(550, smtpd.EnhancedCode{5, 7, 1}, "no"), "failed/refused"},
		{"grey list", poisoned, reply(450, smtpd.EnhancedCode{4, 7, 1}, "come again"), "queued/"},
		{"too many errors", poisoned, reply(421, smtpd.EnhancedCode{4, 7, 0}, "bye"), "queued/"},
		{"spam", "DATA " + poisoned, reply(554, smtpd.EnhancedCode{5, 7, 1}, "spam"), "queued/"},
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, plain %v", c.name, plain), func(t *testing.T) {
				p := &post{says: map[string]error{c.at: c.says}, plain: plain}
				s := start(t, nil)
				s.Mailer = serve(t, p, "smtp://HOST?starttls=never", nil)
				for i := range bad {
					s.hears(t, fmt.Sprintf("bad%d", i), orderOf("2"))
				}
				s.begin(t, "one")
				await(t, "an answer to each of his mails", 20*time.Second, func() bool {
					p.mu.Lock()
					defer p.mu.Unlock()
					return p.refusals >= bad
				})
				for i := range good {
					s.hears(t, fmt.Sprintf("good%d", i), orderOf("1"))
				}
				await(t, "the mails of others", 20*time.Second, func() bool {
					return s.column(t, `SELECT CAST(COUNT(*) AS TEXT) FROM notification WHERE subject LIKE 'good%' AND status = 'sent'`) == fmt.Sprint(good)
				})
				if got := s.gate.state(); got != 0 {
					t.Errorf("the breaker is in state %d", got)
				}
				if got := s.column(t, `SELECT DISTINCT status || '/' || reason FROM notification WHERE subject LIKE 'bad%'`); got != c.want {
					t.Errorf("his mails are %s, want %s", got, c.want)
				}
				p.mu.Lock()
				p.says[c.at] = nil
				p.mu.Unlock()
				if c.want != "queued/" {
					return
				}
				await(t, "a moment with none in hand", 20*time.Second, func() bool {
					return s.column(t, `SELECT CAST(COUNT(*) AS TEXT) FROM job WHERE lease <> ''`) == "0"
				})
				await(t, "his mails, once they are taken", 20*time.Second, func() bool { return len(s.jobs(t)) == 0 })
			})
		}
	}
}
