package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 100}, 3},
	} {
		if got := median(c.of); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.of, got, c.want)
		}
	}
}

func TestTableShowsRatiosOfMedians(t *testing.T) {
	var out strings.Builder
	err := printTable(&out, []figure{
		{Row: "a", What: "orders", Unit: "1/s", Ours: []float64{50, 70, 60}, Twin: []float64{100, 90, 110}},
		{Row: "a", What: "nothing of the twin's", Unit: "ms", Ours: []float64{5}},
		{Row: "b", What: "noise", Unit: "ms", Ours: []float64{1}, Twin: []float64{2}, Disturbed: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range [][]string{
		{"ours/twin"},
		{"60.0 (50.0–70.0)", "100 (90.0–110)", "0.60"},
		{"5.00", "-"},
		{"0.50", "disturbed"},
	} {
		for _, word := range want {
			if !strings.Contains(lines[i], word) {
				t.Errorf("line %d = %q, want %q in it", i, lines[i], word)
			}
		}
	}
}

func TestSidesTakeTurns(t *testing.T) {
	b := &bench{options: options{pairs: 3, quick: true}, progress: io.Discard}
	var got []side
	figures, err := b.inTurn(t.Context(), onServer, func(s side) ([]sample, error) {
		got = append(got, s)
		return []sample{{"x", "1/s", float64(len(got))}, {"x", "ms", 1}}, nil
	})
	if want := []side{ours, raw, ours, raw, ours, raw}; err != nil || !slices.Equal(got, want) {
		t.Fatalf("measured %v, %v; want %v", got, err, want)
	}
	if len(figures) != 2 || !slices.Equal(figures[0].Ours, []float64{1, 3, 5}) || !slices.Equal(figures[0].Twin, []float64{2, 4, 6}) {
		t.Errorf("figures = %+v", figures)
	}
}

func TestAFailedMeasurementEndsItsRow(t *testing.T) {
	b := &bench{options: options{pairs: 3, quick: true}, progress: io.Discard}
	failed := errors.New("failed")
	_, err := b.inTurn(t.Context(), "x", func(s side) ([]sample, error) {
		if s == raw {
			return nil, failed
		}
		return nil, nil
	})
	if !errors.Is(err, failed) || !strings.Contains(err.Error(), "twin") {
		t.Errorf("inTurn = %v, want the twin's failure", err)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-only", "pipelines"}, {"-pairs", "0"}, {"-orders", "-1"}, {"more"}} {
		if err := run(context.Background(), io.Discard, args); err == nil {
			t.Errorf("bench %v ran", args)
		}
	}
}
