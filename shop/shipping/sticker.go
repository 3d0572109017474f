package shipping

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/qr"
	"github.com/go-pdf/fpdf"
)

// A sticker is a label on its way to paper: A6, upright, black on white, as a thermal
// printer has it. Measures are in millimetres. It has no picture and no font in it, so it
// is small and quick: codes are drawn as rectangles, and text is in the 14 fonts that every
// reader has (see plain).
type sticker struct {
	*fpdf.Fpdf
}

const (
	paperWidth, paperHeight = 105, 148
	margin                  = 5.0
	inner                   = paperWidth - 2*margin
	shownLines              = 5
)

// Print draws the label of a parcel.
func (Courier) Print(_ context.Context, p Parcel, l Label) ([]byte, error) {
	bars, err := code128.Encode(l.Tracking)
	if err != nil {
		return nil, fmt.Errorf("barcode of %s: %w", l.Tracking, err)
	}
	square, err := qr.Encode(l.Tracking, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("QR code of %s: %w", l.Tracking, err)
	}
	s := paper(l)
	s.head(l)
	s.field(margin+3, 27, "PICK-UP", l.Pickup.UTC().Format("Mon 2 Jan 2006"), "from "+l.Pickup.UTC().Format("15:04")+" UTC")
	s.field(margin+53, 27, "SERVICE", "Standard", "next working day")
	s.rule(45)
	s.order(p.Key)
	s.code(square, box{x: paperWidth - margin - 3 - 26, y: 48, w: 26, h: 26})
	s.rule(77)
	s.code(bars, box{x: margin + 8, y: 81, w: inner - 16, h: 21})
	s.say(text{x: margin, y: 104, w: inner, size: 14, bold: true, centre: true}, spaced(l.Tracking))
	s.rule(112)
	s.contents(p)
	s.foot()
	var out bytes.Buffer
	err = s.Output(&out)
	return out.Bytes(), err
}

// paper is an empty page whose bytes depend on nothing but what is drawn: even the dates of
// the document are the label's.
func paper(l Label) sticker {
	s := sticker{fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: fpdf.SizeType{Wd: paperWidth, Ht: paperHeight}})}
	s.SetCatalogSort(true)
	s.SetCompression(false) // it would take longer than all the rest
	s.SetCreationDate(l.Pickup.UTC())
	s.SetModificationDate(l.Pickup.UTC())
	s.SetProducer("Tidewire", false)
	s.SetTitle("Label "+l.Tracking, true)
	s.SetMargins(0, 0, 0)
	s.SetCellMargin(0)
	s.SetAutoPageBreak(false, 0)
	s.SetDisplayMode("fullpage", "single")
	s.AddPage()
	return s
}

// head is the carrier's band, with the mark of the service that sorters look for.
func (s sticker) head(l Label) {
	const high = 17.0
	s.SetFillColor(0, 0, 0)
	s.Rect(margin, margin, inner, high, "F")
	s.SetFillColor(255, 255, 255)
	s.Rect(paperWidth-margin-high+1, margin+1, high-2, high-2, "F")
	s.SetFillColor(0, 0, 0)
	s.say(text{x: paperWidth - margin - high + 1, y: margin + 3.2, w: high - 2, size: 30, bold: true, centre: true}, "S")
	s.SetTextColor(255, 255, 255)
	s.say(text{x: margin + 3, y: margin + 3.5, w: inner - high - 4, size: 18, bold: true}, strings.ToUpper(strings.ReplaceAll(l.Carrier, "-", " ")))
	s.say(text{x: margin + 3, y: margin + 10.8, w: inner - high - 4, size: 8}, "PARCEL  ·  1 OF 1")
	s.SetTextColor(0, 0, 0)
	s.SetLineWidth(0.5)
	s.Rect(margin, margin, inner, paperHeight-2*margin, "D")
}

// order is the name by which the shop knows the parcel, on as many lines as it needs.
func (s sticker) order(id string) {
	const most = 36
	s.caption(margin+3, 48, "ORDER")
	for y := 52.0; id != ""; y += 4.2 {
		line := id[:min(most, len(id))]
		s.SetFont("Courier", "B", 8)
		s.SetXY(margin+3, y)
		s.CellFormat(60, 4, plain(line), "", 0, "LM", false, 0, "")
		id = id[len(line):]
	}
	s.caption(margin+3, 68.5, "SCAN TO FOLLOW")
	s.arrow(margin+27, 70.2, 26)
}

