package config

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A field is one key of a Config, and where its value came from. It is found by
// reflection, so that a key is declared once and can be set in every form from then on.
type field struct {
	key, byDefault, doc string
	values, later       []string
	secret              bool
	at                  reflect.Value
	origin              string
}

// fieldsOf lists the keys of c as its tags describe them.
func fieldsOf(c *Config) []*field {
	var fields []*field
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag
			if tag.Get("key") == "" {
				walk(v.Field(i))
				continue
			}
			fields = append(fields, &field{
				key: tag.Get("key"), byDefault: tag.Get("default"), doc: tag.Get("doc"),
				values: strings.Fields(tag.Get("values")), later: strings.Fields(tag.Get("later")),
				secret: tag.Get("secret") != "", at: v.Field(i),
			})
		}
	}
	walk(reflect.ValueOf(c).Elem())
	return fields
}

// set parses text into the field.
func (f *field) set(text, origin string) error {
	switch f.at.Interface().(type) {
	case string:
		if err := f.allow(text); err != nil {
			return err
		}
		f.at.SetString(text)
	case time.Duration:
		d, err := parseDuration(text)
		if err != nil {
			return fmt.Errorf("%s: %w", f.key, err)
		}
		f.at.SetInt(int64(d))
	case bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%s: %q is neither true nor false", f.key, text)
		}
		f.at.SetBool(text == "true")
	case float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s: %q is no number", f.key, text)
		}
		f.at.SetFloat(n)
	default:
		return fmt.Errorf("%s: no value of type %s can be set", f.key, f.at.Type())
	}
	f.origin = origin
	return nil
}

// allow returns an error for a word that the field does not take.
func (f *field) allow(text string) error {
	switch {
	case len(f.values) == 0 || slices.Contains(f.values, text) || text == f.byDefault:
		return nil
	case slices.Contains(f.later, text):
		return fmt.Errorf("%s: %s is not yet in this version", f.key, text)
	}
	return fmt.Errorf("%s: %q is not one of %s", f.key, text, strings.Join(f.values, ", "))
}

// shown is the field as it may be printed.
func (f *field) shown() Value {
	value := fmt.Sprint(f.at.Interface())
	if d, ok := f.at.Interface().(time.Duration); ok {
		value = formatDuration(d)
	}
	if f.secret {
		value = redact(value)
	}
	return Value{Key: f.key, Value: value, Origin: f.origin, Default: f.byDefault, Meaning: f.doc}
}

// redact hides what is secret in a URL, and everything that is no URL: whoever shows a
// configuration to others need not read it first.
func redact(secret string) string {
	if secret == "" {
		return ""
	}
	u, err := url.Parse(secret)
	if err != nil || u.Host == "" {
		return "xxxxx"
	}
	if u.RawQuery != "" { // libpq takes a password there too
		u.RawQuery = "xxxxx"
	}
	return u.Redacted()
}

// parseDuration reads a duration of Go, or whole days of 24 hours: 30d, 12h, 1h30m. The
// most is 100 years, well below what a time.Duration holds.
func parseDuration(text string) (time.Duration, error) {
	const most = 100 * 365
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && 0 <= n && n <= most {
			return time.Duration(n) * 24 * time.Hour, nil
		}
		return 0, fmt.Errorf("%q is no number of days", text)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration such as 30d or 12h", text)
	}
	return d, nil
}

// formatDuration writes what parseDuration reads.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}
