package door_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidewire/tidewire/shop/door"
)

// Pipes are a listener whose connections are pipes: they have no system in between that
// would know another time than the test's.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() pipes { return pipes{make(chan net.Conn), make(chan struct{})} }

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// send opens a connection and writes text to it.
func (p pipes) send(t *testing.T, text string) net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	if _, err := io.WriteString(client, text); err != nil {
		t.Fatal(err)
	}
	return client
}

const head = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "

// serve runs Serve in a bubble of its own time, with a route that decodes and then waits
// for release. end ends it and returns what it returned.
func serve(t *testing.T, release <-chan struct{}) (p pipes, end func() error) {
	p = newPipes()
	ctx, cancel := context.WithCancel(t.Context())
	h := door.Handler(door.Options{}, door.Route{Pattern: "POST /x", Handle: func(r *http.Request) (door.Answer, error) {
		if err := door.Decode(r, &order{}); err != nil {
			return door.Answer{}, err
		}
		<-release
		return door.Answer{}, nil
	}})
	served := make(chan error, 1)
	go func() { served <- door.Serve(ctx, p, h) }()
	return p, func() error { cancel(); return <-served }
}

func answerOf(t *testing.T, c net.Conn) *http.Response {
	t.Helper()
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestIncompleteRequestIs408AndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := serve(t, nil)
		start := time.Now()
		c := p.send(t, head+"100\r\n\r\n{")
		got := answerOf(t, c)
		body, err := io.ReadAll(got.Body)
		if got.StatusCode != 408 || !got.Close || err != nil || !strings.Contains(string(body), "request-timeout") {
			t.Errorf("got %d, close %v, %s, %v; want 408 and closed", got.StatusCode, got.Close, body, err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("took %v, want 30s", took)
		}
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("afterwards: read %d, %v; want the end", n, err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestHalfAHeaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, end := serve(t, nil)
		start := time.Now()
		c := p.send(t, "POST /x HTTP/1.1\r\nHost: local")
		if _, err := io.ReadAll(c); err != nil || time.Since(start) != 30*time.Second {
			t.Errorf("closed after %v, %v; want 30s", time.Since(start), err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestServeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, end := serve(t, release)
		c := p.send(t, head+"2\r\n\r\n{}")
		synctest.Wait()
		time.AfterFunc(5*time.Second, func() { close(release) })
		answered := make(chan int, 1)
		go func() { answered <- answerOf(t, c).StatusCode }()
		if err := end(); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if got := <-answered; got != 200 {
			t.Errorf("the request in flight: got %d, want 200", got)
		}
	})
}

func TestServeCutsOffWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, end := serve(t, release)
		c := p.send(t, head+"2\r\n\r\n{}")
		synctest.Wait()
		start := time.Now()
		if err := end(); err != nil || time.Since(start) != 6*time.Second {
			t.Errorf("got %v after %v, want nil after 6 s: it is no failure of ours", err, time.Since(start))
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v, want the connection closed", err)
		}
		close(release)
	})
}

// A body that is on its way when the door closes has two seconds; its sender gets an
// answer either way, and one that came in time is worked on for longer than that.
func TestServeHurriesHalfABody(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rest   time.Duration // after the end, the rest comes
		work   time.Duration
		status int
		took   time.Duration
	}{
		{"it does not come", time.Hour, 0, 408, 2 * time.Second},
		{"it comes in time", time.Second, 0, 200, time.Second},
		{"it comes in time and is much work", time.Second, 4 * time.Second, 200, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				p, end := serve(t, release)
				c := p.send(t, head+"2\r\n\r\n{")
				synctest.Wait()
				start := time.Now()
				rest := time.AfterFunc(tt.rest, func() {
					if _, err := io.WriteString(c, "}"); err != nil {
						t.Error(err)
					}
					time.AfterFunc(tt.work, func() { close(release) })
				})
				defer rest.Stop()
				got := make(chan *http.Response, 1)
				go func() { got <- answerOf(t, c) }()
				if err := end(); err != nil {
					t.Errorf("got %v, want nil", err)
				}
				if answer := <-got; answer.StatusCode != tt.status || !answer.Close {
					t.Errorf("got %d, close %v; want %d and closed", answer.StatusCode, answer.Close, tt.status)
				}
				if took := time.Since(start); took < tt.took || took > tt.took+time.Second { // Shutdown looks now and then
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// A handler that works when the door closes is not ended by it, though its body came
// while the door was closing; one that stands by hears of it at once.
func TestServeTellsWhoStandsBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		h := door.Handler(door.Options{}, door.Route{Pattern: "POST /x", Handle: func(r *http.Request) (door.Answer, error) {
			if err := door.Decode(r, &order{}); err != nil {
				return door.Answer{}, err
			}
			<-door.StandBy(r)
			time.Sleep(3 * time.Second)
			return door.Answer{Status: http.StatusAccepted}, r.Context().Err()
		}})
		served := make(chan error, 1)
		go func() { served <- door.Serve(ctx, p, h) }()
		c := p.send(t, head+"2\r\n\r\n{}")
		synctest.Wait()
		start := time.Now()
		cancel()
		if got := answerOf(t, c).StatusCode; got != http.StatusAccepted || time.Since(start) != 3*time.Second {
			t.Errorf("got %d after %v, want 202 after 3 s", got, time.Since(start))
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func TestServeReturnsWhatItsListenerSays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := door.Serve(t.Context(), l, http.NotFoundHandler()); err == nil {
		t.Error("got nil, want an error")
	}
}

// BenchmarkPost is the path of an order through this package: host, limit, trace, route,
// decode, answer. The recorder of the answer is in it.
func BenchmarkPost(b *testing.B) {
	h := door.Handler(door.Options{OpenMode: true}, door.Route{Pattern: "POST /api/orders", Handle: func(r *http.Request) (door.Answer, error) {
		var o order
		if err := door.Decode(r, &o); err != nil {
			return door.Answer{}, err
		}
		return door.Answer{Status: 202, Location: "/api/orders/1", Body: &o}, nil
	}})
	const text = `{"userId":"1","items":[{"productId":"1","quantity":2},{"productId":"2","quantity":1}],"payment":{"method":"ok"}}`
	for b.Loop() {
		r := post(text)
		r.Host = "127.0.0.1:3000"
		if w := send(h, r); w.Code != 202 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// BenchmarkRaw is what BenchmarkPost costs without this package.
func BenchmarkRaw(b *testing.B) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			b.Error(err)
		}
		fmt.Fprintf(w, "%s", text)
	})
	for b.Loop() {
		r := post(`{"userId":"1","items":[{"productId":"1","quantity":2},{"productId":"2","quantity":1}],"payment":{"method":"ok"}}`)
		if w := send(h, r); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	const text = `{"userId":"1","items":[{"productId":"1","quantity":2},{"productId":"2","quantity":1}],"payment":{"method":"ok"}}`
	for b.Loop() {
		var o order
		if err := door.Decode(post(text), &o); err != nil {
			b.Fatal(err)
		}
	}
}
