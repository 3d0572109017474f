package rabbitmq_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// What cannot be an address is refused in one sentence that holds no secret.
func TestCheck(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"amqp://u:hush@host", ""},
		{"amqp://u:hush@host:1/shop", ""},
		{"amqps://u:hush@host/", ""},
		{"kafka://u:hush@host", "must be empty"},
		{"amqp://u:hush", "must be empty"},
		{"amqp:u:hush@host", "must be empty"},
		{"amqp://u:hu%zzsh@host", "must be empty"},
		{"amqp://u:hush@host?heartbeat=1", `option "heartbeat"`},
		{"amqp://u:hush@host?ca=x", "write amqps://"},
		{"amqps://u:hush@host?ca=/nowhere/ca.pem", "ca: open /nowhere/ca.pem"},
		{"amqps://u:hush@host?ca=/dev/null", "no certificate in /dev/null"},
		{"amqps://u:hush@host?cert=x", "needs both"},
		{"amqps://u:hush@host?cert=/nowhere/c&key=/nowhere/k", "cert and key"},
	} {
		err := rabbitmq.Check(tt.url)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.url, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "hu%zz") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("it tells the password, or is more than a sentence: %v", err)
		}
	}
}

// changed returns the address of the server with something else in it.
func changed(t *testing.T, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

// What will not do better later is an error at once; what may is waited for.
func TestConnectRefused(t *testing.T) {
	secure, tls := os.Getenv("TIDEWIRE_TEST_RABBITMQ_SECURE"), os.Getenv("TIDEWIRE_TEST_RABBITMQ_TLS")
	if secure == "" || tls == "" {
		t.Skip("TIDEWIRE_TEST_RABBITMQ_SECURE is not set: TLS was not tested")
	}
	plain, safe := serverURL(), secure
	for _, tt := range []struct {
		name, url string
		want      string // of Connect; else of Ready
		ready     string
	}{
		{"all is well", plain, "", ""},
		{"all is well, with TLS", safe, "", ""},
		{"wrong password", changed(t, plain, func(u *url.URL) { u.User = url.UserPassword("guest", "hush") }), `does not let "guest" in`, ""},
		{"no such vhost", changed(t, plain, func(u *url.URL) { u.Path = "/none" }), `no vhost "none"`, ""},
		{"an authority that is not known", changed(t, safe, func(u *url.URL) { u.RawQuery = "" }), "name it with ?ca=FILE", ""},
		{"TLS to a port without", changed(t, plain, func(u *url.URL) { u.Scheme, u.RawQuery = "amqps", "ca="+tls+"/ca.pem" }), "does not speak TLS", ""},
		{"no TLS to a port with", changed(t, safe, func(u *url.URL) { u.Scheme, u.RawQuery = "amqp", "" }), "", "write amqps://"},
		{"nobody there", changed(t, plain, func(u *url.URL) { u.Host = "127.0.0.1:1" }), "", "nothing answers at 127.0.0.1:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := rabbitmq.Connect(rabbitmq.Config{URL: tt.url})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
					t.Errorf("connect: %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Ready(); tt.ready == "" && err != nil || tt.ready != "" && (err == nil || !strings.Contains(err.Error(), tt.ready)) {
				t.Errorf("ready: %v, want %q", err, tt.ready)
			}
		})
	}
}

// A user who may not make queues is told which right is missing, and work goes on.
func TestMissingRights(t *testing.T) {
	api := os.Getenv("TIDEWIRE_TEST_RABBITMQ_API")
	if api == "" {
		t.Skip("TIDEWIRE_TEST_RABBITMQ_API is not set: missing rights were not tested")
	}
	user := "t_" + uuid.NewString()[:8]
	call := func(method, path, body string) {
		t.Helper()
		req, err := http.NewRequest(method, api+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Fatalf("%s %s: %s", method, path, resp.Status)
		}
	}
	call("PUT", "/api/users/"+user, `{"password":"hush","tags":""}`)
	t.Cleanup(func() { call("DELETE", "/api/users/"+user, "") })
	call("PUT", "/api/permissions/%2F/"+user, `{"configure":"^$","write":".*","read":".*"}`)
	s := newShop(t, changed(t, serverURL(), func(u *url.URL) { u.User = url.UserPassword(user, "hush") }))
	s.work()
	s.send(1, 10)
	s.wantDone(10)
	var troubles []rabbitmq.Trouble
	storetest.Await(t, "it is said", func() bool { troubles = s.driver.Troubles(); return len(troubles) == 1 })
	if why := troubles[0].Err.Error(); !strings.Contains(why, fmt.Sprintf("user %q has not the right", user)) || strings.Contains(why, "hush") {
		t.Errorf("said is %s", why)
	}
}

// Another program can ask, with RabbitMQ's own way to be answered.
func TestForeignQuestion(t *testing.T) {
	p := prefix(uuid.NewString())
	s, err := rabbitmq.Connect(rabbitmq.Config{URL: serverURL(), Prefix: p})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := s.Questions(0)
	defer q.Close()
	questions, stop, err := q.Serve("test_questions")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c := newClient(t, serverURL())
	replies, err := c.ch.Consume("amq.rabbitmq.reply-to", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = c.ch.Publish("", p+"test_questions", true, false, amqp.Publishing{Type: "Asked", CorrelationId: "c-1", ReplyTo: "amq.rabbitmq.reply-to", Body: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	question := <-questions
	if question.ID != "c-1" || question.Kind != "Asked" || time.Until(question.Deadline) < time.Second {
		t.Errorf("it came as %+v", question)
	}
	answer := replied(question)
	if err := q.Reply(t.Context(), question, answer); err != nil {
		t.Fatal(err)
	}
	if d := <-replies; d.CorrelationId != "c-1" || d.Type != "Answered" || string(d.Body) != `{"n":1}` {
		t.Errorf("the reply came as %+v", d)
	}
}
