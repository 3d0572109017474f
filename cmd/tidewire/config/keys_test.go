package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// examples are a value for each key, another one than its default where it takes one.
// A key without an example fails the tests below.
var examples = map[string]string{
	"data":               "elsewhere",
	"database":           "postgres://shop:hush@db/shop",
	"queues":             "amqp://shop:hush@broker:5672/shop",
	"cache":              "redis://shop:hush@cache:6379/2",
	"streams":            "kafka://shop:hush@a:9092",
	"search":             "opensearch+http://shop:hush@search:9200",
	"database.replica":   "postgres://shop:hush@replica/shop",
	"listen":             "127.0.0.1:7",
	"admin":              "[::1]:8",
	"retention":          "45d",
	"order.style":        "choreographed",
	"order.check_stock":  "true",
	"payment.provider":   "simulator",
	"payment.simulator":  "http://127.0.0.1:9",
	"mail":               "smtp://shop:hush@mail:587",
	"carrier.day":        "2m0s",
	"shop.currency":      "EUR",
	"shop.sender":        "Deli <deli@example.com>",
	"auth.mode":          "open",
	"grpc.listen":        "127.0.0.1:6000",
	"services.user":      "users:50051,127.0.0.1:6001",
	"services.product":   "127.0.0.1:6002",
	"services.order":     "127.0.0.1:6003",
	"services.payment":   "127.0.0.1:6004",
	"services.inventory": "127.0.0.1:6005",
	"services.shipping":  "127.0.0.1:6006",
	"services.analytics": "127.0.0.1:6007",
	"log.format":         "json",
	"log.level":          "debug",
	"traces":             "otlp+http://collector:4318",
	"traces.sample":      "0.25",
}

// A place is a field of Config, found without the code under test.
type place struct {
	key    string
	tag    reflect.StructTag
	of     reflect.Type
	number []int // for FieldByIndex
}

// value is what c has there, as somebody would write it.
func (p place) value(c Config) string {
	v := reflect.ValueOf(c).FieldByIndex(p.number)
	if d, ok := v.Interface().(time.Duration); ok {
		return formatDuration(d)
	}
	return fmt.Sprint(v.Interface())
}

// places walks the struct: whoever adds a field is asked for its key, meaning and example.
func places(t *testing.T) (all []place) {
	t.Helper()
	var walk func(of reflect.Type, number []int)
	walk = func(of reflect.Type, number []int) {
		for i := range of.NumField() {
			f := of.Field(i)
			at := append(slices.Clone(number), i)
			if key := f.Tag.Get("key"); key != "" {
				all = append(all, place{key, f.Tag, f.Type, at})
				continue
			}
			if f.Type.Kind() != reflect.Struct {
				t.Errorf("field %s has no key: nobody can set it", f.Name)
				continue
			}
			walk(f.Type, at)
		}
	}
	walk(reflect.TypeFor[Config](), nil)
	return all
}

func TestEveryKeyIsDocumentedAndHasAnExample(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range places(t) {
		if seen[p.key] {
			t.Errorf("%s is there twice", p.key)
		}
		seen[p.key] = true
		if p.tag.Get("doc") == "" {
			t.Errorf("%s has no doc", p.key)
		}
		if _, ok := examples[p.key]; !ok {
			t.Errorf("%s has no example here", p.key)
		}
		if p.key != strings.ToLower(p.key) || strings.Count(p.key, ".") > 1 {
			t.Errorf("%s: must be small letters, with at most one dot", p.key)
		}
	}
	for key := range examples {
		if !seen[key] {
			t.Errorf("%s is no key any more", key)
		}
	}
}

// nested writes a key as a file with a mapping for each part of its name.
func nested(key, text string) string {
	out := ""
	parts := strings.Split(key, ".")
	for depth, name := range parts {
		out += strings.Repeat("  ", depth) + name + ":"
		if depth < len(parts)-1 {
			out += "\n"
		}
	}
	return out + fmt.Sprintf(" %q\n", text)
}

