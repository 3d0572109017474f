package shipping

import (
	"fmt"
	"reflect"
	"regexp"
	"testing"
	"time"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// The carrier comes at 09:00 and 15:00 UTC from Monday to Friday, to whoever asked two
// hours before.
func TestPickup(t *testing.T) {
	for _, c := range []struct{ name, booked, want string }{
		{"in the night", "2026-11-18 00:00", "2026-11-18 09:00"},
		{"just in time for the first round", "2026-11-18 07:00", "2026-11-18 09:00"},
		{"too late for the first round", "2026-11-18 07:01", "2026-11-18 15:00"},
		{"just in time for the second round", "2026-11-18 13:00", "2026-11-18 15:00"},
		{"too late for the second round", "2026-11-18 13:01", "2026-11-19 09:00"},
		{"late in the evening", "2026-11-18 23:30", "2026-11-19 09:00"},
		{"Friday afternoon", "2026-11-20 13:01", "2026-11-23 09:00"},
		{"Saturday", "2026-11-21 08:00", "2026-11-23 09:00"},
		{"Sunday, late", "2026-11-22 23:00", "2026-11-23 09:00"},
		{"over the end of a year, which is a Thursday", "2026-12-31 20:00", "2027-01-01 09:00"},
		{"a leap day that is a Thursday", "2024-02-29 14:00", "2024-03-01 09:00"},
		{"before day 0", "1969-12-31 10:00", "1969-12-31 15:00"},
	} {
		if got := (calendar{24 * time.Hour}).pickup(at(t, c.booked)); !got.Equal(at(t, c.want)) {
			t.Errorf("%s: booked at %s, fetched at %v, want %s", c.name, c.booked, got, c.want)
		}
	}
}

// With shorter days everything is as it is, only faster.
func TestPickupOfAnotherDay(t *testing.T) {
	start := time.Unix(4*24*60*60, 0) // day 0
	for _, day := range []time.Duration{100 * time.Millisecond, time.Second, time.Minute, 48 * time.Hour} {
		cal := calendar{day}
		for hours := range hour(24 * 15) {
			slow := calendar{24 * time.Hour}.pickup(start.Add(time.Duration(hours) * time.Hour)).Sub(start)
			fast := cal.pickup(start.Add(cal.span(hours))).Sub(start)
			if want := time.Duration(slow.Hours()) * (day / 24); (fast - want).Abs() > 10*time.Microsecond {
				t.Fatalf("days of %v: booked at hour %d, fetched after %v, want %v", day, hours, fast, want)
			}
		}
	}
}

func TestCourierLabel(t *testing.T) {
	ask := func(key string) Label {
		l, err := (Courier{}).Label(t.Context(), Parcel{Key: key, Wanted: made("o").(label).Wanted})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a, b := ask("o"), ask("p")
	if a != ask("o") || a.Tracking == b.Tracking || !numbered(a.Tracking) || !numbered(b.Tracking) {
		t.Errorf("got %+v, again %+v, for another %+v", a, ask("o"), b)
	}
	if want := at(t, "2026-02-02 09:00"); !a.Pickup.Equal(want) { // wanted on a Saturday
		t.Errorf("fetched at %v, want %v", a.Pickup, want)
	}
	if a.Next.Before(a.Pickup) || a.Next.After(a.Pickup.Add(2*time.Hour)) || a.Next.Equal(b.Next) {
		t.Errorf("picked up at %v, another at %v: want each in its own moment of the round", a.Next, b.Next)
	}
}

// numbered reports whether a tracking number is one of the courier's.
func numbered(tracking string) bool {
	return regexp.MustCompile(`^TW[0-9A-HJKMNP-TV-Z]{18}$`).MatchString(tracking) && check(tracking[2:19]) == tracking[19:]
}

// Each parcel has a number of its own. No test can see that with a billion of them: the bits
// of the key that are in a number say so.
func TestNumbersAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for i := range 100_000 {
		number := trackingOf(fmt.Sprint(i))
		if seen[number] {
			t.Fatalf("two parcels have the number %s", number)
		}
		seen[number] = true
	}
	if bits := 5 * (len(trackingOf("o")) - len("TW") - 1); bits < 80 {
		t.Errorf("%d bits of the key are in a number, want 80 at least", bits)
	}
}

// Whoever mistypes a digit has no number, and nearly never if two are swapped.
func TestCheckDigit(t *testing.T) {
	swapped, passed := 0, 0
	for i := range 50 {
		good := trackingOf(fmt.Sprint(i))
		if !numbered(good) {
			t.Errorf("%s is none of ours", good)
		}
		for at := 2; at < len(good); at++ {
			for _, d := range digits {
				if bad := good[:at] + string(d) + good[at+1:]; bad != good && numbered(bad) {
					t.Errorf("%s is taken for %s", bad, good)
				}
			}
			if at+1 < len(good) && good[at] != good[at+1] {
				swapped++
				if numbered(good[:at] + good[at+1:at+2] + good[at:at+1] + good[at+2:]) {
					passed++
				}
			}
		}
	}
	if passed*100 > swapped {
		t.Errorf("of %d numbers with two digits swapped %d pass", swapped, passed)
	}
}

// Where a parcel is follows from its label and the time.
func TestCourierTracks(t *testing.T) {
	for _, c := range []struct {
		name, now, recalled string
		want                []Step
		next                string // day and hour
	}{
		{"before the round", "2026-11-19 14:59", "", nil, "2026-11-19 15"},
		{"after the round", "2026-11-19 17:00", "", []Step{PickedUp}, "2026-11-19 19"},
		{"in the night", "2026-11-19 23:00", "", []Step{PickedUp, InTransit}, "2026-11-20 06"},
		{"in the morning", "2026-11-20 08:30", "", []Step{PickedUp, InTransit, OutForDelivery}, "2026-11-20 09"},
		{"the next day", "2026-11-21 00:00", "", []Step{PickedUp, InTransit, OutForDelivery, Delivered}, ""},
		{"recalled before the round", "2026-11-19 14:00", "2026-11-19 13:30", []Step{Returned}, ""},
		{"recalled after the round", "2026-11-19 18:00", "2026-11-19 17:30", []Step{PickedUp}, "2026-11-20 09"},
		{"recalled at the door", "2026-11-21 00:00", "2026-11-20 08:30", []Step{PickedUp, InTransit, OutForDelivery}, "2026-11-23 09"},
		{"back", "2026-11-24 00:00", "2026-11-20 08:30", []Step{PickedUp, InTransit, OutForDelivery, Returned}, ""},
		{"recalled when it was delivered", "2026-11-26 00:00", "2026-11-22 12:00", []Step{PickedUp, InTransit, OutForDelivery, Returned}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			courier := Courier{Now: func() time.Time { return at(t, c.now) }}
			var w Waybill
			w.Label, _ = courier.Label(t.Context(), Parcel{Key: "o", Wanted: at(t, "2026-11-19 12:00")})
			if c.recalled != "" {
				w.Recalled = at(t, c.recalled)
			}
			journeys, err := courier.Track(t.Context(), []Waybill{w})
			if err != nil || len(journeys) != 1 {
				t.Fatal(journeys, err)
			}
			var got []Step
			last := w.Pickup
			if w.Recalled.Before(last) && !w.Recalled.IsZero() {
				last = w.Recalled
			}
			for _, s := range journeys[0].Scans {
				if s.Time.Before(last) || s.Time.After(at(t, c.now)) {
					t.Errorf("%s at %v, after %v", s.Step, s.Time, last)
				}
				got, last = append(got, s.Step), s.Time
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			next := journeys[0].Next
			if c.next == "" && !next.IsZero() || c.next != "" && (next.Before(at(t, c.next+":00")) || next.After(at(t, c.next+":00").Add(8*time.Hour))) {
				t.Errorf("there may be more at %v, want %q", next, c.next)
			}
		})
	}
}

// Parcels that are fetched in one round do not all move at once.
func TestParcelsMoveOneByOne(t *testing.T) {
	minutes := map[time.Time]int{}
	for i := range 1000 {
		l, _ := (Courier{}).Label(t.Context(), Parcel{Key: fmt.Sprint(i), Wanted: at(t, "2026-11-19 12:00")})
		minutes[l.Next.Truncate(time.Minute)]++
	}
	for m, n := range minutes {
		if n > 40 { // 1000 in 120 minutes
			t.Errorf("%d parcels of 1000 move at %v", n, m)
		}
	}
	if len(minutes) < 110 {
		t.Errorf("a round fetches in %d minutes of 120", len(minutes))
	}
}
