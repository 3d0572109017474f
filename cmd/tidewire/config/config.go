// Package config is everything about the platform that can be set: from a file, the
// environment and flags, each value with the place it came from.
//
// It promises that nothing is ignored in silence. A key that does not exist is refused
// with the one that was meant, if one is near; so is a key of a later version, because
// whoever sets it expects it to do something. Only names of the environment are warned
// of instead: containers get TIDEWIRE_ names that nobody typed.
package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/tidewire/tidewire/driver/kafka"
	"github.com/tidewire/tidewire/driver/opensearch"
	"github.com/tidewire/tidewire/driver/rabbitmq"
	"github.com/tidewire/tidewire/shop/door"
	"github.com/tidewire/tidewire/shop/money"
	"github.com/tidewire/tidewire/shop/notification"
)

// A Config is the configuration of one process. Its tags are the documentation that
// tidewire config prints:
//
//	key      its name in files and after --set; TIDEWIRE_ and capitals in the environment
//	default  what it is when nobody sets it
//	values   the only words that it takes
//	later    words that a later version takes
//	secret   never shown, and also read from the file that KEY_file names
type Config struct {
	Data      string        `key:"data" default:"./tidewire-data" doc:"directory of everything that is stored here"`
	Database  string        `key:"database" secret:"true" doc:"empty: embedded SQLite in data; or postgres://USER:PASSWORD@HOST/NAME; several hosts, as HOST:PORT,HOST:PORT: whichever is the primary; ?pool_mode=transaction behind PgBouncer, ?sslmode=verify-full, ?pool_max_conns=16, ?unsafe=SETTING,… for what may be off there"`
	Queues    string        `key:"queues" secret:"true" doc:"empty: work is handed out by the database; or amqp://USER:PASSWORD@HOST:PORT/VHOST, amqps://…?ca=FILE&cert=FILE&key=FILE: by RabbitMQ, in a vhost of its own"`
	Cache     string        `key:"cache" secret:"true" doc:"who tells several instances of each other's changes at once. Empty: nobody, they look; or redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss://… for TLS; ?ca=FILE, ?cert=FILE&key=FILE, ?prefix=NAME where another platform shares it"`
	Streams   string        `key:"streams" secret:"true" doc:"empty: services follow each other's journals; or kafka://[USER:PASSWORD@]HOST:9092[,HOST:9092…]; ?tls=true&ca=FILE&cert=FILE&key=FILE, &sasl=scram-sha-256|scram-sha-512|plain, &prefix=NAME of topics and groups, &replication=N, &create=false, &unsafe=true"`
	Search    string        `key:"search" secret:"true" doc:"who finds products by their words. Empty: the database; or opensearch+http://USER:PASSWORD@HOST:PORT, opensearch+https://…?ca=FILE; ?prefix=NAME where another platform shares it"`
	Replica   string        `key:"database.replica" secret:"true" doc:"postgres://USER:PASSWORD@HOST/NAME of a streaming replica of database, for reads that may be some seconds old; empty: the primary answers them"`
	Listen    string        `key:"listen" default:"127.0.0.1:3000" doc:"customers' door"`
	Admin     string        `key:"admin" default:"127.0.0.1:3001" doc:"operators' door: health, metrics, what the commands use"`
	Retention time.Duration `key:"retention" default:"30d" doc:"how long commands, done jobs, idempotency keys past their 24 h and audit rows stay"`
	Mail      string        `key:"mail" secret:"true" doc:"empty: notifications are stored and shown, none leaves; or smtp://USER:PASSWORD@HOST:PORT, smtps://…; ?starttls=auto|required|never, ?verify=false"`
	Order     Order
	Payment   Payment
	Carrier   Carrier
	Shop      Shop
	Auth      Auth
	GRPC      GRPC
	Services  Services
	Log       Log
	Traces    Traces
}

// Order is about orders.
type Order struct {
	Style      string `key:"order.style" default:"orchestrated" values:"orchestrated choreographed parallel" doc:"how an order flows, unless it says so itself"`
	CheckStock bool   `key:"order.check_stock" default:"false" doc:"true: inventory is asked before an order is accepted, and what it has not enough of is refused with 409; false: the order fails later"`
}

// Payment is about the payment provider.
type Payment struct {
	Provider  string `key:"payment.provider" default:"simulator" values:"simulator" later:"stripe" doc:"who takes the money"`
	Simulator string `key:"payment.simulator" doc:"http://HOST:PORT of a simulator that runs elsewhere; empty: up starts one"`
}

// Carrier is about who takes the parcels away.
type Carrier struct {
	Day time.Duration `key:"carrier.day" default:"1d" doc:"how long a day of the simulated carrier takes; with 1s, parcels arrive within seconds"`
}

// Shop is about the shop as a whole.
type Shop struct {
	Currency string `key:"shop.currency" default:"USD" doc:"ISO code of the currency of a price that names none"`
	Sender   string `key:"shop.sender" default:"Tidewire <shop@localhost>" doc:"who mails are from: NAME <ADDRESS>"`
}

// Auth is about who may come in.
type Auth struct {
	Mode string `key:"auth.mode" default:"open" values:"open" later:"jwt" doc:"open: no token needed, and only loopback is listened on"`
}

// Log is about what the platform says of itself, on standard error.
type Log struct {
	Format string `key:"log.format" values:"text json" doc:"text or json; empty: text on a terminal, else json"`
	Level  string `key:"log.level" default:"info" values:"debug info warn error" doc:"the least that is logged"`
}

// Traces is about where the steps of an order are told.
type Traces struct {
	To     string  `key:"traces" secret:"true" doc:"who collects traces: zipkin+http://HOST:PORT, with USER:PASSWORD@ if it asks for them, or otlp+http://HOST:PORT; empty: nobody, and nothing is traced"`
	Sample float64 `key:"traces.sample" default:"1" doc:"share of requests that are traced, each with all that it causes: more than 0, at most 1"`
}

