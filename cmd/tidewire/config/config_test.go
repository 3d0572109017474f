package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func value(t *testing.T, l *Loaded, key string) Value {
	t.Helper()
	i := slices.IndexFunc(l.Values, func(v Value) bool { return v.Key == key })
	if i < 0 {
		t.Fatalf("no value %s", key)
	}
	return l.Values[i]
}

func TestDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Listen != "127.0.0.1:3000" || l.Admin != "127.0.0.1:3001" || l.Retention != 30*24*time.Hour || l.Order.Style != "orchestrated" {
		t.Errorf("got %+v", l.Config)
	}
	for _, v := range l.Values {
		if v.Origin != "default" || v.Value != v.Default || v.Meaning == "" {
			t.Errorf("got %+v, want its default and a meaning", v)
		}
	}
}

func TestRanks(t *testing.T) {
	t.Chdir(t.TempDir())
	file := write(t, "t.yaml", "# comment\nlisten: 127.0.0.1:1\nadmin: 127.0.0.1:1\nshop:\n  currency: EUR\norder.style: choreographed\nlog:\n  level: debug\n")
	l, err := Load(Source{
		File:    file,
		Environ: []string{"TIDEWIRE_ADMIN=127.0.0.1:2", "TIDEWIRE_SHOP_CURRENCY=CHF", "TIDEWIRE_LOG_LEVEL="},
		Set:     []string{"shop.currency=JPY", "data=x"},
		Flags:   map[string]string{"data": "y"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Value{
		{Key: "listen", Value: "127.0.0.1:1", Origin: file + ":2"},
		{Key: "admin", Value: "127.0.0.1:2", Origin: "environment TIDEWIRE_ADMIN"},
		{Key: "shop.currency", Value: "JPY", Origin: "--set"},
		{Key: "order.style", Value: "choreographed", Origin: file + ":6"},
		{Key: "log.level", Value: "debug", Origin: file + ":8"},
		{Key: "data", Value: "y", Origin: "--data"},
		{Key: "retention", Value: "30d", Origin: "default"},
	} {
		if got := value(t, l, want.Key); got.Value != want.Value || got.Origin != want.Origin {
			t.Errorf("got %s from %s, want %s from %s", got.Value, got.Origin, want.Value, want.Origin)
		}
	}
}

func TestDefaultFileIsRead(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(defaultFile, []byte("data: elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Load(Source{})
	if err != nil || l.Data != "elsewhere" {
		t.Errorf("got %q, %v", l.Data, err)
	}
}

func TestRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		name, file string
		set        string
		environ    string
		want       string
	}{
		{name: "unknown in a file", file: "data: x\n\nlisen: 127.0.0.1:1\n", want: `t.yaml:3: unknown key "lisen": did you mean "listen"?`},
		{name: "unknown and nested", file: "order:\n  stile: x\n", want: `t.yaml:2: unknown key "order.stile": did you mean "order.style"?`},
		{name: "unknown in --set", set: "retentoin=1d", want: `--set: unknown key "retentoin": did you mean "retention"?`},
		{name: "a list", file: "listen: [a, b]\n", want: "t.yaml:1: listen must be one value"},
		{name: "no mapping", file: "hello\n", want: "t.yaml:1: must be lines of key: value"},
		{name: "twice", file: "data: x\ndata: y\n", want: "t.yaml:2: not YAML"},
		{name: "broken", file: "data: x\n  listen: [\n", want: "t.yaml:"},
		{name: "no =", set: "listen", want: "must be key=value"},
		{name: "other streams", set: "streams=nats://x", want: "streams: must begin with kafka://"},
		{name: "streams with what is not", set: "streams=kafka://x?acks=1", want: "streams: it has no acks"},
		{name: "later key", set: "auth.issuer=x", want: "auth.issuer is not yet in this version"},
		{name: "later keys", file: "limits:\n  user: 3\n", want: "limits.user is not yet in this version"},
		{name: "later mode", environ: "TIDEWIRE_AUTH_MODE=jwt", want: "TIDEWIRE_AUTH_MODE: auth.mode: jwt is not yet in this version"},
		{name: "no style", set: "order.style=x", want: `order.style: "x" is not one of orchestrated, choreographed, parallel`},
		{name: "the world", set: "listen=0.0.0.0:3000", want: "0.0.0.0:3000 is not a loopback address"},
		{name: "the world, unnamed", set: "listen=:3000", want: "is not a loopback address"},
		{name: "the world, operators", set: "admin=192.168.0.1:1", want: "is not a loopback address"},
		{name: "no port", set: "listen=localhost", want: "is not HOST:PORT"},
		{name: "other database", set: "database=mysql://x", want: "database: must be empty"},
		{name: "other cache", set: "cache=memcached://x", want: "cache: must be redis://"},
		{name: "a cache without TLS", set: "cache=redis://x?ca=y", want: `cache: has the parameter "ca", which is for TLS`},
		{name: "other search", set: "search=http://x", want: "search: must be opensearch+http://"},
		{name: "duration", set: "retention=xd", want: `retention: "xd" is no number of days`},
		{name: "short", set: "retention=1h", want: "retention: 1h0m0s is less than a day"},
		{name: "no day", set: "carrier.day=0s", want: "carrier.day: 0s is less than 100ms"},
		{name: "currency", set: "shop.currency=XXQ", want: "shop.currency"},
		{name: "data", set: "data=", want: "data: must name a directory"},
		{name: "no secret", set: "database_file=/nowhere/at/all", want: "database_file: open /nowhere/at/all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := Source{}
			if tt.file != "" {
				src.File = write(t, "t.yaml", tt.file)
			}
			if tt.set != "" {
				src.Set = []string{tt.set}
			}
			if tt.environ != "" {
				src.Environ = []string{tt.environ}
			}
			_, err := Load(src)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line", err)
			}
		})
	}
}

func TestMissingFileIsAnErrorWhenNamed(t *testing.T) {
	if _, err := Load(Source{File: filepath.Join(t.TempDir(), "none.yaml")}); err == nil {
		t.Error("got nil, want an error")
	}
}

func TestWarnings(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := Load(Source{Environ: []string{"KAFKA_BROKERS=a:1", "TIDEWIRE_PORT_3000_TCP=x", "TIDEWIRE_TEST_KAFKA=z", "OTHER=y"}})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(l.Warnings, "\n")
	for _, want := range []string{"KAFKA_BROKERS is used as streams", "TIDEWIRE_PORT_3000_TCP"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if len(l.Warnings) != 2 {
		t.Errorf("got %q, want two warnings", got)
	}
}

func TestSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	file := write(t, "url", "postgres://shop:hush@db/shop?password=hush\n")
	l, err := Load(Source{Environ: []string{"TIDEWIRE_DATABASE_FILE=" + file}})
	if err != nil {
		t.Fatal(err)
	}
	if l.Database != "postgres://shop:hush@db/shop?password=hush" {
		t.Errorf("got %q, want the content of the file", l.Database)
	}
	v := value(t, l, "database")
	if strings.Contains(v.Value, "hush") || !strings.Contains(v.Value, "shop:xxxxx@db") {
		t.Errorf("got %q, want no secret in it", v.Value)
	}
	if v.Origin != "environment TIDEWIRE_DATABASE_FILE database_file" {
		t.Errorf("got origin %q", v.Origin)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"listen", "lisen", 1}, {"mial", "mail", 1}, {"ab", "ba", 1}, {"ca", "abc", 3}, {"abc", "abc", 0}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{"30d": "30d", "48h": "2d", "90m": "1h30m0s", "1d": "1d"} {
		d, err := parseDuration(text)
		if got := formatDuration(d); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "99999999d", "-1h", "x"} {
		if _, err := parseDuration(text); err == nil {
			t.Errorf("%q: got nil, want an error", text)
		}
	}
}
