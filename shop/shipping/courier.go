package shipping

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"hash/fnv"
	"strings"
	"time"
)

// Courier is a carrier that is made up, and remembers nothing: its labels follow from their
// parcels' keys, and where a parcel is from its label and the time.
type Courier struct {
	Day time.Duration    // that its day takes; 24h
	Now func() time.Time // time.Now
}

// Label books a parcel.
func (c Courier) Label(_ context.Context, p Parcel) (Label, error) {
	l := Label{Carrier: "tidewire-courier", Tracking: trackingOf(p.Key), Pickup: c.calendar().pickup(p.Wanted)}
	l.Next = c.way(Waybill{Label: l})[0].Time
	return l, nil
}

// digits are those of Crockford's base 32: no letter among them looks like a number, and U
// is not there, so that few words are.
const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// trackingOf is the number of the parcel with a key: TW, 17 digits of the key's hash and one
// to check them by. 85 bits make two parcels with one number impossible in practice (at a
// billion parcels the chance is one in 10^7), so no index has to see to it.
func trackingOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	number := base32.NewEncoding(digits).EncodeToString(sum[:15])[:17]
	return "TW" + number + check(number)
}

// check is the digit that follows a number: by the algorithm of Luhn for 32 digits, which
// sees each digit that is mistyped, and nearly all neighbours that are swapped.
func check(number string) string {
	const base = len(digits)
	sum := 0
	for i := range len(number) {
		d := strings.IndexByte(digits, number[i])
		if (len(number)-i)%2 == 1 {
			d = 2*d/base + 2*d%base
		}
		sum += d
	}
	return digits[(base-sum%base)%base:][:1]
}

// Track tells where parcels are by now.
func (c Courier) Track(_ context.Context, parcels []Waybill) ([]Journey, error) {
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	journeys := make([]Journey, len(parcels))
	for i, w := range parcels {
		for _, s := range c.way(w) {
			if s.Time.After(now) {
				journeys[i].Next = s.Time
				break
			}
			journeys[i].Scans = append(journeys[i].Scans, s)
		}
	}
	return journeys, nil
}

func (c Courier) calendar() calendar {
	if c.Day == 0 {
		return calendar{24 * time.Hour}
	}
	return calendar{c.Day}
}

// legs are the way of a parcel that was picked up: how many worked days after the step
// before it comes to each one, and between which hours. Where in between is the parcel's own, so that not
// all move at the same instant.
var legs = [...]struct {
	step     Step
	days     int
	from, to hour
}{
	{InTransit, 0, 19, 22},
	{OutForDelivery, 1, 6, 8},
	{Delivered, 0, 9, 17},
}

// way is where a parcel comes, and when. One that is recalled goes no further; it is back
// on the next worked day, or at once if it was not fetched yet.
func (c Courier) way(w Waybill) []Scan {
	cal := c.calendar()
	way := []Scan{{PickedUp, w.Pickup.Add(w.within(PickedUp, cal.span(roundTakes)))}}
	day := cal.number(w.Pickup)
	for _, l := range legs {
		for range l.days {
			day = workday(day)
		}
		way = append(way, Scan{l.step, cal.at(day, l.from).Add(w.within(l.step, cal.span(l.to-l.from)))})
	}
	if w.Recalled.IsZero() {
		return way
	}
	for i, s := range way {
		if s.Time.After(w.Recalled) || s.Step == Delivered {
			way = way[:i]
			break
		}
	}
	back := w.Recalled
	if len(way) > 0 {
		back = cal.at(workday(cal.number(w.Recalled)), 9).Add(w.within(Returned, cal.span(8)))
	}
	return append(way, Scan{Returned, back})
}

// within is a part of a span that depends on the parcel and the step only.
func (w Waybill) within(step Step, span time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(w.Tracking))
	h.Write([]byte(step))
	return (span >> 16 * time.Duration(h.Sum32()>>16)).Truncate(time.Microsecond)
}
