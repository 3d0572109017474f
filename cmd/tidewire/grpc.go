package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/door/rpc"
	"github.com/tidewire/tidewire/shop/notification"
	"github.com/tidewire/tidewire/shop/order"
	"github.com/tidewire/tidewire/toolkit/run"
	"google.golang.org/grpc"
)

// A conn is how a service is asked that runs elsewhere.
type conn = grpc.ClientConnInterface

// people is what is asked of the user service.
type people interface {
	order.Users
	notification.Contacts
}

// A directory knows the services that run elsewhere and can be asked there.
type directory struct {
	config.Services
	here  []string // what runs in this process; all without any
	conns map[string]*rpc.Client
}

// dial makes a directory for a process that runs the services with these names. Nobody is
// connected yet: who is away now may come.
func dial(c config.Config, p *run.Process, names []string) (*directory, error) {
	d := &directory{Services: c.Services, here: names, conns: map[string]*rpc.Client{}}
	for _, name := range config.Doors() {
		if !d.elsewhere(name) {
			continue
		}
		client, err := rpc.Dial(rpc.Peer{Name: name, Service: contractOf(name), Addresses: c.Services.Addresses(name), Process: p})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("services.%s: %w", name, err), d.close())
		}
		d.conns[name] = client
	}
	return d, nil
}

// contractOf is what a service is called in its contract.
func contractOf(service string) string {
	return "tidewire." + service + ".v1." + strings.ToUpper(service[:1]) + service[1:] + "Service"
}

// elsewhere reports whether a service is asked at another process. One that runs here is
// asked here, whatever the configuration says, which many processes may share. One of which
// it says nothing is read in the database.
func (d *directory) elsewhere(service string) bool {
	runs := len(d.here) == 0 || slices.Contains(d.here, service)
	return !runs && len(d.Addresses(service)) > 0
}

// either is a service itself, or the one that runs elsewhere.
func either[T any](d *directory, service string, itself T, at func(conn) T) T {
	if c, ok := d.conns[service]; ok {
		return at(c)
	}
	return itself
}

// unless are those of two services' own tasks that are not for another process.
func (d *directory) unless(one string, a func(context.Context) error, other string, b func(context.Context) error) (all []func(context.Context) error) {
	if !d.elsewhere(one) {
		all = append(all, a)
	}
	if !d.elsewhere(other) {
		all = append(all, b)
	}
	return all
}

// routes answer for a service that does not run here: 404, and who has it.
func (d *directory) routes(m member) (all []door.Route) {
	detail := "It is a route of the " + m.name() + " service, which this process does not run"
	if at := d.Addresses(m.name()); len(at) > 0 {
		detail += ": its gRPC door is at " + strings.Join(at, ", ")
	}
	for _, r := range m.routes {
		all = append(all, door.Route{Pattern: r.Pattern, Query: r.Query, Handle: func(*http.Request) (door.Answer, error) {
			p := door.NotFound("route").Cause("runs-elsewhere")
			p.Detail = detail + "."
			return door.Answer{}, p
		}})
	}
	return all
}

func (d *directory) close() error {
	var errs []error
	for _, c := range d.conns {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// here are the services that a process runs: those that are named, or all but those that
// the configuration says run elsewhere.
func here(c config.Config, names []string) []string {
	if len(names) > 0 {
		return names
	}
	return slices.DeleteFunc(serviceNames(), func(name string) bool { return len(c.Services.Addresses(name)) > 0 })
}

// listenCalls opens the gRPC doors of the services that run here.
func listenCalls(c config.GRPC, here []string) (open map[string]net.Listener, err error) {
	open = map[string]net.Listener{}
	for _, name := range config.Doors() {
		at := c.At(name)
		if at == "" || !slices.Contains(here, name) {
			continue
		}
		l, err := listen("grpc.listen", at)
		if err != nil {
			return open, err
		}
		open[name] = l
	}
	return open, nil
}

// called are the addresses of doors, as the log has them.
func called(open map[string]net.Listener) string {
	var all []string
	for _, name := range config.Doors() {
		if l := open[name]; l != nil {
			all = append(all, name+"="+l.Addr().String())
		}
	}
	return strings.Join(all, " ")
}

// doors are the gRPC doors, each of which answers calls as the customers' door does.
func (s *start) doors(customers http.Handler) (all []func(context.Context) error) {
	for _, m := range s.platform.members {
		l := s.calls[m.name()]
		if l == nil || m.calls == nil {
			continue
		}
		service := m.calls(rpc.Door{Customers: customers})
		o := rpc.Options{Process: s.platform.process, Log: s.log, Ready: s.platform.serves(m)}
		all = append(all, func(ctx context.Context) error { return rpc.Serve(ctx, l, service, o) })
	}
	return all
}

// serves returns a check of whether a service can do what it is asked: that its database
// answers and, where orders wait for it, that it reads what it follows.
func (p *platform) serves(m member) func(context.Context) error {
	answers, reads := p.desk.Answers(m.db), p.standstill.works(m.name())
	return func(ctx context.Context) error {
		if err := answers(ctx); err != nil || !m.awaited {
			return err
		}
		return reads(ctx)
	}
}

// close closes what wire has opened.
func (p *platform) close() error { return errors.Join(p.away.close(), p.engine.close()) }
