package powercut

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A gate is the network between the customers and the machine. It goes before the power
// does, so that no customer is told anything after the cut was issued.
type gate struct {
	to       string
	listener net.Listener

	mu    sync.Mutex
	shut  bool
	conns map[net.Conn]bool
}

// newGate returns an open gate to an address.
func newGate(t *testing.T, to string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{to: to, listener: l, conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.close()
		serving.Wait()
	})
	return g
}

func (g *gate) url() string { return "http://" + g.listener.Addr().String() }

// close cuts every connection. When it returns, nothing comes through any more.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.conns {
		c.Close()
	}
	clear(g.conns)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

// keep has c closed with the gate, and reports whether that is open.
func (g *gate) keep(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		g.conns[c] = true
	}
	return !g.shut
}

func (g *gate) drop(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	c.Close()
}

// serve passes on what a customer and the machine say, until one of them, or the gate,
// closes.
func (g *gate) serve(customer net.Conn) {
	defer g.drop(customer)
	machine, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer g.drop(machine)
	if !g.keep(customer) || !g.keep(machine) {
		return
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		_, _ = io.Copy(machine, customer) // either may go at any time
		g.drop(machine)
	}()
	_, _ = io.Copy(customer, machine)
	g.drop(customer)
	<-said
}
