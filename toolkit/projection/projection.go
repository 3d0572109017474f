package projection

import (
	"fmt"
	"slices"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// A Projection is what a service keeps of facts, in tables of its own that are nothing
// but the fold of those facts.
type Projection struct {
	Name   string // unique among all services
	Tables []Table
	// Sources are read beside each other, the first a little ahead: what entries of the others
	// were said because of is folded before them, unless clocks differ (see Rows.Whole).
	Sources []Source
	// Fold takes entries of one log, in its order, into rows. It knows nothing but both,
	// and what it comes to does not depend on how entries of several logs are mixed.
	Fold func(rows *Rows, entries []stream.Entry) error
	// Format is raised with every change of what Fold makes of the same entries: a rebuild that
	// an older binary has begun starts anew, and one of a newer is left to that; 0.
	Format int64
}

// A Table is one that a projection owns. A value that Fold does not know is Carried.
type Table struct {
	Name    string
	Columns []Column
	Keys    int // how many of the first columns are its key
}

// A Column holds texts, or numbers, of which times and booleans are some.
type Column struct {
	Name   string
	Number bool
	Null   bool // a 0 is stored as NULL
	Apart  bool // no fact says what is in it: no digest has it
}

// A Source is a log that a projection is made of. The log of its own service it follows to
// its end, for the rows that it writes are committed with what it says there; every other
// one to where the service has read it.
type Source struct {
	Log  string
	Want func(kind string) bool
}

// Columns returns columns by their names, of texts unless they are listed again.
func Columns(all []string, numbers ...string) []Column {
	columns := make([]Column, len(all))
	for i, name := range all {
		columns[i] = Column{Name: name, Number: slices.Contains(numbers, name)}
	}
	return columns
}

// table returns the table with a name.
func (p Projection) table(name string) (Table, error) {
	for _, t := range p.Tables {
		if t.Name == name {
			return t, nil
		}
	}
	return Table{}, fmt.Errorf("projection %s has no table %s", p.Name, name)
}

// names are those of its tables.
func (p Projection) names() []string {
	var all []string
	for _, t := range p.Tables {
		all = append(all, t.Name)
	}
	return all
}

// list is the columns from one on, with something before each of them.
func (t Table) list(from int, before string) string {
	s := ""
	for i, c := range t.Columns[from:] {
		if i > 0 {
			s += ", "
		}
		s += before + c.Name
	}
	return s
}

// key is the list of the columns that are its key.
func (t Table) key() string { return Table{Columns: t.Columns[:t.Keys]}.list(0, "") }

// dests are what a row is scanned into, and scanned reads them.
func (t Table) dests() (dests []any, values func() []any) {
	texts, numbers := make([]string, len(t.Columns)), make([]int64, len(t.Columns))
	dests = make([]any, len(t.Columns))
	for i, c := range t.Columns {
		if dests[i] = &texts[i]; c.Number {
			dests[i] = &numbers[i]
		}
	}
	return dests, func() []any {
		row := make([]any, len(t.Columns))
		for i, c := range t.Columns {
			if row[i] = texts[i]; c.Number {
				row[i] = numbers[i]
			}
		}
		return row
	}
}

// shadow is where the rebuild writes.
func (t Table) shadow() string { return store.ShadowOf(t.Name) }
