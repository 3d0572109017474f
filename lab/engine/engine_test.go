package engine

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidewire/tidewire/lab/rig"
)

// engines are the rows: what the shop can stand on, by the keys of its configuration.
func engines() []engine {
	type on = map[string]func(*testing.T) string
	return []engine{
		{"sqlite", on{}},
		{"sqlite and rabbitmq", on{"queues": rig.RabbitMQ}},
		{"postgres", on{"database": rig.Postgres}},
		{"postgres and rabbitmq", on{"database": rig.Postgres, "queues": rig.RabbitMQ}},
		{"postgres and kafka", on{"database": rig.Postgres, "streams": rig.Kafka}},
		{"postgres, kafka, rabbitmq, redis and opensearch", on{"database": rig.Postgres, "streams": rig.Kafka, "queues": rig.RabbitMQ, "cache": rig.Redis, "search": rig.Search}},
	}
}

type engine struct {
	name string
	on   map[string]func(*testing.T) string
}

// settings are what puts the platform on e, with places of the test's own on each server.
func (e engine) settings(t *testing.T) (all []string) {
	for key, place := range e.on {
		all = append(all, key+"="+place(t))
	}
	return all
}

func TestEngines(t *testing.T) {
	for _, tt := range engines() {
		t.Run(tt.name, func(t *testing.T) {
			r := rig.New(t, tt.settings(t)...)
			s := &shop{t, r.Instance(r.Data())}
			t.Logf("ready in %v", s.Start().Round(time.Millisecond))
			s.readme()
			s.customers()
			s.operators()
			if tt.on["streams"] == nil { // a replay that reads through Kafka does not come to its end yet
				s.again()
			}
			s.Settle()
			s.Stop()
			s.Audit("--final", "--rest")
		})
	}
}

// A shop is one platform on the engine of a row.
type shop struct {
	*testing.T
	*rig.Instance
}

type order struct{ ID, Status, Reason string }

// readme does what the top of the README says.
func (s *shop) readme() {
	s.Helper()
	s.must(http.StatusCreated, "POST", "/api/users", `{"name": "John Doe", "email": "john@example.com"}`, nil)
	var laptop struct{ ID string }
	s.must(http.StatusCreated, "POST", "/api/products", `{"name": "Laptop", "price": 1200}`, &laptop)
	s.completes(`{"userId": "1", "productId": "1", "quantity": 2}`)
	s.completes(fmt.Sprintf(`{"userId": "1", "productId": %q, "quantity": 1}`, laptop.ID))
	var found struct{ Items []struct{ ID string } }
	s.Until("what was listed is found", func() bool {
		s.must(http.StatusOK, "GET", "/api/products?query=laptop", "", &found)
		for _, p := range found.Items {
			if p.ID == laptop.ID {
				return true
			}
		}
		return false
	})
}

// must asks the customers' door.
func (s *shop) must(want int, method, path, body string, into any) {
	s.Helper()
	if err := s.Ask(want, method, s.Listen()+path, body, into); err != nil {
		s.Fatal(err)
	}
}

// place places an order, which is readable at once. While the machine has other work it may
// be refused for the moment.
func (s *shop) place(body string) (o order) {
	s.Helper()
	s.Until("an order is taken", func() bool {
		err := s.Ask(http.StatusAccepted, "POST", s.Listen()+"/api/orders", body, &o)
		if err != nil && !errors.Is(err, rig.ErrBusy) {
			s.Fatal(err)
		}
		return err == nil
	})
	s.must(http.StatusOK, "GET", "/api/orders/"+o.ID, "", &order{})
	return o
}

// completes places an order and waits until it is completed, in every view of it.
func (s *shop) completes(body string) string {
	s.Helper()
	o := s.place(body)
	s.Until("order "+o.ID+" is completed", func() bool {
		s.must(http.StatusOK, "GET", "/api/orders/"+o.ID, "", &o)
		return o.Status == "completed"
	})
	s.must(http.StatusOK, "GET", "/api/payments/"+o.ID, "", nil)
	s.Until("it has a parcel", func() bool { return s.Ask(http.StatusOK, "GET", s.Listen()+"/api/shipments/"+o.ID, "", nil) == nil })
	s.Until("the customer is told", func() bool {
		var told struct{ Items []struct{ Template string } }
		s.must(http.StatusOK, "GET", "/api/notifications?orderId="+o.ID, "", &told)
		return len(told.Items) == 3 // created, paid, shipped
	})
	return o.ID
}

