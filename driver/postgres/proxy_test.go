package postgres_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// A fault is what a proxy does to one COMMIT.
type fault int32

const (
	noFault      fault = iota
	loseAnswer         // the COMMIT arrives, its answer does not
	loseCommit         // the COMMIT does not arrive
	loseHalfOpen       // nor does the server learn that its client is gone
)

// A proxy stands before the real server, and cuts one connection when it is armed.
type proxy struct {
	url    string
	target string
	armed  atomic.Int32
	w      sync.WaitGroup
	mu     sync.Mutex
	conns  []net.Conn
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	return newProxyAt(t, "127.0.0.1", target)
}

func newProxyAt(t testing.TB, host, target string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host}
	u.Host = l.Addr().String()
	p.url = u.String()
	p.w.Go(func() { p.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
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
		p.w.Go(func() { p.forward(client, server, p.cutsRequest) })
		p.w.Go(func() { p.forward(server, client, p.cutsAnswer) })
	}
}

// forward copies until cut says that the connection ends here.
func (p *proxy) forward(from, to net.Conn, cut func([]byte) fault) {
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			_ = to.Close()
			return
		}
		switch cut(buffer[:n]) {
		case loseHalfOpen:
			return // to stays open
		case loseAnswer, loseCommit:
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// cutsRequest: a proxy is armed while nothing is left to send but the COMMIT.
func (p *proxy) cutsRequest([]byte) fault {
	for _, f := range []fault{loseCommit, loseHalfOpen} {
		if p.armed.CompareAndSwap(int32(f), int32(noFault)) {
			return f
		}
	}
	return noFault
}

func (p *proxy) cutsAnswer(data []byte) fault {
	if bytes.Contains(data, []byte("COMMIT\x00")) && p.armed.CompareAndSwap(int32(loseAnswer), int32(noFault)) {
		return loseAnswer
	}
	return noFault
}
