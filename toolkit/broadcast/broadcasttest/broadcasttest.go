// Package broadcasttest checks that a broadcast.Driver keeps its contract, on the real
// server: each sentence of it is a test here.
package broadcasttest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/broadcast"
)

// A Harness makes drivers.
type Harness struct {
	// New returns drivers that reach each other, as two processes have them; one that
	// reaches only itself twice.
	New func(t *testing.T) (here, there broadcast.Driver)
}

// Run checks the driver.
func Run(t *testing.T, h Harness) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, here, there broadcast.Driver)
	}{
		{"Everybody hears everything in its order", everybody},
		{"Nobody there is no error", nobody},
		{"Who comes later has missed it", later},
		{"Who has stopped hears nothing", stopped},
		{"Other topics are not heard", others},
		{"Any bytes arrive as they are", anything},
		{"All at once", crowd},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here, there := h.New(t)
			tt.run(t, here, there)
		})
	}
}

const limit = 10 * time.Second // for what must come

// An ear keeps what it hears.
type ear struct {
	t     *testing.T
	heard chan string
	stop  func()
}

func listen(t *testing.T, d broadcast.Driver, topic string) *ear {
	t.Helper()
	e := &ear{t: t, heard: make(chan string, 10_000)}
	stop, err := d.Listen(topic, func(data []byte) { e.heard <- string(data) })
	if err != nil {
		t.Fatal(err)
	}
	e.stop = sync.OnceFunc(stop)
	t.Cleanup(e.stop)
	return e
}

func publish(t *testing.T, d broadcast.Driver, topic, data string) {
	t.Helper()
	if err := d.Publish(t.Context(), topic, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

// want waits for these messages, in this order.
func (e *ear) want(all ...string) {
	e.t.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	for _, want := range all {
		select {
		case got := <-e.heard:
			if got != want {
				e.t.Fatalf("heard %q, want %q", got, want)
			}
		case <-end.C:
			e.t.Fatalf("%q was not heard within %v", want, limit)
		}
	}
}

func everybody(t *testing.T, here, there broadcast.Driver) {
	ears := []*ear{listen(t, here, "a"), listen(t, here, "a"), listen(t, there, "a")}
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprint(i))
		publish(t, here, "a", all[i])
	}
	for _, e := range ears {
		e.want(all...)
	}
}

func nobody(t *testing.T, here, _ broadcast.Driver) { publish(t, here, "a", "x") }

func later(t *testing.T, here, there broadcast.Driver) {
	first := listen(t, there, "a")
	publish(t, here, "a", "1")
	first.want("1")
	second := listen(t, there, "a")
	publish(t, here, "a", "2")
	first.want("2")
	second.want("2")
}

func stopped(t *testing.T, here, there broadcast.Driver) {
	e, witness := listen(t, there, "a"), listen(t, there, "a")
	publish(t, here, "a", "1")
	e.want("1")
	e.stop()
	witness.want("1")
	publish(t, here, "a", "2")
	witness.want("2")
	if len(e.heard) > 0 {
		t.Errorf("heard %q after the stop", <-e.heard)
	}
}

func others(t *testing.T, here, there broadcast.Driver) {
	a, b := listen(t, there, "a"), listen(t, there, "a/b")
	publish(t, here, "a/b", "1")
	publish(t, here, "a", "2")
	a.want("2")
	b.want("1")
}

func anything(t *testing.T, here, there broadcast.Driver) {
	e := listen(t, there, "a")
	for _, data := range []string{"", "\x00\xff\r\n", string(make([]byte, 100_000))} {
		publish(t, here, "a", data)
		e.want(data)
	}
}

// crowd has many publish while others come and go: each publisher's are heard in its order.
func crowd(t *testing.T, here, there broadcast.Driver) {
	const publishers, each = 8, 100
	e := listen(t, there, "a")
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				if err := here.Publish(t.Context(), "a", fmt.Appendf(nil, "%d %d", p, i)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range each {
				stop, err := there.Listen("a", func([]byte) {})
				if err != nil {
					t.Error(err)
					return
				}
				stop()
			}
		})
	}
	all.Wait()
	next := map[int]int{}
	end := time.NewTimer(limit)
	defer end.Stop()
	for n := range publishers * each {
		select {
		case got := <-e.heard:
			var p, i int
			if _, err := fmt.Sscan(got, &p, &i); err != nil || next[p] != i {
				t.Fatalf("heard %q, want %d of %d", got, next[p], p)
			}
			next[p]++
		case <-end.C:
			t.Fatalf("%d were heard within %v, want %d", n, limit, publishers*each)
		}
	}
}
