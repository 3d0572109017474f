package product

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	maxWord  = 50 // characters; what follows them is not searched
	maxWords = 20 // in a query
)

// words returns the words of a text, each once: letters and digits, all of them small,
// and no accents. Both databases search what is written here and cut nothing up in their
// own way, so that they find the same.
func words(text string) (all []string) {
	seen := map[string]bool{}
	var word []rune
	end := func() {
		if w := string(word); w != "" && !seen[w] {
			seen[w] = true
			all = append(all, w)
		}
		word = word[:0]
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf): // accents, once they stand alone, and what is not seen
		case !unicode.In(r, unicode.L, unicode.N, unicode.Mc):
			end()
		case len(word) < maxWord:
			word = append(word, unicode.ToLower(unicode.ToUpper(r))) // two small letters can have one capital
		}
	}
	end()
	return all
}

// words are those that p is found by.
func (p Product) words() string { return strings.Join(words(p.Name+" "+p.Description), " ") }

// pattern is what found() is asked for texts that have words beginning with each of
// wanted. Only letters, digits, * and spaces are in it, whatever a client has typed: words
// of the databases' query languages are in capitals, these are not.
func pattern(wanted []string) string {
	prefixes := slices.Clone(wanted)
	for i, w := range prefixes {
		prefixes[i] = w + "*"
	}
	return strings.Join(prefixes, " ")
}
