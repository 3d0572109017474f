package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/driver/redis"
	"github.com/tidewire/tidewire/toolkit/limit"
	"github.com/tidewire/tidewire/toolkit/run"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// heard keeps the last that was heard.
func heard(t *testing.T, b *redis.Broadcast, topic string) (last func() string) {
	t.Helper()
	said := make(chan string, 10_000)
	stop, err := b.Listen(topic, func(data []byte) { said <- string(data) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	now := ""
	return func() string {
		for {
			select {
			case now = <-said:
			default:
				return now
			}
		}
	}
}

// gauge reads a number that is measured.
func gauge(t *testing.T, r sdk.Reader, name string) (n int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				if m.Name == name {
					n += data.DataPoints[0].Value
				}
			case metricdata.Gauge[int64]:
				if m.Name == name {
					n += data.DataPoints[0].Value
				}
			}
		}
	}
	return n
}

// A server that is killed, or hangs, holds up nobody; those in one process hear each other
// all the while, and those elsewhere once it is back, without being asked to listen again.
func TestTheServerGoesAway(t *testing.T) {
	for _, tt := range []struct{ name, goes, comes string }{
		{"killed", "kill9", "up"},
		{"paused", "pause", "resume"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			reader := sdk.NewManualReader()
			here := broadcasts(t, s.url(""), &run.Process{Meter: sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")})
			there := broadcasts(t, s.url(""), &run.Process{})
			near, far := heard(t, here, "a"), heard(t, there, "a")
			say := func(what string) {
				t.Helper()
				began := time.Now()
				if err := here.Publish(t.Context(), "a", []byte(what)); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("%s: who publishes was held up for %v", what, took)
				}
				if near() != what {
					t.Errorf("%s was not heard in the same process", what)
				}
			}
			say("before")
			eventually(t, "it is heard elsewhere", func() bool { return far() == "before" })
			s.run(tt.goes)
			n := 0
			eventually(t, "it is noticed", func() bool {
				n++
				say(fmt.Sprint("meanwhile ", n))
				return here.Away() && gauge(t, reader, "tidewire.cache.away") == 1 && gauge(t, reader, "tidewire.cache.dropped") > 0
			})
			began := time.Now()
			late := heard(t, there, "b") // listens while there is no server
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("who listens was held up for %v", took)
			}
			s.run(tt.comes)
			eventually(t, "both topics are heard elsewhere again", func() bool {
				n++
				say(fmt.Sprint("after ", n))
				if err := here.Publish(t.Context(), "b", []byte("b")); err != nil {
					t.Error(err)
				}
				return strings.HasPrefix(far(), "after") && late() == "b"
			})
			eventually(t, "the metric says so", func() bool { return gauge(t, reader, "tidewire.cache.away") == 0 })
		})
	}
}

