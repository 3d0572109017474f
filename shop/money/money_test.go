package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		digits, currency string
		want             int64
		err              error
	}{
		{"1200", "USD", 120000, nil},
		{"1200.00", "USD", 120000, nil},
		{"1200.5", "USD", 120050, nil},
		{"0.1", "EUR", 10, nil},
		{"0", "USD", 0, nil},
		{"007", "USD", 700, nil},
		{"999999999.99", "USD", 99999999999, nil},
		{"999999999999.99", "USD", 99999999999999, nil},
		{"000000000000000000000001", "USD", 100, nil},
		{"1200", "JPY", 1200, nil},
		{"1.234", "KWD", 1234, nil},
		{"1.2345", "CLF", 12345, nil},
		{"999999999999.9999", "CLF", 9999999999999999, nil},
		{"1200.0", "JPY", 0, ErrAmount},
		{"0.001", "USD", 0, ErrAmount},
		{"1.000", "USD", 0, ErrAmount},
		{"1000000000000", "USD", 0, ErrAmount},
		{"1e3", "USD", 0, ErrAmount},
		{"1e400", "USD", 0, ErrAmount},
		{"-1", "USD", 0, ErrAmount},
		{"+1", "USD", 0, ErrAmount},
		{"", "USD", 0, ErrAmount},
		{".", "USD", 0, ErrAmount},
		{".5", "USD", 0, ErrAmount},
		{"5.", "USD", 0, ErrAmount},
		{"1.2.3", "USD", 0, ErrAmount},
		{" 1", "USD", 0, ErrAmount},
		{"1 000", "USD", 0, ErrAmount},
		{"1,000", "USD", 0, ErrAmount},
		{"0x10", "USD", 0, ErrAmount},
		{"NaN", "USD", 0, ErrAmount},
		{"Infinity", "USD", 0, ErrAmount},
		{"١", "USD", 0, ErrAmount}, // a digit, but not one of ours
		{"1", "usd", 0, ErrCurrency},
		{"1", "", 0, ErrCurrency},
		{"1", "XXX", 0, ErrCurrency},
		{"1", strings.Repeat("USD", 1000), 0, ErrCurrency},
	} {
		got, err := Parse(c.digits, c.currency)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Parse(%q, %.10q): got %d, %v, want %d, %v", c.digits, c.currency, got, err, c.want, c.err)
		}
		if err != nil && len(err.Error()) > 150 {
			t.Errorf("Parse(%.10q): error of %d bytes repeats its input", c.digits, len(err.Error()))
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{120000, "USD", "1200.00"},
		{1, "USD", "0.01"},
		{10, "USD", "0.10"},
		{0, "USD", "0.00"},
		{-5, "USD", "-0.05"},
		{-120000, "USD", "-1200.00"},
		{1200, "JPY", "1200"},
		{-1, "JPY", "-1"},
		{1234, "KWD", "1.234"},
		{1, "CLF", "0.0001"},
		{9223372036854775807, "USD", "92233720368547758.07"},
		{-9223372036854775808, "USD", "-92233720368547758.08"},
		{100, "XXX", "1.00"},
	} {
		if got := Format(c.minor, c.currency); got != c.want {
			t.Errorf("Format(%d, %s): got %s, want %s", c.minor, c.currency, got, c.want)
		}
	}
}

func TestParseReadsWhatFormatWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64Range(0, 999_999_999_999).Draw(t, "minor")
		currency := rapid.SampledFrom([]string{"USD", "JPY", "KWD", "CLF"}).Draw(t, "currency")
		got, err := Parse(Format(minor, currency), currency)
		if err != nil || got != minor {
			t.Fatalf("got %d, %v, want %d", got, err, minor)
		}
	})
}

func TestTextKeepsDigits(t *testing.T) {
	for _, c := range []struct {
		json string
		want Text
		ok   bool
	}{
		{`1200`, "1200", true},
		{`1200.00`, "1200.00", true},
		{`0.1`, "0.1", true},
		{`123456789012345678.99`, "123456789012345678.99", true},
		{`1e400`, "1e400", true},
		{`-1`, "-1", true},
		{`"1200.50"`, "1200.50", true},
		{`"\u0031"`, "1", true},
		{`"NaN"`, "NaN", true},
		{`true`, "", false},
		{`{}`, "", false},
		{`[1]`, "", false},
		{`NaN`, "", false},
	} {
		var body struct{ Price Text }
		err := jsonv2.Unmarshal([]byte(`{"Price":`+c.json+`}`), &body)
		if body.Price != c.want || (err == nil) != c.ok {
			t.Errorf("%s: got %q, %v, want %q", c.json, body.Price, err, c.want)
		}
	}
}

func TestTextIsWrittenAsString(t *testing.T) {
	got, err := json.Marshal(Text("12.50"))
	if want := `"12.50"`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1200.00", "0.1", "1e9", "-1", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, digits string) {
		minor, err := Parse(digits, "USD")
		if err != nil {
			return
		}
		if again, err := Parse(Format(minor, "USD"), "USD"); err != nil || again != minor || minor < 0 {
			t.Errorf("%q is %d, which reads as %d, %v", digits, minor, again, err)
		}
	})
}

func TestFormatAll(t *testing.T) {
	sum := new(big.Int).Lsh(big.NewInt(1), 64)
	for currency, want := range map[string]string{"USD": "184467440737095516.16", "JPY": "18446744073709551616", "KWD": "18446744073709551.616"} {
		if got := FormatAll(sum, currency); got != want {
			t.Errorf("%s: got %s, want %s", currency, got, want)
		}
	}
}

func TestFormatTimes(t *testing.T) {
	for _, tt := range []struct {
		minor, times int64
		currency     string
		want         string
	}{
		{120000, 3, "USD", "3600.00"},
		{120000, 0, "USD", "0.00"},
		{5, 7, "JPY", "35"},
		{-5, 7, "KWD", "-0.035"},
		{99_999_999_999, 1<<53 - 1, "USD", "9007199254650919007452590.09"},
		{math.MaxInt64, math.MaxInt64, "JPY", "85070591730234615847396907784232501249"},
	} {
		if got := FormatTimes(tt.minor, tt.times, tt.currency); got != tt.want {
			t.Errorf("%d times %d %s: got %q, want %q", tt.times, tt.minor, tt.currency, got, tt.want)
		}
	}
}
