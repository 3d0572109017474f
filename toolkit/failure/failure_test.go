package failure_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/failure"
)

var (
	errBad = errors.New("bad")
	now    = time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
)

func TestDefaultsFillOnlyWhatIsZero(t *testing.T) {
	for _, tt := range []struct {
		name      string
		got, want failure.Policy
	}{
		{"all", failure.Policy{}, failure.Policy{Attempts: 8, Immediate: 2, First: 100 * time.Millisecond, Max: time.Minute, Timeout: 10 * time.Second}},
		{"none", failure.Policy{Attempts: 5, Immediate: 3, First: 1, Max: 2, Timeout: 4, Release: true},
			failure.Policy{Attempts: 5, Immediate: 3, First: 1, Max: 2, Timeout: 4, Release: true}},
		{"no more immediate tries than attempts", failure.Policy{Attempts: 1}, failure.Policy{Attempts: 1, Immediate: 1, First: 100 * time.Millisecond, Max: time.Minute, Timeout: 10 * time.Second}},
		{"the longest delay is no shorter than the first", failure.Policy{First: time.Hour}, failure.Policy{Attempts: 8, Immediate: 2, First: time.Hour, Max: time.Hour, Timeout: 10 * time.Second}},
	} {
		if got := tt.got.WithDefaults(); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
		if err := tt.got.Check(); err != nil {
			t.Errorf("%s: Check = %v, want nil", tt.name, err)
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		policy failure.Policy
		want   string // "" if it is right
	}{
		{failure.Policy{}, ""},
		{failure.Policy{Attempts: 1, Immediate: 1, First: 1, Max: 1}, ""},
		{failure.Policy{Attempts: -1}, "Attempts is -1"},
		{failure.Policy{Immediate: -1}, "Immediate is -1"},
		{failure.Policy{Attempts: 3, Immediate: 4}, "Immediate is 4, must be 1 to Attempts (3)"},
		{failure.Policy{First: -1}, "First is -1ns"},
		{failure.Policy{First: 2, Max: 1}, "First is 2ns and Max is 1ns"},
		{failure.Policy{Max: -1}, "Max is -1ns"},
		{failure.Policy{Timeout: -1}, "Timeout is -1ns"},
	} {
		err := tt.policy.Check()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.policy, err, tt.want)
		}
	}
}

// Each verdict, before the last attempt and at it.
func TestJudge(t *testing.T) {
	p := failure.Policy{Attempts: 3, Immediate: 3}
	for _, tt := range []struct {
		name     string
		before   int // attempts
		err      error
		attempts int
		dead     bool
		after    time.Duration
	}{
		{"an error", 0, errBad, 1, false, 0},
		{"an error at the last attempt", 2, errBad, 3, true, 0},
		{"an error past the last attempt", 7, errBad, 8, true, 0},
		{"permanent", 0, failure.Permanent(errBad), 1, true, 0},
		{"permanent, wrapped", 0, fmt.Errorf("charge: %w", failure.Permanent(errBad)), 1, true, 0},
		{"permanent, joined to another", 0, errors.Join(errors.New("other"), failure.Permanent(errBad)), 1, true, 0},
		{"later", 0, failure.RetryAfter(time.Hour, errBad), 1, false, time.Hour},
		{"later, wrapped", 1, fmt.Errorf("charge: %w", failure.RetryAfter(time.Hour, errBad)), 2, false, time.Hour},
		{"later at the last attempt", 2, failure.RetryAfter(time.Hour, errBad), 3, true, 0},
		{"wait", 0, failure.Wait(time.Second, errBad), 0, false, time.Second},
		{"wait, wrapped", 2, fmt.Errorf("charge: %w", failure.Wait(time.Second, errBad)), 2, false, time.Second},
		{"wait when the attempts are spent", 3, failure.Wait(time.Second, errBad), 3, false, time.Second},
		{"the outer verdict is the one", 0, failure.Permanent(failure.Wait(time.Second, errBad)), 1, true, 0},
		{"the outer verdict is the one, the other way", 0, failure.Wait(time.Second, failure.Permanent(errBad)), 0, false, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next := p.Judge(failure.History{Attempts: tt.before}, now, tt.err)
			if next.Past.Attempts != tt.attempts || next.Dead != tt.dead || next.Done() {
				t.Errorf("%d attempts, dead: %v, done: %v; want %d, %v, false", next.Past.Attempts, next.Dead, next.Done(), tt.attempts, tt.dead)
			}
			if want := now.Add(tt.after); !tt.dead && !next.Retry.Equal(want) || tt.dead && !next.Retry.IsZero() {
				t.Errorf("retry at %v, want %v or, if dead, never", next.Retry, want)
			}
			if got := next.Past.Causes; len(got) != 1 || got[0].Cause != tt.err.Error() || !got[0].At.Equal(now) {
				t.Errorf("causes are %+v, want %q at %v", got, tt.err, now)
			}
			if dead := next.Problem() != "" && next.Died().Equal(now); dead != tt.dead || !dead && !next.Died().IsZero() {
				t.Errorf("its problem is %q since %v, dead: %v", next.Problem(), next.Died(), tt.dead)
			}
			if !errors.Is(tt.err, errBad) {
				t.Errorf("%v hides its cause", tt.err)
			}
		})
	}
	if !(failure.Next{}).Done() {
		t.Error("the zero Next is not done")
	}
}

// A message fails until it is dead: so many times, at first without a delay.
func TestAttemptsUpToDead(t *testing.T) {
	for _, p := range []failure.Policy{{}, {Attempts: 1}, {Attempts: 4, Immediate: 1}, {Attempts: 12, Immediate: 5}} {
		full := p.WithDefaults()
		var next failure.Next
		at := now
		for n := 1; ; n++ {
			next = p.Judge(next.Past, at, errBad)
			if next.Dead {
				if n != full.Attempts {
					t.Errorf("%+v: dead after %d attempts, want %d", p, n, full.Attempts)
				}
				break
			}
			if n < full.Immediate && !next.Retry.Equal(at) {
				t.Errorf("%+v: attempt %d is followed by a delay of %v, want none", p, n, next.Retry.Sub(at))
			}
			if n > full.Attempts {
				t.Fatalf("%+v: still alive after %d attempts", p, n)
			}
			at = next.Retry
		}
	}
}

// A thousand draws of every delay stay between now and their bound, and are spread over
// it: together they do not come back as one.
func TestJitterIsWithinItsBounds(t *testing.T) {
	const draws = 1000
	p := failure.Policy{Attempts: 100, Immediate: 2, First: 100 * time.Millisecond, Max: time.Minute}
	for attempt, bound := range map[int]time.Duration{
		2:  100 * time.Millisecond,
		3:  200 * time.Millisecond,
		5:  800 * time.Millisecond,
		11: 51200 * time.Millisecond,
		12: time.Minute,
		34: time.Minute, // no shift overflows
		99: time.Minute,
	} {
		low, high := bound, time.Duration(0)
		for range draws {
			d := p.Judge(failure.History{Attempts: attempt - 1}, now, errBad).Retry.Sub(now)
			low, high = min(low, d), max(high, d)
		}
		if low < 0 || high > bound {
			t.Errorf("after attempt %d: %v to %v, want 0 to %v", attempt, low, high, bound)
		}
		if low > bound/10 || high < bound-bound/10 {
			t.Errorf("after attempt %d: %d draws between %v and %v only, want them spread over %v", attempt, draws, low, high, bound)
		}
	}
}
