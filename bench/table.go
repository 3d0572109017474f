package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A sample is one measurement of one side.
type sample struct {
	what, unit string
	value      float64
}

// A figure is all samples of one thing, of both sides.
type figure struct {
	Row  string    `json:"row"`
	What string    `json:"what"`
	Unit string    `json:"unit"`
	Ours []float64 `json:"ours"`
	Twin []float64 `json:"twin"`

	Disturbed bool `json:"disturbed,omitempty"` // by other work on this machine
}

func add(figures []figure, row string, s side, samples []sample) []figure {
	for _, m := range samples {
		i := slices.IndexFunc(figures, func(f figure) bool { return f.What == m.what && f.Unit == m.unit })
		if i < 0 {
			i = len(figures)
			figures = append(figures, figure{Row: row, What: m.what, Unit: m.unit})
		}
		if s == ours {
			figures[i].Ours = append(figures[i].Ours, m.value)
		} else {
			figures[i].Twin = append(figures[i].Twin, m.value)
		}
	}
	return figures
}

func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(of))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// printTable prints medians, and how far the samples are apart.
func printTable(out io.Writer, figures []figure) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\twhat\tunit\tours\ttwin\tours/twin")
	for _, f := range figures {
		ratio := "-"
		if t := median(f.Twin); t > 0 && len(f.Ours) > 0 {
			ratio = fmt.Sprintf("%.2f", median(f.Ours)/t)
		}
		if f.Disturbed {
			ratio += " disturbed"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Row, f.What, f.Unit, shown(f.Ours), shown(f.Twin), ratio)
	}
	return w.Flush()
}

// shown is a median with the smallest and the largest sample.
func shown(of []float64) string {
	if len(of) == 0 {
		return "-"
	}
	if len(of) == 1 {
		return digits(of[0])
	}
	return fmt.Sprintf("%s (%s–%s)", digits(median(of)), digits(slices.Min(of)), digits(slices.Max(of)))
}

func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func printJSON(out io.Writer, figures []figure) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(figures)
}
