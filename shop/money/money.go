// Package money reads and writes amounts of money: whole minor units of a currency
// inside, decimal digits outside, and no floating point in between.
package money

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Errors that callers branch on.
var (
	// ErrCurrency: not a currency of ISO 4217 that money is paid in.
	ErrCurrency = errors.New("unknown currency")
	// ErrAmount: not an amount of that currency, or one too large for Parse.
	ErrAmount = errors.New("no amount of money")
)

// maxWhole is how many digits may stand before the point. With the four decimals that a
// currency has at most, every amount fits an int64 a hundred times over.
const maxWhole = 12

// Known reports whether currency is an ISO 4217 code that money is paid in.
func Known(currency string) bool {
	_, known := exponent(currency)
	return known
}

// Parse reads an amount such as "1200", "0.1" or "1200.00" in minor units of currency.
// It takes digits with at most one point between them: no sign, exponent, space or
// grouping, and no more decimals than the currency has, not even zeros.
func Parse(digits, currency string) (int64, error) {
	exp, known := exponent(currency)
	if !known {
		return 0, fmt.Errorf("%w %.20q", ErrCurrency, currency)
	}
	whole, decimals, pointed := strings.Cut(digits, ".")
	switch {
	case !allDigits(whole) || pointed && !allDigits(decimals):
		return 0, fmt.Errorf("%w: %.40q is not made of digits", ErrAmount, digits)
	case len(decimals) > exp:
		return 0, fmt.Errorf("%w: %s has %d decimals, %.40q has %d", ErrAmount, currency, exp, digits, len(decimals))
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > maxWhole {
		return 0, fmt.Errorf("%w: %.40q is too large", ErrAmount, digits)
	}
	minor, err := strconv.ParseInt("0"+whole+decimals+zeros[:exp-len(decimals)], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q: %w", ErrAmount, digits, err)
	}
	return minor, nil
}

// Format writes minor units of currency as a decimal with all its decimals: 120000 USD
// is "1200.00", 1200 JPY is "1200". An unknown currency is taken to have two.
func Format(minor int64, currency string) string {
	var buf [32]byte
	return decimal(strconv.AppendInt(buf[:0], minor, 10), currency)
}

// FormatTimes writes so many times minor units of currency, as Format does, however much
// that is.
func FormatTimes(minor, times int64, currency string) string {
	return FormatAll(new(big.Int).Mul(big.NewInt(minor), big.NewInt(times)), currency)
}

// FormatAll writes minor units of currency, as Format does, however many they are.
func FormatAll(minor *big.Int, currency string) string {
	return decimal(minor.Append(nil, 10), currency)
}

// decimal puts the point into an amount of minor units of currency.
func decimal(s []byte, currency string) string {
	exp, known := exponent(currency)
	if !known {
		exp = 2
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if exp == 0 {
		return sign + string(s)
	}
	if short := exp + 1 - len(s); short > 0 {
		s = append([]byte(zeros[:short]), s...)
	}
	point := len(s) - exp
	return sign + string(s[:point]) + "." + string(s[point:])
}

const zeros = "00000"

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
