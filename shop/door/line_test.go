package door

import "testing"

func TestOneLine(t *testing.T) {
	for s, want := range map[string]bool{
		"":                                  true,
		"Laptop 15\"":                       true,
		"Café ™ 本 مرحبا":                    true,
		"family \U0001F468\u200D\U0001F469": true, // joined
		"two\nlines":                        false,
		"Ann\r":                             false,
		"a\tb":                              false,
		"a\x00b":                            false,
		"\x1b[2J":                           false,
		"a\u0085b":                          false,
		"a\u2028b":                          false,
		"a\u2029b":                          false,
		"pen\u202Egnp.exe":                  false, // shown as pen exe.png
		"a\u2066b\u2069":                    false,
	} {
		if got := OneLine(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}