// contents are the first lines of the order, and how much more there is.
func (s sticker) contents(p Parcel) {
	var pieces int64
	for _, l := range p.Lines {
		pieces += l.Quantity
	}
	s.caption(margin+3, 114.5, fmt.Sprintf("CONTENTS  ·  %s, %s", number(int64(len(p.Lines)), "line"), number(pieces, "piece")))
	y, shown := 118.2, p.Lines
	if len(shown) > shownLines {
		shown = shown[:shownLines-1]
	}
	for _, l := range shown {
		s.say(text{x: margin + 3, y: y, w: 19, size: 9, bold: true}, fmt.Sprintf("%d ×", l.Quantity))
		name := l.Name
		if name == "" {
			name = "Product " + l.ProductID
		}
		s.say(text{x: margin + 22, y: y, w: inner - 25, size: 9}, name)
		pieces -= l.Quantity
		y += 3.8
	}
	if more := len(p.Lines) - len(shown); more > 0 {
		s.say(text{x: margin + 22, y: y, w: inner - 25, size: 9}, fmt.Sprintf("and %s more, %s", number(int64(more), "line"), number(pieces, "piece")))
	}
}

func (s sticker) foot() {
	s.SetTextColor(90, 90, 90)
	s.say(text{x: margin, y: paperHeight - margin - 3.6, w: inner, size: 6, centre: true}, "This carrier is simulated: nobody comes for the parcel.")
	s.SetTextColor(0, 0, 0)
}

// field is two lines of large text under a caption.
func (s sticker) field(x, y float64, caption, first, second string) {
	s.caption(x, y-2.5, caption)
	s.say(text{x: x, y: y + 2, w: 45, size: 14, bold: true}, first)
	s.say(text{x: x, y: y + 8.5, w: 45, size: 14}, second)
}

func (s sticker) caption(x, y float64, words string) {
	s.say(text{x: x, y: y, w: inner, size: 6.5, bold: true}, words)
}

func (s sticker) rule(y float64) {
	s.SetLineWidth(0.4)
	s.Line(margin, y, paperWidth-margin, y)
}

// arrow points to the right.
func (s sticker) arrow(x, y, long float64) {
	s.SetLineWidth(0.3)
	s.Line(x, y, x+long, y)
	s.Polygon([]fpdf.PointType{{X: x + long, Y: y - 1}, {X: x + long + 2, Y: y}, {X: x + long, Y: y + 1}}, "F")
}

// A text is one line at a place.
type text struct {
	x, y, w, size float64
	bold, centre  bool
}

// say writes words in at most the width that there is for them.
func (s sticker) say(t text, words string) {
	style, align := "", "LM"
	if t.bold {
		style = "B"
	}
	if t.centre {
		align = "CM"
	}
	s.SetFont("Helvetica", style, t.size)
	s.SetXY(t.x, t.y)
	s.CellFormat(t.w, t.size*0.4, s.cut(plain(words), t.w), "", 0, align, false, 0, "")
}

// A box is where a code goes.
type box struct{ x, y, w, h float64 }

// code draws the dark modules of a code into a box, those beside each other as one
// rectangle: a printer of any resolution draws them sharp.
func (s sticker) code(c barcode.Barcode, in box) {
	across, down := c.Bounds().Dx(), c.Bounds().Dy()
	wide, high := in.w/float64(across), in.h/float64(down)
	dark := func(x, y int) bool {
		if x >= across {
			return false
		}
		r, _, _, _ := c.At(x, y).RGBA()
		return r == 0
	}
	for y := range down {
		from := -1
		for x := range across + 1 {
			switch {
			case dark(x, y) && from < 0:
				from = x
			case !dark(x, y) && from >= 0:
				s.Rect(in.x+float64(from)*wide, in.y+float64(y)*high, float64(x-from)*wide, high, "F")
				from = -1
			}
		}
	}
}

// spaced is a number in groups of four, for people.
func spaced(number string) string {
	var out []string
	for n := 0; number != ""; number = number[n:] {
		n = min(4, len(number))
		out = append(out, number[:n])
	}
	return strings.Join(out, " ")
}

// number is so many things.
func number(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
