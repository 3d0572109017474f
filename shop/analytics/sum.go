package analytics

import "math/big"

// unit is what the high part of a sum counts: more than an order costs, by far, and so
// little that a rest below it and any int64 below it make no overflow together.
const unit = 1_000_000_000_000_000_000

// A sum of money has no bound: high units and a low rest below one. The shop sells for
// years, and what is added up in minor units does not fit an int64 for ever.
type sum struct{ high, low int64 }

// plus adds two sums.
func (s sum) plus(t sum) sum {
	s.high += t.high
	if s.low += t.low; s.low >= unit {
		s.high, s.low = s.high+1, s.low-unit
	}
	return s
}

// sumOf splits minor units of money, of which there are 0 at least.
func sumOf(minor int64) sum { return sum{minor / unit, minor % unit} }

// whole is the sum in one number.
func (s sum) whole() *big.Int {
	all := new(big.Int).Mul(big.NewInt(s.high), big.NewInt(unit))
	return all.Add(all, big.NewInt(s.low))
}
