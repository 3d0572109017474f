package notification

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/shop/contract"
)

func sender(t *testing.T) *mail.Address {
	t.Helper()
	a, err := ParseSender("Käse & Co <shop@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// setting is what `scripts/servers env mail` says.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skip(name + " is not set: no real mail server was tested; run scripts/servers up mail")
	}
	return value
}

// mailbox returns what a real server has for somebody.
func mailbox(t *testing.T, api, address string) (all []*mail.Message) {
	t.Helper()
	resp, err := http.Get(api + "/api/user/" + address + "/messages/INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var found []struct {
		Source string `json:"mimeMessage"`
	}
	if resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusNotFound {
		return nil // nobody has written to him yet
	}
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	for _, f := range found {
		m, err := mail.ReadMessage(strings.NewReader(f.Source))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// parts returns the texts of a mail by their types.
func parts(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	all := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || !strings.EqualFold(params["charset"], "utf-8") || p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("%v, %v", p.Header, err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		all[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
}

// A mail arrives at a real server as it was written.
func TestMailArrives(t *testing.T) {
	url, api := setting(t, "TIDEWIRE_TEST_MAIL"), setting(t, "TIDEWIRE_TEST_MAIL_API")
	server, err := ParseServer(url)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, nil)
	s.Mailer = NewSMTP(server, sender(t))
	address := uuid.NewString() + "@example.com"
	s.Contacts = &book{people: map[string]contract.Contact{"1": {UserID: "1", Name: "Zoë \"Z\" Ünal\r\nBcc: x@example.com", Email: address}}}
	s.begin(t, "one")
	s.hears(t, "o", accepted)
	await(t, "the mail", time.Minute, func() bool { return s.rows(t, "o") == "created:sent" })
	box := mailbox(t, api, address)
	if len(box) != 1 {
		t.Fatalf("%d mails", len(box))
	}
	n, err := s.find(t.Context(), letter{Subject: "o", Template: created})
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.texts.write(n, "Zoë \"Z\" Ünal Bcc: x@example.com", "Tidewire")
	if err != nil {
		t.Fatal(err)
	}
	got := box[0]
	for header, want := range map[string]string{
		"Message-Id": "<" + n.messageID() + "@example.com>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "Bcc": "", "Subject": want.Subject,
	} {
		if v := got.Header.Get(header); v != want {
			t.Errorf("%s is %q, want %q", header, v, want)
		}
	}
	for header, want := range map[string]mail.Address{
		"From": *sender(t), "To": {Name: "Zoë \"Z\" Ünal Bcc: x@example.com", Address: address},
	} {
		list, err := got.Header.AddressList(header)
		if err != nil || len(list) != 1 || *list[0] != want {
			t.Errorf("%s is %v (%v), want %v", header, list, err, want)
		}
	}
	texts := parts(t, got)
	if len(texts) != 2 || strings.TrimSpace(texts["text/plain"]) != strings.TrimSpace(want.Plain) || strings.TrimSpace(texts["text/html"]) != strings.TrimSpace(want.HTML) {
		t.Errorf("texts are %q", texts)
	}
}

// A greenmail is a mail server of a test's own, to be stopped.
type greenmail struct {
	t         *testing.T
	jar       string
	port, api int
	process   *exec.Cmd
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (g *greenmail) start() {
	g.t.Helper()
	g.process = exec.Command("java", "-Xmx256m", "-Dgreenmail.smtp.hostname=127.0.0.1", fmt.Sprintf("-Dgreenmail.smtp.port=%d", g.port), "-Dgreenmail.auth.disabled",
		"-Dgreenmail.api.hostname=127.0.0.1", fmt.Sprintf("-Dgreenmail.api.port=%d", g.api), "-jar", g.jar)
	if err := g.process.Start(); err != nil {
		g.t.Fatal(err)
	}
	await(g.t, "the mail server", time.Minute, func() bool {
		resp, err := http.Get(g.url() + "/api/service/readiness")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
}

func (g *greenmail) url() string { return fmt.Sprintf("http://127.0.0.1:%d", g.api) }

func (g *greenmail) signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.process.Process.Signal(s); err != nil {
		g.t.Fatal(err)
	}
}

func (g *greenmail) kill() {
	g.signal(syscall.SIGKILL)
	_ = g.process.Wait() // it was killed
}

// A real server hangs, and dies, while orders are placed: they wait for nothing, and every
// mail arrives once the server is there.
func TestServerHangsAndDies(t *testing.T) {
	g := &greenmail{t: t, jar: setting(t, "TIDEWIRE_TEST_MAIL_JAR"), port: freePort(t), api: freePort(t)}
	g.start()
	t.Cleanup(func() { g.kill() })
	server, err := ParseServer(fmt.Sprintf("smtp://127.0.0.1:%d", g.port))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, nil)
	s.Mailer = NewSMTP(server, sender(t))
	s.begin(t, "one")
	orders, arrived := 0, 0
	place := func(n int) {
		begun := time.Now()
		for range n {
			orders++
			s.hears(t, fmt.Sprintf("o%d", orders), accepted)
		}
		if d := time.Since(begun) / time.Duration(n); d > 100*time.Millisecond {
			t.Errorf("an order took %v while the mail server was away", d)
		}
	}
	done := func() bool { return len(s.jobs(t)) == 0 }
	place(20)
	await(t, "the first mails", time.Minute, done)

	g.signal(syscall.SIGSTOP)
	place(50)
	await(t, "the breaker", time.Minute, func() bool { return s.gate.state() == 2 })
	place(50)
	g.signal(syscall.SIGCONT)
	await(t, "what waited for a server that hung", 2*time.Minute, done)

	arrived += len(mailbox(t, g.url(), "ada@example.com"))
	g.kill() // it keeps mails in memory only
	place(50)
	await(t, "the breaker", time.Minute, func() bool { return s.gate.state() == 2 })
	g.start()
	place(10)
	await(t, "what waited for a server that was dead", 2*time.Minute, done)
	arrived += len(mailbox(t, g.url(), "ada@example.com"))

	// A server that hangs may have taken what it did not answer: those come twice, under
	// one Message-ID. None is missing.
	if arrived < orders || arrived > orders+connections {
		t.Errorf("%d mails arrived of %d orders", arrived, orders)
	}
	if got := s.column(t, `SELECT status || CAST(COUNT(*) AS TEXT) FROM notification GROUP BY status`); got != fmt.Sprintf("sent%d", orders) {
		t.Errorf("states are %s", got)
	}
}
