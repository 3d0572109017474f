package failure_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tidewire/tidewire/toolkit/failure"
)

// past is a history with these causes, a second apart.
func past(causes ...string) (h failure.History) {
	for i, c := range causes {
		h = failure.Policy{Attempts: 1000}.Judge(h, now.Add(time.Duration(i)*time.Second), errors.New(c)).Past
	}
	return h
}

func TestHistoryKeepsTheLastTenCauses(t *testing.T) {
	var causes []string
	for i := range 25 {
		causes = append(causes, fmt.Sprint("cause ", i))
	}
	h := past(causes...)
	if h.Attempts != 25 || len(h.Causes) != 10 || h.Causes[0].Cause != "cause 15" || h.Cause() != "cause 24" {
		t.Errorf("%d attempts with %d causes from %q to %q; want 25 with 10 from 15 to 24", h.Attempts, len(h.Causes), h.Causes[0].Cause, h.Cause())
	}
	if got, want := h.Causes[9].At, now.Add(24*time.Second); !got.Equal(want) {
		t.Errorf("the last cause is of %v, want %v", got, want)
	}
}

func TestHistoryBoundsACause(t *testing.T) {
	for _, tt := range []struct{ name, cause, want string }{
		{"as long as it may be", strings.Repeat("x", 1000), strings.Repeat("x", 1000)},
		{"longer", strings.Repeat("x", 1001), strings.Repeat("x", 1000) + "…"},
		{"much longer", strings.Repeat("x", 1<<20), strings.Repeat("x", 1000) + "…"},
		{"cut inside a letter", "x" + strings.Repeat("ü", 1000), "x" + strings.Repeat("ü", 499) + "…"},
		{"no text", "a\xffb", "a�b"},
		{"empty", "", ""},
	} {
		got := past(tt.cause).Cause()
		if got != tt.want || !utf8.ValidString(got) {
			t.Errorf("%s: kept %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Whoever judges the same history twice, as a change that runs twice does, gets two
// that do not share their last cause.
func TestHistoryIsNotSharedWithTheOneBefore(t *testing.T) {
	h := past("first")
	left := failure.Policy{}.Judge(h, now, errors.New("left")).Past
	right := failure.Policy{}.Judge(h, now, errors.New("right")).Past
	if left.Cause() != "left" || right.Cause() != "right" || h.Cause() != "first" {
		t.Errorf("causes are %q, %q and %q; want left, right and first", left.Cause(), right.Cause(), h.Cause())
	}
}

func TestHistoryComesBackAsItWas(t *testing.T) {
	for name, want := range map[string]failure.History{
		"none":          {},
		"one":           past("a"),
		"quotes":        past("\"'`\n\x00<>&"),
		"many":          past(strings.Split(strings.Repeat("long enough to be cut ", 20), " ")...),
		"redriven":      past("a", "b").Redriven(),
		"redrives only": {Redrives: 3},
		"no text":       past("a\xff"),
	} {
		got, err := failure.ParseHistory(want.String())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, want)
		}
	}
	if s := (failure.History{}).String(); s != "" {
		t.Errorf("the zero History is %q, want nothing", s)
	}
	if _, err := failure.ParseHistory(`{"attempts":`); err == nil {
		t.Error("half a history is read without an error")
	}
}

// What an operator redrives has all its attempts again, and keeps what happened.
func TestRedrivenStartsAnew(t *testing.T) {
	p := failure.Policy{Attempts: 2}
	h := past("a", "b").Redriven()
	if h.Attempts != 0 || h.Redrives != 1 || h.Cause() != "b" || len(h.Causes) != 2 {
		t.Errorf("redriven: %+v", h)
	}
	next := p.Judge(h, now, errBad)
	if next.Dead || next.Past.Redrives != 1 {
		t.Errorf("the first attempt after a redrive: %+v, want another", next)
	}
	if next = p.Judge(next.Past, now, errBad); !next.Dead {
		t.Errorf("the second attempt of two after a redrive: %+v, want dead", next)
	}
	if (failure.History{}).Cause() != "" {
		t.Error("a message without a failure has a cause")
	}
}
