package failure_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidewire/tidewire/toolkit/failure"
)

func TestProblem(t *testing.T) {
	for cause, want := range map[string]string{
		"no such order": "no such order",
		"no such order 0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e":                   "no such order #",
		"nobody handles bogus in queue payment_charges":                        "nobody handles bogus in queue payment_charges",
		"the process ended 8 times while it handled this message alone":        "the process ended # times while it handled this message alone",
		"no answer within 10s":                                                 "no answer within #",
		"no answer within 1m30.5s of 2026-11-22T00:03:20.123Z":                 "no answer within # of #",
		"dial tcp 127.0.0.1:3009: connect: connection refused":                 "dial tcp #: connect: connection refused",
		"dial tcp [::1]:3009: connect: connection refused":                     "dial tcp [::#]:#: connect: connection refused",
		"price is -17.25 USD, must be 0 to 1,000,000":                          "price is # USD, must be # to #",
		"b-1 and a_2 and Order17":                                              "b# and a_# and Order#",
		`user "ann smith" and user 'bob' and can't find it`:                    `user "…" and user '…' and can't find it`,
		`cannot unmarshal JSON string into Go int within "/lines/0/unitPrice"`: `cannot unmarshal JSON string into Go int within "/lines/#/unitPrice"`,
		`cannot unmarshal JSON string into Go int within "/total"`:             `cannot unmarshal JSON string into Go int within "/total"`,
		`relation "stock" violates check constraint "stock_free_check"`:        `relation "…" violates check constraint "stock_free_check"`,
		"digest deadbeefcafe12 is 0x7f":                                        "digest # is #",
		"feedback added beaded":                                                "feedback added beaded", // words of hex letters stay
		"":                                                                     "no cause was given",
		" \n\t ":                                                               "no cause was given",
		"panic: x\n\ngoroutine 17 [running]:":                                  "panic: x goroutine # [running]:",
		"a\xffb":                                                               "a�b",
		strings.Repeat("x", 201):                                               strings.Repeat("x", 199) + "…",
		`"` + strings.Repeat("x", 500):                                         `"` + strings.Repeat("x", 198) + "…",
	} {
		if got := failure.Problem(cause); got != want {
			t.Errorf("%q: got %q, want %q", cause, got, want)
		}
	}
}

// Two causes of one problem are one, whatever they are about.
func TestProblemIsTheSameForAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	digits := func() string { return strings.Repeat(string(rune('0'+random.IntN(10))), 1+random.IntN(12)) }
	of := func() string {
		return "order " + digits() + ` of "` + digits() + ` ann" at ` + digits() + "." + digits() + " is late by " + digits() + "ms"
	}
	want := failure.Problem(of())
	for range 1000 {
		if c := of(); failure.Problem(c) != want {
			t.Fatalf("%q is %q, want %q", c, failure.Problem(c), want)
		}
	}
}

// checkProblem: it is short, it is text, and its own problem.
func checkProblem(t *testing.T, cause string) {
	t.Helper()
	got := failure.Problem(cause)
	if again := failure.Problem(got); again != got {
		t.Fatalf("%q is %q, and that is %q", cause, got, again)
	}
	if got == "" || strings.ContainsRune(got, 0) || !utf8.ValidString(got) || utf8.RuneCountInString(got) > 200 {
		t.Fatalf("%q is %q, want text of 1 to 200 characters without NUL", cause, got)
	}
}

func TestProblemOfAProblemIsItself(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pieces := []string{`"`, "'", "`", `\`, "“", "”", "«", "»", "#", "…", "/", "_", "-", ".", ":", "T", "Z", "s", "ms", "µs", "h", "0", "17", "٣", "a", "x",
		"deadbeef", "0x1f", " ", "\n", "\xff", "\x00", "no such order", "0199f3c2-7a51-7c11-8a3e-1f2d5b6c7d8e", "é", "漢"}
	for range 20_000 {
		var b strings.Builder
		for range random.IntN(40) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		checkProblem(t, b.String())
	}
}

func FuzzProblem(f *testing.F) {
	f.Add("no such order 17")
	f.Fuzz(checkProblem)
}
