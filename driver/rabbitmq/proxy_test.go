package rabbitmq_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// A proxy stands before the real server, and cuts connections.
type proxy struct {
	url    string
	target string
	w      sync.WaitGroup
	mu     sync.Mutex
	conns  []net.Conn
	after  int // bytes that a client may still send, of all connections; -1: any number
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	u, err := url.Parse(serverURL())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, after: -1}
	u.Host = l.Addr().String()
	p.url = u.String()
	p.w.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.w.Wait()
	})
	return p
}

func (p *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.w.Go(func() { p.forward(client, server, p.passes) })
		p.w.Go(func() { p.forward(server, client, func(n int) int { return n }) })
	}
}

// forward copies what passes lets pass, and ends the connection where it lets not all.
func (p *proxy) forward(from, to net.Conn, passes func(n int) int) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		some := passes(n)
		if _, err := to.Write(buffer[:some]); err != nil || some < n {
			return
		}
	}
}

// passes says how much of n bytes a client may send. Whoever is cut once is not again.
func (p *proxy) passes(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.after < 0:
		return n
	case n <= p.after:
		p.after -= n
		return n
	}
	some := p.after
	p.after = -1
	return some
}

// cutAfter cuts the connection that sends the n-th byte from now on, in the middle of what
// it sends.
func (p *proxy) cutAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = n
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