// Each key can be set in each way, and says which way it was.
func TestEveryKeyInEveryForm(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, p := range places(t) {
		text := examples[p.key]
		capitals := "TIDEWIRE_" + strings.ToUpper(strings.ReplaceAll(p.key, ".", "_"))
		dotted := write(t, "dotted.yaml", fmt.Sprintf("# first line\n%s: %q\n", p.key, text))
		mapped := write(t, "nested.yaml", nested(p.key, text))
		for _, form := range []struct {
			name, origin string
			src          Source
		}{
			{"dotted file", dotted + ":2", Source{File: dotted}},
			{"nested file", fmt.Sprintf("%s:%d", mapped, 1+strings.Count(p.key, ".")), Source{File: mapped}},
			{"environment", "environment " + capitals, Source{Environ: []string{capitals + "=" + text}}},
			{"--set", "--set", Source{Set: []string{p.key + "=" + text}}},
			{"flag", "--" + p.key, Source{Flags: map[string]string{p.key: text}}},
		} {
			l, err := Load(form.src)
			if err != nil {
				t.Errorf("%s by %s: %v", p.key, form.name, err)
				continue
			}
			if got := p.value(l.Config); got != text {
				t.Errorf("%s by %s: got %q, want %q", p.key, form.name, got, text)
			}
			if got := value(t, l, p.key); got.Origin != form.origin || got.Default != p.tag.Get("default") || got.Meaning != p.tag.Get("doc") {
				t.Errorf("%s by %s: got %+v, want from %s", p.key, form.name, got, form.origin)
			}
			for _, other := range l.Values {
				if other.Key != p.key && other.Origin != "default" {
					t.Errorf("%s by %s: sets %s too", p.key, form.name, other.Key)
				}
			}
		}
	}
}

