package shipping

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ledongthuc/pdf"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/tidewire/tidewire/shop/contract"
)

func printed(t *testing.T, key string, lines ...contract.Line) (sheet []byte, l Label) {
	t.Helper()
	p := Parcel{Key: key, Wanted: at(t, "2026-11-19 12:00"), Lines: lines}
	l, err := (Courier{}).Label(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	sheet, err = (Courier{}).Print(t.Context(), p, l)
	if err != nil {
		t.Fatal(err)
	}
	return sheet, l
}

// words are the texts of a label, as a reader of PDF finds them.
func words(t *testing.T, sheet []byte) string {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(sheet), int64(len(sheet)))
	if err != nil {
		t.Fatal(err)
	}
	if r.NumPage() != 1 {
		t.Fatalf("%d pages, want 1", r.NumPage())
	}
	text, err := r.GetPlainText()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(text); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var rectangle = regexp.MustCompile(`(?m)^([\d.]+) ([\d.]+) ([\d.]+) -([\d.]+) re f$`)

// seen is a part of a label as a scanner sees it: its black rectangles, in tenths of a
// point. Measures are in millimetres.
func seen(t *testing.T, sheet []byte, part box) *gozxing.BinaryBitmap {
	t.Helper()
	dots := 10 * 72 / 25.4 // in a millimetre
	page := image.NewGray(image.Rect(0, 0, int(paperWidth*dots), int(paperHeight*dots)))
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	for _, m := range rectangle.FindAllSubmatch(sheet, -1) {
		var n [4]float64
		for i := range n {
			var err error
			if n[i], err = strconv.ParseFloat(string(m[i+1]), 64); err != nil {
				t.Fatal(err)
			}
		}
		x, y := n[0]*10, paperHeight*dots-n[1]*10 // a page begins at its foot
		draw.Draw(page, image.Rect(int(x+.5), int(y+.5), int(x+n[2]*10+.5), int(y+n[3]*10+.5)), image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
	cut := page.SubImage(image.Rect(int(part.x*dots), int(part.y*dots), int((part.x+part.w)*dots), int((part.y+part.h)*dots)))
	alone := image.NewGray(image.Rect(0, 0, cut.Bounds().Dx(), cut.Bounds().Dy()))
	draw.Draw(alone, alone.Rect, cut, cut.Bounds().Min, draw.Src)
	b, err := gozxing.NewBinaryBitmapFromImage(alone)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a scanner reads, in both codes, is what a person reads and the shop stored.
func TestCodesAreRead(t *testing.T) {
	for i := range 8 {
		sheet, l := printed(t, fmt.Sprintf("order-%d", i), contract.Line{Name: "Laptop", Quantity: 2})
		bars, err := oned.NewCode128Reader().Decode(seen(t, sheet, box{x: margin + 1, y: 79, w: inner - 2, h: 24}), nil)
		if err != nil || bars.GetText() != l.Tracking {
			t.Errorf("barcode: got %v (%v), want %s", bars, err, l.Tracking)
		}
		square, err := qrcode.NewQRCodeReader().Decode(seen(t, sheet, box{x: 67, y: 46, w: 32, h: 30}), nil)
		if err != nil || square.GetText() != l.Tracking {
			t.Errorf("QR code: got %v (%v), want %s", square, err, l.Tracking)
		}
		if text := strings.ReplaceAll(words(t, sheet), " ", ""); !strings.Contains(text, l.Tracking) {
			t.Errorf("%s is not in %q", l.Tracking, text)
		}
	}
}

func TestWordsOnTheLabel(t *testing.T) {
	many := make([]contract.Line, 100)
	for i := range many {
		many[i] = contract.Line{Name: fmt.Sprintf("Thing %d", i), Quantity: int64(i + 1)}
	}
	one := func(name string) []contract.Line {
		return []contract.Line{{ProductID: "7", Name: name, Quantity: 3}}
	}
	for _, c := range []struct {
		name  string
		lines []contract.Line
		want  []string
		not   []string
	}{
		{"whose, when and what", one("Laptop"), []string{"TIDEWIRE COURIER", "Thu 19 Nov 2026", "from 15:00 UTC", "Standard", "order-1", "1 line, 3 pieces", "3 ×", "Laptop"}, []string{"more"}},
		{"no name", one(""), []string{"Product 7"}, nil},
		{"Western letters", one("Crème brûlée, Größe 5 €"), []string{"Crème brûlée, Größe 5 €"}, nil},
		{"letters in two parts", one("Cafe\u0301"), []string{"Café"}, nil},
		{"Russian", one("Чай «Утро»"), []string{"Chai «Utro»"}, nil},
		{"Greek", one("Ελιά"), []string{"Elia"}, nil},
		{"Chinese", one("北京烤鸭"), []string{"Bei Jing Kao Ya"}, nil},
		{"a picture", one("🦆 duck"), []string{"? duck"}, nil},
		{"what would end the text", one(`a) Tj (b\`), []string{`a) Tj (b\`}, nil},
		{"invisible letters", one("ab\u202ecd\x00\n\te"), []string{"abcd e"}, nil},
		{"invalid letters", one("ab\xffcd"), []string{"ab?cd"}, nil},
		{"a long name", one(strings.Repeat("very ", 30) + "long"), []string{"very very very", "…"}, []string{"long"}},
		{"a hundred lines", many, []string{"100 lines, 5050 pieces", "Thing 3", "and 96 lines more, 5040 pieces"}, []string{"Thing 4"}},
		{"as many as there is room for", many[:shownLines], []string{"5 lines, 15 pieces", "Thing 4"}, []string{"more"}},
		{"nothing", nil, []string{"0 lines, 0 pieces"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sheet, _ := printed(t, "order-1", c.lines...)
			text := words(t, sheet)
			for _, w := range c.want {
				if !strings.Contains(text, w) {
					t.Errorf("%q is not on the label:\n%s", w, text)
				}
			}
			for _, w := range c.not {
				if strings.Contains(text, w) {
					t.Errorf("%q is on the label:\n%s", w, text)
				}
			}
		})
	}
}

// An identifier has up to 100 characters, and all of them are there.
func TestLongOrder(t *testing.T) {
	id := strings.Repeat("0123456789", 10)
	sheet, _ := printed(t, id)
	if text := strings.ReplaceAll(words(t, sheet), "\n", ""); !strings.Contains(text, id) {
		t.Errorf("%s is not on the label:\n%s", id, text)
	}
}

// Nothing of the clock or the machine is in a label.
func TestLabelIsTheSameEachTime(t *testing.T) {
	a, l := printed(t, "o", contract.Line{Name: "Laptop", Quantity: 2})
	b, _ := printed(t, "o", contract.Line{Name: "Laptop", Quantity: 2})
	if !bytes.Equal(a, b) {
		t.Error("the second label is another one")
	}
	if other, _ := printed(t, "p", contract.Line{Name: "Laptop", Quantity: 2}); bytes.Equal(a, other) {
		t.Error("two orders have one label")
	}
	if want := l.Pickup.Format("CreationDate (D:20060102150405)"); !bytes.Contains(a, []byte(want)) {
		t.Errorf("no %s in it", want)
	}
	if len(a) > 40_000 {
		t.Errorf("%d bytes", len(a))
	}
}

// A number that no barcode can hold is an error, and no empty label.
func TestUnprintableNumber(t *testing.T) {
	for _, tracking := range []string{"", "Ж1", strings.Repeat("1", 81)} {
		if sheet, err := (Courier{}).Print(t.Context(), Parcel{Key: "o"}, Label{Tracking: tracking}); err == nil {
			t.Errorf("%q: printed %d bytes", tracking, len(sheet))
		}
	}
}

func TestSpaced(t *testing.T) {
	for give, want := range map[string]string{"TWQ109023040271ABCDE": "TWQ1 0902 3040 271A BCDE", "12345": "1234 5", "ABC": "ABC", "": ""} {
		if got := spaced(give); got != want {
			t.Errorf("%q: got %q, want %q", give, got, want)
		}
	}
}
