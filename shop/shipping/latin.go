package shipping

import (
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// plain writes text in the letters that are printed, those of Windows-1252, in that
// encoding. Other letters are transliterated, as mail between countries wants it: Пётр is
// Piotr, 北京 is Bei Jing. What has no sound, such as a picture, becomes a question mark.
func plain(s string) string {
	var out strings.Builder
	for _, r := range norm.NFC.String(strings.ToValidUTF8(s, "?")) {
		switch b, ok := charmap.Windows1252.EncodeRune(r); {
		case unicode.IsSpace(r):
			out.WriteByte(' ')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r):
		case ok:
			out.WriteByte(b)
		default:
			out.WriteString(spelt(r))
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// spelt is how a letter is written in Latin ones.
func spelt(r rune) string {
	s := unidecode.Unidecode(string(r))
	if s == "" {
		return "?"
	}
	return s
}

// cut shortens text in Windows-1252 to a width in the font that is set, and shows that it
// did.
func (s sticker) cut(words string, width float64) string {
	if s.GetStringWidth(words) <= width {
		return words
	}
	const dots = "\x85"
	for len(words) > 0 && s.GetStringWidth(words+dots) > width {
		words = words[:len(words)-1]
	}
	return strings.TrimRight(words, " ") + dots
}
