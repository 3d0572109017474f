// Command bench measures the platform beside raw twins of it, in one run, and prints one
// table. What is measured, and how, is in README.md; what a twin is, in twin/doc.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	only     string
	orders   int
	pairs    int
	growth   int
	events   int // that are folded
	mailFor  time.Duration
	quick    bool
	json     bool
	keep     bool
	style    string        // of orders in rows without a twin; choreographed
	postgres string        // URL of a server; "": none
	time     time.Duration // of a measurement that is not a number of orders
}

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) > 0 && isChild(args[0]) {
		return child(ctx, args[0], args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	b := &bench{options: o, progress: os.Stderr, capacity: map[way]float64{}}
	if err := b.workplace(); err != nil {
		return err
	}
	defer b.close()
	var all []figure
	for _, r := range rows() {
		if !o.wants(r.name) {
			continue
		}
		began := time.Now()
		figures, err := r.measure(b, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		fmt.Fprintf(b.progress, "%s: %.0f s\n", r.name, time.Since(began).Seconds())
		all = append(all, figures...)
	}
	if o.json {
		return printJSON(out, all)
	}
	return printTable(out, all)
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.only, "only", "", "rows to measure, with commas between them: "+strings.Join(names(), ","))
	f.IntVar(&o.orders, "orders", 20000, "orders of one run of the pipeline")
	f.IntVar(&o.pairs, "pairs", 3, "how often both sides are measured, in turn")
	f.IntVar(&o.growth, "growth", 1_000_000, "orders to store for the row growth, in ten steps")
	f.IntVar(&o.events, "events", 1_000_000, "events to make tables anew from, for the row rebuild")
	f.DurationVar(&o.mailFor, "mail", time.Minute, "how long the mail server is down for the row mail")
	f.StringVar(&o.style, "style", "", "how orders flow in rows without a twin; choreographed. The others name it")
	f.BoolVar(&o.quick, "quick", false, "some minutes: less of everything, and rougher figures")
	f.BoolVar(&o.json, "json", false, "print every sample as JSON")
	f.StringVar(&o.postgres, "postgres", os.Getenv("TIDEWIRE_TEST_POSTGRES"), "URL of a PostgreSQL server, where databases are made and dropped")
	f.BoolVar(&o.keep, "keep", false, "keep the databases, and say where they are")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.time = 4 * time.Second
	if o.quick {
		o.orders, o.pairs, o.time = min(o.orders, 4000), 1, time.Second
		o.growth, o.mailFor, o.events = min(o.growth, 20_000), 5*time.Second, min(o.events, 30_000)
	}
	for _, name := range o.names() {
		if !slices.Contains(names(), name) {
			return o, fmt.Errorf("no row %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	if o.orders < 1 || o.pairs < 1 || o.growth < 10 || f.NArg() > 0 {
		return o, errors.New("orders and pairs are 1 or more, growth 10 or more, and there are no arguments")
	}
	return o, nil
}

func (o options) names() []string {
	return strings.FieldsFunc(o.only, func(r rune) bool { return r == ',' })
}

func (o options) wants(name string) bool { return o.only == "" || slices.Contains(o.names(), name) }

// A row is a part of the table.
type row struct {
	name    string
	measure func(*bench, context.Context) ([]figure, error)
}

// rows are what can be measured, in the order of the table.
func rows() []row {
	return []row{
		{"pipeline", (*bench).pipeline},
		{"orchestrated", (*bench).orchestrated},
		{"latency", (*bench).latency},
		{"start", (*bench).start},
		{"postgres", (*bench).onPostgres},
		{"parts", (*bench).parts},
		{"overload", (*bench).overload},
		{"poison", (*bench).poison},
		{"hot", (*bench).hot},
		{"mail", (*bench).mail},
		{"catchup", (*bench).catchUp},
		{"growth", (*bench).growth},
		{"rebuild", (*bench).rebuild},
	}
}

func names() (all []string) {
	for _, r := range rows() {
		all = append(all, r.name)
	}
	return all
}
