package shipping

import "time"

// A calendar is a carrier's: its days are of one length, and five of seven are worked. With
// days of 24 hours it is UTC's; with shorter ones a week passes as fast as one likes.
type calendar struct{ day time.Duration }

// An hour is a time of a calendar's day, which has 24.
type hour int64

// lead is how long before a round a parcel must be booked to go with it.
const lead hour = 2

// rounds are when the carrier sets out to fetch parcels, and roundTakes how long that is.
var rounds = [...]hour{9, 15}

const roundTakes hour = 2

// number is the number of the day of t. Day 0 was a Monday, 5 January 1970.
func (c calendar) number(t time.Time) int64 {
	since := t.Sub(time.Unix(4*24*60*60, 0))
	n := int64(since / c.day)
	if since%c.day < 0 {
		n--
	}
	return n
}

// at is an hour of a day.
func (c calendar) at(day int64, h hour) time.Time {
	return time.Unix(4*24*60*60, 0).UTC().Add(time.Duration(day)*c.day + c.span(h))
}

// span is how long so many hours are, each a number of microseconds: that is what is stored.
func (c calendar) span(h hour) time.Duration {
	return (c.day / 24).Truncate(time.Microsecond) * time.Duration(h)
}

// worked reports whether a day is one from Monday to Friday.
func worked(day int64) bool { return (day%7+7)%7 < 5 }

// workday is the next worked day after a day.
func workday(day int64) int64 {
	for day++; !worked(day); {
		day++
	}
	return day
}

// pickup is when the first round sets out that takes a parcel which is booked at a time.
func (c calendar) pickup(booked time.Time) time.Time {
	ready := booked.Add(c.span(lead))
	for day := c.number(ready); ; day++ {
		for _, h := range rounds {
			if round := c.at(day, h); worked(day) && !round.Before(ready) {
				return round
			}
		}
	}
}