// Collector returns the kind of the collector, zipkin or otlp, and its address; "" for none.
// The exporter of otlp would drop a user and a password in silence, so it has none.
func (t Traces) Collector() (kind, address string) {
	kind, rest, _ := strings.Cut(t.To, "+")
	if u, err := url.Parse(rest); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || kind != "zipkin" && (kind != "otlp" || u.User != nil) {
		return "", ""
	}
	return kind, strings.TrimSuffix(rest, "/")
}

// GRPC is about the doors of programs.
type GRPC struct {
	Listen string `key:"grpc.listen" default:"127.0.0.1:50051" doc:"gRPC doors: the host and the first port, user's; product, order, payment, inventory, shipping and analytics follow, each at its own; port 0: any that are free; empty: none"`
}

// Services is about services that run elsewhere: where their gRPC doors are.
type Services struct {
	User      string `key:"services.user" doc:"HOST:PORT[,HOST:PORT] of the gRPC doors of the user service, if it runs elsewhere"`
	Product   string `key:"services.product" doc:"the same of the product service"`
	Order     string `key:"services.order" doc:"the same of the order service"`
	Payment   string `key:"services.payment" doc:"the same of the payment service"`
	Inventory string `key:"services.inventory" doc:"the same of the inventory service"`
	Shipping  string `key:"services.shipping" doc:"the same of the shipping service"`
	Analytics string `key:"services.analytics" doc:"the same of the analytics service"`
}

// later are the keys, and the beginnings of keys, of later versions.
var later = []string{
	"auth.issuer", "auth.audience", "gateway.", "limits.",
}

// legacy are names that others know of. They rank below the file, for a machine may have
// them set for somebody else.
var legacy = []struct{ name, key string }{
	{"KAFKA_BROKERS", "streams"},
	{"RABBITMQ_URL", "queues"},
	{"USER_SERVICE_URL", "services.user"},
	{"PRODUCT_SERVICE_URL", "services.product"},
	{"PAYMENT_SERVICE_URL", "services.payment"},
}

func collected(t Traces) bool {
	kind, _ := t.Collector()
	return kind != ""
}

// check returns what is wrong with values that are well-formed one by one. It does not
// repeat a database's URL, which may hold a password.
func (c *Config) check() error {
	for _, at := range []struct{ key, addr string }{{"listen", c.Listen}, {"admin", c.Admin}} {
		host, _, err := net.SplitHostPort(at.addr)
		if err != nil {
			return fmt.Errorf("%s: %q is not HOST:PORT", at.key, at.addr)
		}
		if c.Auth.Mode == "open" && !door.Loopback(host) {
			return fmt.Errorf("%s: %s is not a loopback address, and auth.mode open lets everybody in: listen on 127.0.0.1", at.key, at.addr)
		}
	}
	if err := c.checkCalls(); err != nil {
		return err
	}
	switch {
	case c.Data == "":
		return fmt.Errorf("data: must name a directory")
	case c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://"):
		return fmt.Errorf("database: must be empty (embedded SQLite) or begin with postgres://")
	case c.Queues != "" && rabbitmq.Check(c.Queues) != nil:
		return fmt.Errorf("queues: %w", rabbitmq.Check(c.Queues))
	case c.Search != "" && fault(opensearch.New(c.Search)) != nil:
		return fmt.Errorf("search: %w", fault(opensearch.New(c.Search)))
	case cacheFault(c.Cache) != nil:
		return fmt.Errorf("cache: %w", cacheFault(c.Cache))
	case c.Streams != "" && kafka.Check(c.Streams) != nil:
		return fmt.Errorf("streams: %w", kafka.Check(c.Streams))
	case c.Replica != "" && !strings.HasPrefix(c.Replica, "postgres://") && !strings.HasPrefix(c.Replica, "postgresql://"):
		return fmt.Errorf("database.replica: must be empty or begin with postgres://")
	case c.Payment.Simulator != "" && !strings.HasPrefix(c.Payment.Simulator, "http://"):
		return fmt.Errorf("payment.simulator: %q does not begin with http://", c.Payment.Simulator)
	case c.Traces.To != "" && !collected(c.Traces):
		return fmt.Errorf("traces: must be empty, zipkin+http://HOST:PORT or otlp+http://HOST:PORT, and only zipkin takes USER:PASSWORD@")
	case !(c.Traces.Sample > 0 && c.Traces.Sample <= 1):
		return fmt.Errorf("traces.sample: %v is not more than 0 and at most 1; to trace nothing, leave traces empty", c.Traces.Sample)
	case c.Mail != "" && fault(notification.ParseServer(c.Mail)) != nil:
		return fmt.Errorf("mail: %w", fault(notification.ParseServer(c.Mail)))
	case fault(notification.ParseSender(c.Shop.Sender)) != nil:
		return fmt.Errorf("shop.sender: %w", fault(notification.ParseSender(c.Shop.Sender)))
	case c.Retention < 24*time.Hour:
		return fmt.Errorf("retention: %s is less than a day, which idempotency keys are promised", formatDuration(c.Retention))
	case c.Carrier.Day < 100*time.Millisecond:
		return fmt.Errorf("carrier.day: %s is less than 100ms, and nothing that is seen moves so fast", formatDuration(c.Carrier.Day))
	case !money.Known(c.Shop.Currency):
		return fmt.Errorf("shop.currency: %q is not an ISO 4217 code", c.Shop.Currency)
	}
	return nil
}

// fault returns what is wrong with a value.
func fault[T any](_ T, err error) error { return err }
