package product

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		" \t\n":                        "",
		"!%_'\"*:&|()<->\\":            "",
		"Laptop":                       "laptop",
		"27-inch Monitor":              "27 inch monitor",
		"100% Cotton_Shirt!":           "100 cotton shirt",
		"one One ONE two":              "one two",
		"Café CRÈME":                   "cafe creme",
		"Cafe\u0301":                   "cafe", // the accent on its own
		"co\u00adoperate\u200b":        "cooperate",
		"O'Neil's":                     "o neil s",
		"ΛΟΓΟΣ λόγος":                  "λογοσ", // one capital, two small letters
		"Straße":                       "straße",
		"ﬁne Ⅳ ½":                      "fine iv 1 2",
		"コーヒー 豆":                       "コーヒー 豆",
		"हिन्दी":                       "हिनदी", // without the marks above, with those beside
		"AND or NOT near":              "and or not near",
		"x\x00y":                       "x y",
		strings.Repeat("é", 60) + " b": strings.Repeat("e", 50) + " b",
	} {
		if got := words(text); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
}

func TestPattern(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a*", "French  press": "french* press*"} {
		if got := pattern(words(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Whatever is typed, a pattern has nothing in it that a query language could read.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{`Laptop`, `a" OR b:*`, `x'; DROP TABLE product; --`, `NEAR(a b)`, "é\u0301\x00", `{words} : ^a + b`, "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range strings.Fields(pattern(words(text))) {
			word, star := strings.CutSuffix(w, "*")
			bad := func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.Mc) }
			if !star || word == "" || strings.ContainsFunc(word, bad) || strings.ContainsAny(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
				t.Errorf("%q: got %q", text, w)
			}
		}
		if again := words(strings.Join(words(text), " ")); !slices.Equal(again, words(text)) {
			t.Errorf("%q: the words of %q are %q", text, words(text), again)
		}
	})
}
