package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/tidewire/tidewire/shop/door"
)

// Doors are the services that have a gRPC door, in the order of their ports.
func Doors() []string {
	return []string{"user", "product", "order", "payment", "inventory", "shipping", "analytics"}
}

// At returns where the gRPC door of a service listens; "" if it has none.
func (g GRPC) At(service string) string {
	host, first, err := net.SplitHostPort(g.Listen)
	if err != nil {
		return ""
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return ""
	}
	for i, name := range Doors() {
		if name == service && port != 0 {
			port += i
		}
		if name == service {
			return net.JoinHostPort(host, strconv.Itoa(port))
		}
	}
	return ""
}

// Addresses are those of a service that runs elsewhere; none if it does not.
func (s Services) Addresses(service string) (all []string) {
	set := map[string]string{"user": s.User, "product": s.Product, "order": s.Order, "payment": s.Payment,
		"inventory": s.Inventory, "shipping": s.Shipping, "analytics": s.Analytics}[service]
	for part := range strings.SplitSeq(set, ",") {
		if part = strings.TrimSpace(part); part != "" {
			// As others write it who mean the same. Where TLS is asked for, check refuses.
			part = strings.TrimPrefix(strings.TrimPrefix(part, "http://"), "grpc://")
			all = append(all, strings.TrimSuffix(part, "/"))
		}
	}
	return all
}

// checkCalls is check for who calls whom.
func (c *Config) checkCalls() error {
	if c.GRPC.Listen != "" {
		host, first, err := net.SplitHostPort(c.GRPC.Listen)
		port, wrong := strconv.ParseUint(first, 10, 16)
		switch most := 65536 - len(Doors()); {
		case err != nil || wrong != nil || int(port) > most:
			return fmt.Errorf("grpc.listen: %q is not HOST:PORT with a port of at most %d, as %d doors follow each other", c.GRPC.Listen, most, len(Doors()))
		case c.Auth.Mode == "open" && !door.Loopback(host):
			return fmt.Errorf("grpc.listen: %s is not a loopback address, and auth.mode open lets everybody in: listen on 127.0.0.1", c.GRPC.Listen)
		}
	}
	for _, service := range Doors() {
		for _, a := range c.Services.Addresses(service) {
			host, port, err := net.SplitHostPort(a)
			if n, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || n == 0 || host == "" {
				return fmt.Errorf("services.%s: %q is not HOST:PORT of a gRPC door, or several of them between commas", service, a)
			}
		}
	}
	return nil
}
