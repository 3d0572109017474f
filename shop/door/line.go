package door

import (
	"strings"
	"unicode"
)

// OneLine reports whether s is one line that shows what it says: in a mail's header, a log
// or on a terminal, what follows a line's end would be taken for something else, a control
// character would be obeyed, and one of direction would show text in another order.
func OneLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
	})
}
