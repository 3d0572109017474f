package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// A Source is where configuration comes from. What stands later wins.
type Source struct {
	File    string            // YAML; empty: ./tidewire.yaml if there is one
	Environ []string          // NAME=value, as os.Environ returns it
	Set     []string          // key=value, of --set
	Flags   map[string]string // by key, of flags that have a name of their own
}

const defaultFile = "tidewire.yaml"

// A Loaded is a configuration, and how it came about.
type Loaded struct {
	Config
	Values   []Value  // one for each key, in the order of the documentation
	Warnings []string // what was found odd, and left alone
}

// A Value is one key as it was set. Secrets are not shown.
type Value struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Origin  string `json:"origin"`
	Default string `json:"default"`
	Meaning string `json:"meaning"`
}

// Load reads the configuration from all of src. Its error is one sentence that says
// what to change.
func Load(src Source) (*Loaded, error) {
	l := &loader{loaded: &Loaded{}}
	l.fields = fieldsOf(&l.loaded.Config)
	for _, f := range l.fields {
		if err := f.set(f.byDefault, "default"); err != nil {
			return nil, err
		}
	}
	// From the lowest rank to the highest: each step writes over those before it.
	steps := []func(Source) error{l.legacy, l.file, l.environment, l.set}
	for _, step := range steps {
		if err := step(src); err != nil {
			return nil, err
		}
	}
	l.mailUser(src)
	if err := l.loaded.check(); err != nil {
		return nil, err
	}
	for _, f := range l.fields {
		l.loaded.Values = append(l.loaded.Values, f.shown())
	}
	return l.loaded, nil
}

// A loader puts a configuration together, one source after the other.
type loader struct {
	loaded *Loaded
	fields []*field
}

// legacy takes the names that others know of.
func (l *loader) legacy(src Source) error {
	for _, old := range legacy {
		value, ok := lookup(src.Environ, old.name)
		if !ok {
			continue
		}
		if isLater(old.key) {
			l.warn("%s is set, but %s is not yet in this version: ignored", old.name, old.key)
			continue
		}
		l.warn("%s is used as %s", old.name, old.key)
		if old.key == "streams" && !strings.Contains(value, "://") {
			value = "kafka://" + value
		}
		if err := l.take(old.key, value, "environment "+old.name); err != nil {
			return err
		}
	}
	return nil
}

// file takes the lines of a file. One that is named must be there.
func (l *loader) file(src Source) error {
	name := src.File
	if name == "" {
		if _, err := os.Stat(defaultFile); err != nil {
			return nil
		}
		name = defaultFile
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	settings, err := parseYAML(text)
	if err != nil {
		return fmt.Errorf("%s:%w", name, err)
	}
	for _, s := range settings {
		if err := l.take(s.key, s.value, fmt.Sprintf("%s:%d", name, s.line)); err != nil {
			return fmt.Errorf("%s:%d: %w", name, s.line, err)
		}
	}
	return nil
}

const (
	prefix   = "TIDEWIRE_"
	forTests = "TIDEWIRE_TEST_" // scripts/servers env prints these, too: nobody means us by them
)

// environment takes TIDEWIRE_ names. An empty one counts as not set, as it does for
// those who write compose files.
func (l *loader) environment(src Source) error {
	known := map[string]string{}
	for _, f := range l.fields {
		known[environmentName(f.key)] = f.key
		if f.secret {
			known[environmentName(f.key)+"_FILE"] = f.key + "_file"
		}
	}
	for _, pair := range slices.Sorted(slices.Values(src.Environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, forTests) || value == "" {
			continue
		}
		key, ok := known[name]
		if !ok {
			l.warn("%s is set, but there is no such configuration: ignored", name)
			continue
		}
		if err := l.take(key, value, "environment "+name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// set takes --set, of which the last wins, and the flags that have a name of their own:
// they win over --set, for they are the plainer wish.
func (l *loader) set(src Source) error {
	for _, pair := range src.Set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("--set %s: must be key=value", pair)
		}
		if err := l.take(key, value, "--set"); err != nil {
			return fmt.Errorf("--set: %w", err)
		}
	}
	for key, value := range src.Flags {
		if err := l.take(key, value, "--"+key); err != nil {
			return fmt.Errorf("--%s: %w", key, err)
		}
	}
	return nil
}

// take sets key to what text says. A secret's file loses the end of its last line, which
// editors add.
func (l *loader) take(key, text, origin string) error {
	for _, f := range l.fields {
		switch {
		case f.key == key:
			return f.set(text, origin)
		case f.secret && f.key+"_file" == key:
			secret, err := os.ReadFile(text)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			return f.set(strings.TrimRight(string(secret), "\r\n"), origin+" "+key)
		}
	}
	if isLater(key) {
		return fmt.Errorf("%s is not yet in this version", key)
	}
	if meant := l.nearest(key); meant != "" {
		return fmt.Errorf("unknown key %q: did you mean %q?", key, meant)
	}
	return fmt.Errorf("unknown key %q: tidewire config lists all keys", key)
}

// nearest is the known key that is the least typing away; "" if none is near, for a wild
// guess misleads.
func (l *loader) nearest(key string) string {
	best, least := "", -1
	for _, f := range l.fields {
		d := distance(key, f.key)
		if near(key, f.key, d) && (least < 0 || d < least) {
			best, least = f.key, d
		}
	}
	return best
}

// near reports whether known, at distance d, can have been meant by key: at most a third
// of it is typed otherwise, or one of the two begins with the other.
func near(key, known string, d int) bool {
	return d <= len(known)/3 || key != "" && (strings.HasPrefix(known, key) || strings.HasPrefix(key, known))
}

func (l *loader) warn(format string, args ...any) {
	l.loaded.Warnings = append(l.loaded.Warnings, fmt.Sprintf(format, args...))
}

// isLater reports whether a key is of a later version. It is refused, for whoever sets
// it expects it to do something.
func isLater(key string) bool {
	return slices.ContainsFunc(later, func(k string) bool {
		return k == key || strings.HasSuffix(k, ".") && strings.HasPrefix(key, k)
	})
}

// environmentName is a key's name in the environment.
func environmentName(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// lookup finds the last value of a name that is not empty.
func lookup(environ []string, name string) (value string, ok bool) {
	for _, pair := range environ {
		if n, v, _ := strings.Cut(pair, "="); n == name && v != "" {
			value, ok = v, true
		}
	}
	return value, ok
}

// distance is the number of letters to insert, delete or replace, and of neighbours to
// swap, to make a of b (Damerau 1964, in its restricted form: no letter is edited twice).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1) // of the beginnings of a; in a row, those of b
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := range len(a) {
		for j := range len(b) {
			least := rows[i][j]
			if a[i] != b[j] {
				least++
			}
			least = min(least, rows[i+1][j]+1, rows[i][j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				least = min(least, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = least
		}
	}
	return rows[len(a)][len(b)]
}