// What is said while nobody takes it does not gather for ever.
func TestNothingGathers(t *testing.T) {
	reader := sdk.NewManualReader()
	b, err := redis.NewBroadcast(open(t, "redis://127.0.0.1:1"), &run.Process{Meter: sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")})
	if err != nil {
		t.Fatal(err)
	}
	for range 5000 {
		if err := b.Publish(t.Context(), "a", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := gauge(t, reader, "tidewire.cache.dropped"); n != 5000-4096 {
		t.Errorf("%d were dropped, want those for which there is no room", n)
	}
}

// While the server is away each instance has a limit of its own; what was taken before it
// was killed is taken when it is back.
func TestALimitWithoutAServer(t *testing.T) {
	s := newServer(t)
	rate := limit.Rate{PerSecond: 0.001, Burst: 10}
	l := redis.NewLimiter(open(t, s.url("")), "test", rate)
	sure := &limit.Sure{First: l, Then: limit.NewLocal(rate)}
	takes := func(n int) (got int) {
		t.Helper()
		for range n {
			taken, _, err := sure.Take(t.Context(), "k", 1)
			if err != nil {
				t.Fatal(err)
			}
			if taken {
				got++
			}
		}
		return got
	}
	if got := takes(7); got != 7 {
		t.Fatalf("%d were taken, want 7", got)
	}
	s.run("pause")
	began := time.Now()
	if got := takes(100); got != 10 {
		t.Errorf("%d were taken while it was away, want 10", got)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("100 questions took %v", took)
	}
	if _, _, err := l.Take(t.Context(), "k", 1); !errors.Is(err, redis.ErrAway) {
		t.Errorf("the server's own limit: %v, want ErrAway", err)
	}
	s.run("resume")
	eventually(t, "the server answers", func() bool { _, _, err := l.Take(t.Context(), "other", 1); return err == nil })
	eventually(t, "it is asked again, and knows what was taken", func() bool {
		taken, after, err := sure.Take(t.Context(), "k", 4)
		return err == nil && !taken && after > 0
	})
}

// Each thing that can be wrong with a server is one sentence that says what to mend, and
// holds no secret.
func TestCheck(t *testing.T) {
	s := newServer(t)
	s.do("ACL SETUSER shop on >hush +@all ~* &*", "ACL SETUSER poor on >hush +ping ~* &*", "ACL SETUSER mute on >hush +@all -publish ~* &*", "ACL SETUSER alien on >hush +@all ~other:* &other:*",
		"ACL SETUSER enough on >hush +@pubsub +@scripting +@connection +get +set +time ~tidewire:* &tidewire:*")
	for _, tt := range []struct {
		name, url string
		want      string // "": nothing is wrong
		away      bool
	}{
		{"as it should be", s.url(""), "", false},
		{"with a user", s.url("shop:hush@"), "", false},
		{"with the rights that are asked for", s.url("enough:hush@"), "", false},
		{"in another database", s.url("") + "/3", "", false},
		{"with TLS", s.secure("?ca=" + s.ca()), "", false},
		{"wrong password", s.url("shop:hash@"), "refuses the user and the password", false},
		{"no such user", s.url("nobody:hush@"), "refuses the user and the password", false},
		{"may do nothing", s.url("poor:hush@"), "lacks rights", false},
		{"may not publish", s.url("mute:hush@"), "lacks rights", false},
		{"may do so elsewhere", s.url("alien:hush@"), "lacks rights", false},
		{"no such database", s.url("") + "/99", "out of range", false},
		{"an authority that is not known", s.secure(""), "name its file with ?ca=", false},
		{"another name", strings.Replace(s.secure("?ca="+s.ca()), "127.0.0.1", "127.0.0.2", 1), "does not answer", true},
		{"TLS where there is none", strings.Replace(s.url(""), "redis:", "rediss:", 1), "does not answer", true}, // it waits for more
		{"no TLS where there is", fmt.Sprintf("redis://127.0.0.1:%d", s.port+1), "does not answer", true},
		{"nobody there", "redis://127.0.0.1:1", "does not answer", true},
		{"no such host", "redis://nowhere.invalid", "does not answer", true},
	} {
		err := open(t, tt.url).Check(t.Context())
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		case errors.Is(err, redis.ErrAway) != tt.away:
			t.Errorf("%s: ErrAway is %v: %v", tt.name, !tt.away, err)
		case err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: got %q, want one sentence without a secret", tt.name, err)
		}
	}
	s.run("pause")
	if err := open(t, s.url("")).Check(t.Context()); !errors.Is(err, redis.ErrAway) {
		t.Errorf("paused: got %v", err)
	}
	s.run("resume")
}

func TestAddress(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"redis://shop:hush@cache":                   "",
		"redis://cache:7000/2":                      "",
		"redis://[::1]:7000":                        "",
		"rediss://cache":                            "",
		"redis://cache?prefix=two":                  "",
		"":                                          "must be redis://",
		"memcache://cache":                          "must be redis://",
		"redis://":                                  "must be redis://",
		"redis://shop:hush@":                        "must be redis://",
		"redis://shop:hush@cache:%zz":               "is no URL",
		"redis://cache/two":                         `names the database "two"`,
		"redis://cache/-1":                          `names the database "-1"`,
		"redis://cache?ca=x":                        "must begin with rediss://",
		"redis://cache?password=hush":               `has the parameter "password"`,
		"rediss://cache?prefix=":                    `has the parameter "prefix"`,
		"rediss://cache?ca=/nowhere/ca.pem":         "ca: open /nowhere/ca.pem",
		"rediss://cache?ca=" + empty:                "ca: no certificate is in",
		"rediss://cache?cert=/nowhere/c&key=/no":    "cert and key: open /nowhere/c",
		"rediss://shop:hush@cache?key=/nowhere/key": "cert and key:",
	} {
		s, err := redis.New(address)
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}