// customers order in each style, some of them what must fail, and the platform is killed in
// the middle of it. One cancels.
func (s *shop) customers() {
	s.Helper()
	for _, style := range []string{"orchestrated", "choreographed", "parallel"} {
		wait := s.Load(s.URL(), "--orders", "150", "--rate", "75", "--mix", "0.2", "--style", style)
		s.Until("orders of this style are under way", func() bool {
			var some struct{ Items []struct{ Style string } }
			s.must(http.StatusOK, "GET", "/api/orders?limit=10", "", &some)
			return len(some.Items) > 0 && some.Items[0].Style == style
		})
		if err := s.Signal(syscall.SIGKILL); err != nil {
			s.Fatal(err)
		}
		s.Start()
		if got := wait(); got.Completed != 120 || got.Failed != 30 || got.Unknown+got.Unfinished > 0 {
			s.Errorf("%s: %+v, want 120 completed and 30 failed", style, got)
		}
		o := s.place(fmt.Sprintf(`{"userId":"1","productId":"1","quantity":1,"style":%q,"payment":{"method":"slow"}}`, style))
		_ = s.Ask(http.StatusOK, "POST", s.Listen()+"/api/orders/"+o.ID+"/cancel", "", nil) // or 202: money must go back
		s.Until("it is cancelled", func() bool {
			s.must(http.StatusOK, "GET", "/api/orders/"+o.ID, "", &o)
			return o.Status == "cancelled" && o.Reason == "cancelled_by_customer"
		})
	}
}

// operators look at everything, and find nothing wrong.
func (s *shop) operators() {
	s.Helper()
	id := s.completes(`{"userId": "1", "productId": "2", "quantity": 1}`)
	for _, command := range []string{
		"order show " + id, "saga list", "saga list --state all", "saga show " + id, "stream list", "stream tail order --from start", "queue list",
		"dead list", "schedule list", "projection list", "projection rebuild orders --why trial --wait", "projection rebuild analytics --why trial --wait",
	} {
		cmd := s.About(append(strings.Fields(command), "--json")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			s.Errorf("tidewire %s: %v\n%s", command, err, out)
		}
	}
	s.well()
}

// well has the doctor find nothing.
func (s *shop) well() {
	s.Helper()
	var findings []struct{ What string }
	if s.Tidewire(&findings, "doctor", "--data", s.Data(), "--json"); len(findings) > 0 {
		s.Errorf("doctor finds %+v", findings)
	}
}

// again tells everything to everybody once more, and nothing comes of it.
func (s *shop) again() {
	s.Helper()
	before := s.sums()
	var read []struct{ Service, Subscription, Log string }
	s.Tidewire(&read, "stream", "list", "--json")
	if len(read) < 15 {
		s.Errorf("%d subscriptions, want those of eight services", len(read))
	}
	for _, r := range read {
		if r.Subscription != r.Service {
			continue // a journal that is forwarded
		}
		s.Tidewire(nil, "stream", "replay", r.Subscription, r.Log, "--from", "start", "--why", "trial")
	}
	s.Until("all is read again", func() bool {
		var behind []struct{ Behind int }
		s.Tidewire(&behind, "stream", "list", "--json")
		for _, b := range behind {
			if b.Behind > 0 {
				return false
			}
		}
		return true
	})
	if after := s.sums(); after != before {
		s.Errorf("after everything was said once more there is\n%s, want\n%s", after, before)
	}
	s.well()
}

// sums are what the shop comes to.
func (s *shop) sums() string {
	s.Helper()
	var stock struct{ OnHand, Reserved int }
	var numbers struct{ TotalOrders, Completed, Failed, Cancelled int }
	s.Until("analytics has caught up", func() bool {
		s.must(http.StatusOK, "GET", "/api/analytics", "", &numbers)
		return numbers.TotalOrders == numbers.Completed+numbers.Failed+numbers.Cancelled
	})
	s.must(http.StatusOK, "GET", "/api/inventory/1", "", &stock)
	return fmt.Sprintf("%+v %+v", numbers, stock)
}