// A secret may be in a file of its own, whichever way that is named; nothing else may.
func TestSecretsComeFromFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, p := range places(t) {
		file := write(t, "secret", examples[p.key]+"\r\n")
		capitals := environmentName(p.key) + "_FILE"
		forms := map[string]Source{
			"--set":       {Set: []string{p.key + "_file=" + file}},
			"file":        {File: write(t, "t.yaml", fmt.Sprintf("%s_file: %q\n", p.key, file))},
			"environment": {Environ: []string{capitals + "=" + file}},
		}
		for name, src := range forms {
			l, err := Load(src)
			if p.tag.Get("secret") == "" {
				warned := err == nil && len(l.Warnings) == 1 && strings.HasPrefix(l.Warnings[0], capitals+" is set, but")
				refused := err != nil && strings.Contains(err.Error(), fmt.Sprintf("unknown key %q", p.key+"_file"))
				if !warned && !refused {
					t.Errorf("%s_file by %s: got %v, want it refused or warned of", p.key, name, err)
				}
				continue
			}
			if err != nil || p.value(l.Config) != examples[p.key] {
				t.Errorf("%s_file by %s: got %v, want the content without its line's end", p.key, name, err)
				continue
			}
			if origin := value(t, l, p.key).Origin; !strings.HasSuffix(origin, " "+p.key+"_file") {
				t.Errorf("%s_file by %s: got from %s", p.key, name, origin)
			}
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ name, set, want string }{
		{"none", "", ""},
		{"a password", "postgres://shop:hush@db:5432/shop", "postgres://shop:xxxxx@db:5432/shop"},
		{"no password", "postgres://shop@db/shop", "postgres://shop@db/shop"},
		{"among the parameters", "postgres://db/shop?user=shop&password=hush", "postgres://db/shop?xxxxx"},
		{"in both", "postgresql://a:hush@db/shop?sslpassword=hush", "postgresql://a:xxxxx@db/shop?xxxxx"},
		{"with signs", "postgres://a:hu%2Fsh%40@db/shop", "postgres://a:xxxxx@db/shop"},
		{"no URL", "postgres://hush hush:%zz", "xxxxx"},
		{"no host", "postgres:///shop?password=hush", "xxxxx"},
	} {
		l, err := Load(Source{Set: []string{"database=" + tt.set}})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := value(t, l, "database").Value; got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if l.Database != tt.set {
			t.Errorf("%s: got %q to connect to, want %q", tt.name, l.Database, tt.set)
		}
	}
	l, err := Load(Source{Set: []string{"traces=zipkin+http://shop:hush@collector:9411"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := value(t, l, "traces").Value, "zipkin+http://shop:xxxxx@collector:9411"; got != want {
		t.Errorf("traces: got %q, want %q", got, want)
	}
	for _, set := range []string{"database=mysql://shop:hush@db/shop", "traces=otlp+http://shop:hush@collector:4318", "traces=jaeger+http://shop:hush@collector", "cache=memcached://shop:hush@cache", "cache=redis://shop:hush@cache/two", "search=http://shop:hush@search"} {
		if _, err := Load(Source{Set: []string{set}}); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want an error without the secret", set, err)
		}
	}
}

// Whoever mistypes a key is told the one that was meant, wherever it stands.
func TestNearestKey(t *testing.T) {
	t.Chdir(t.TempDir())
	for typed, want := range map[string]string{
		"listne": "listen", "Listen": "listen", "dta": "data", "databse": "database", "retenton": "retention",
		"order.stlye": "order.style", "orderstyle": "order.style", "payment.provder": "payment.provider",
		"payments.simulator": "payment.simulator", "shop.curency": "shop.currency", "auth.mod": "auth.mode",
		"log.lvl": "log.level", "mial": "mail", "maill": "mail", "lisen": "listen", "daat": "data", "log.fromat": "log.format", "admn": "admin",
	} {
		_, err := Load(Source{Set: []string{typed + "=x"}})
		if sentence := fmt.Sprintf("--set: unknown key %q: did you mean %q?", typed, want); err == nil || err.Error() != sentence {
			t.Errorf("--set: got %v, want %s", err, sentence)
		}
		file := write(t, "t.yaml", "\n# a remark\n\n"+typed+": x\n")
		_, err = Load(Source{File: file})
		if sentence := fmt.Sprintf("%s:4: unknown key %q: did you mean %q?", file, typed, want); err == nil || err.Error() != sentence {
			t.Errorf("a file: got %v, want %s", err, sentence)
		}
	}
}

// A guess that is far off misleads: whoever types what is like no key is told where they are.
func TestNoKeyIsNear(t *testing.T) {
	t.Chdir(t.TempDir())
	for typed, want := range map[string]string{
		"nope": `tidewire config lists all keys`, "x": `tidewire config lists all keys`, "": `tidewire config lists all keys`,
		"kafka.brokers": `tidewire config lists all keys`, "colour": `tidewire config lists all keys`,
		"dat": `did you mean "data"?`, "order": `did you mean "order.style"?`, "listen.host": `did you mean "listen"?`,
	} {
		_, err := Load(Source{Set: []string{typed + "=1"}})
		if sentence := fmt.Sprintf("--set: unknown key %q: %s", typed, want); err == nil || err.Error() != sentence {
			t.Errorf("got %v, want %s", err, sentence)
		}
	}
}

func TestRetentionIsInDays(t *testing.T) {
	t.Chdir(t.TempDir())
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{"30d": 30 * day, "1d": day, "24h": day, "36h30m": 36*time.Hour + 30*time.Minute, "36500d": 36500 * day} {
		l, err := Load(Source{Set: []string{"retention=" + text}})
		if err != nil || l.Retention != want {
			t.Errorf("%s: got %v, want %v", text, err, want)
			continue
		}
		shown := value(t, l, "retention").Value
		if again, err := parseDuration(shown); err != nil || again != want {
			t.Errorf("%s is shown as %s, which reads as %v, %v", text, shown, again, err)
		}
	}
	for text, want := range map[string]string{
		"0d": "less than a day", "23h59m": "less than a day", "30": "no duration", "30 d": "no number of days", "-3d": "no number of days",
		"1.5d": "no number of days", "36501d": "no number of days", "": "no duration", "d": "no number of days", "1w": "no duration", "-24h": "no duration",
	} {
		if _, err := Load(Source{Set: []string{"retention=" + text}}); err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "--set: "), "retention: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// Names of ours that mean nothing are told of; names of others are none of our business.
func TestUnknownNamesOfTheEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	l, err := Load(Source{Environ: []string{
		"TIDEWIRE_LISTNE=x", "TIDEWIRE_=x", "TIDEWIRE_LISTEN_FILE=x", "TIDEWIRE_EMPTY=", "TIDEWIREX=y", "LISTEN=z", "tidewire_listen=x", "ODD",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, w := range l.Warnings {
		name, rest, _ := strings.Cut(w, " ")
		names = append(names, name)
		if rest != "is set, but there is no such configuration: ignored" {
			t.Errorf("got %q", w)
		}
	}
	if got, want := strings.Join(names, " "), "TIDEWIRE_ TIDEWIRE_LISTEN_FILE TIDEWIRE_LISTNE"; got != want {
		t.Errorf("got warnings of %s, want %s", got, want)
	}
	if l.Listen != "127.0.0.1:3000" {
		t.Errorf("got listen %s", l.Listen)
	}
}

// No key of a later version is taken for one of this, nor the other way round.
func TestLaterKeysAreRefusedByName(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, p := range places(t) {
		if isLater(p.key) {
			t.Errorf("%s is refused as a later key", p.key)
		}
		for _, word := range strings.Fields(p.tag.Get("later")) {
			_, err := Load(Source{Set: []string{p.key + "=" + word}})
			if want := fmt.Sprintf("--set: %s: %s is not yet in this version", p.key, word); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
	for _, key := range later {
		if strings.HasSuffix(key, ".") {
			key += "any"
		}
		_, err := Load(Source{Set: []string{key + "=x"}})
		if want := "--set: " + key + " is not yet in this version"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The ranks hold for each pair of neighbours: the later one wins, alone or with all below.
func TestLaterSourcesWin(t *testing.T) {
	t.Chdir(t.TempDir())
	sources := []struct {
		name string
		add  func(*Source)
	}{
		{"file", func(s *Source) { s.File = write(t, "t.yaml", "data: file\n") }},
		{"environment", func(s *Source) { s.Environ = []string{"TIDEWIRE_DATA=environment"} }},
		{"set", func(s *Source) { s.Set = []string{"data=before", "data=set"} }},
		{"flag", func(s *Source) { s.Flags = map[string]string{"data": "flag"} }},
	}
	for subset := 1; subset < 1<<len(sources); subset++ {
		var src Source
		want := ""
		for i, s := range sources {
			if subset&(1<<i) != 0 {
				s.add(&src)
				want = s.name
			}
		}
		if l, err := Load(src); err != nil || l.Data != want {
			t.Errorf("sources %04b: got %v, want %s", subset, err, want)
		}
	}
}

func TestSecretFileThatCannotBeRead(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, file := range map[string]string{"none": filepath.Join(t.TempDir(), "none"), "a folder": t.TempDir()} {
		_, err := Load(Source{Environ: []string{"TIDEWIRE_DATABASE_FILE=" + file}})
		if err == nil || !strings.HasPrefix(err.Error(), "TIDEWIRE_DATABASE_FILE: database_file: ") || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	empty := write(t, "empty", "\n")
	if l, err := Load(Source{Environ: []string{"TIDEWIRE_DATABASE_FILE=" + empty}}); err != nil || l.Database != "" {
		t.Errorf("an empty one: got %v, want embedded SQLite", err)
	}
}

// Loading changes nothing: not the folder it reads in, nor what it was given.
func TestLoadOnlyReads(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	src := Source{Environ: []string{"TIDEWIRE_LOG_LEVEL=warn", "A=b"}, Set: []string{"data=d"}, Flags: map[string]string{"listen": "127.0.0.1:0"}}
	environ, set, flags := slices.Clone(src.Environ), slices.Clone(src.Set), maps.Clone(src.Flags)
	if _, err := Load(src); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(src.Environ, environ) || !slices.Equal(src.Set, set) || !maps.Equal(src.Flags, flags) {
		t.Errorf("got %+v changed", src)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v, want an empty folder", entries, err)
	}
}
