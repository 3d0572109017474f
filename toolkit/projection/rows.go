package projection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// Rows are the rows of a projection that a Fold reads and changes, in memory: each is read
// once, and written once when the Fold is over.
type Rows struct {
	of    Projection
	tx    *store.Tx // on which they are read
	known map[string]map[string]*known
	whole bool
	texts map[string]string // of statements, by what they are for
}

// A known row is what is stored of it, and what it is now; nil: there is none.
type known struct{ was, is []any }

// A Carried value is what the table in use has there, as no fact says it: Else, where it has
// no such row, or nothing there.
type Carried struct{ Else any }

// Drawn is a number of the service's sequence that nobody else has drawn.
type Drawn struct{}

func newRows(p Projection, tx *store.Tx) *Rows {
	r := &Rows{of: p, tx: tx, known: map[string]map[string]*known{}, whole: true, texts: map[string]string{}}
	for _, t := range p.Tables {
		r.known[t.Name] = map[string]*known{}
	}
	return r
}

// Whole reports whether everything was folded that an entry of another log than the first can
// have been said because of. If not, a Fold that misses it returns ErrEarly, and is given the
// entry again later.
func (r *Rows) Whole() bool { return r.whole }

// Key names a row by the values of its key.
func Key(values ...any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprint(v)
	}
	return strings.Join(parts, "\x00")
}

// Load reads rows by their keys, many in one statement. What is not loaded, Get reads by
// itself.
func (r *Rows) Load(table string, keys ...string) error {
	t, err := r.of.table(table)
	if err != nil {
		return err
	}
	have := r.known[table]
	var missing []string
	for _, key := range keys {
		if have[key] == nil {
			have[key] = &known{}
			missing = append(missing, key)
		}
	}
	return r.read(t, t.shadow(), missing, func(key string, row []any) { have[key] = &known{was: row, is: row} })
}

// Begin says that a row begins here: there is none with this key, so nobody need look.
func (r *Rows) Begin(table, key string) {
	if r.known[table][key] == nil {
		r.known[table][key] = &known{}
	}
}

// Get copies the columns of a row to pointers to int64, int, bool, string, []byte or
// time.Time, or skips one at nil. It reports whether there is the row.
func (r *Rows) Get(table, key string) (scan func(dest ...any) error, found bool, err error) {
	if r.known[table][key] == nil {
		if err := r.Load(table, key); err != nil {
			return nil, false, err
		}
	}
	row := r.known[table][key].is
	return func(dest ...any) error { return scanRow(row, dest) }, row != nil, nil
}

// Put changes a row, or makes it. It takes the value of each column: what a Tx takes, or
// where the column is Apart, Carried.
func (r *Rows) Put(table string, values ...any) error {
	t, err := r.of.table(table)
	if err != nil {
		return err
	}
	if len(values) != len(t.Columns) {
		return fmt.Errorf("projection %s: %d values for the %d columns of %s", r.of.Name, len(values), len(t.Columns), table)
	}
	row := make([]any, len(values))
	for i, v := range values {
		if row[i], err = plain(v, t.Columns[i]); err != nil {
			return fmt.Errorf("projection %s, column %s of %s: %w", r.of.Name, t.Columns[i].Name, table, err)
		}
	}
	key := Key(row[:t.Keys]...)
	if r.known[table][key] == nil {
		if err := r.Load(table, key); err != nil {
			return err
		}
	}
	r.known[table][key].is = row
	return nil
}

// plain is a value as a column has it.
func plain(value any, c Column) (any, error) {
	switch v := value.(type) {
	case Carried:
		if !c.Apart {
			return nil, fmt.Errorf("it is not Apart, and cannot be carried")
		}
		otherwise, err := plain(v.Else, c)
		return Carried{otherwise}, err
	case string:
		if !c.Number {
			return v, nil
		}
	case []byte:
		if !c.Number {
			return string(v), nil
		}
	case nil:
		if c.Number {
			return int64(0), nil
		}
	case int64:
		if c.Number {
			return v, nil
		}
	case int:
		return plain(int64(v), c)
	case bool:
		if v {
			return plain(int64(1), c)
		}
		return plain(int64(0), c)
	case time.Time:
		if v.IsZero() && c.Null {
			return plain(int64(0), c)
		}
		return plain(v.UnixMicro(), c)
	case Drawn:
		if c.Number {
			return v, nil
		}
	}
	return nil, fmt.Errorf("it takes no %T", value)
}

// scanRow copies values, as a Tx would.
func scanRow(row []any, dest []any) error {
	if len(row) != len(dest) {
		return fmt.Errorf("%d columns into %d destinations", len(row), len(dest))
	}
	for i, d := range dest {
		v := row[i]
		if c, is := v.(Carried); is { // what it will be is not known yet
			v = c.Else
		}
		if v == (Drawn{}) {
			v = int64(0)
		}
		text, isText := v.(string)
		number, isNumber := v.(int64)
		fits := isNumber
		switch d := d.(type) {
		case nil:
			fits = true
		case *string:
			*d, fits = text, isText
		case *[]byte:
			*d, fits = []byte(text), isText
		case *int64:
			*d = number
		case *int:
			*d = int(number)
		case *bool:
			*d = number != 0
		case *time.Time:
			*d = time.UnixMicro(number).UTC()
		default:
			fits = false
		}
		if !fits {
			return fmt.Errorf("column %d is a %T, and goes into no %T", i, v, d)
		}
	}
	return nil
}

// atOnce is how many rows one statement writes at most, and a quarter of what one reads.
const atOnce = 64

// read reads rows of a table by their keys.
func (r *Rows) read(t Table, from string, keys []string, row func(key string, row []any)) error {
	for portion := range slices.Chunk(keys, 4*atOnce) {
		args, values, err := t.keyed(portion)
		if err != nil {
			return err
		}
		dests, copied := t.dests()
		err = r.tx.Rows(`SELECT `+t.list(0, "")+` FROM `+from+` WHERE (`+t.key()+`) IN (VALUES `+values+`)`, args, func(scan func(...any) error) error {
			if err := scan(dests...); err != nil {
				return err
			}
			is := copied()
			row(Key(is[:t.Keys]...), is)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keyed is a list of keys, the last one repeated up to a power of two, so that few
// statements serve all numbers of them.
func (t Table) keyed(keys []string) (args []any, values string, err error) {
	n := 1
	for n < len(keys) {
		n *= 2
	}
	rows := make([]string, n)
	for i := range rows {
		marks := make([]string, t.Keys)
		parts := strings.SplitN(keys[min(i, len(keys)-1)], "\x00", t.Keys)
		if len(parts) != t.Keys {
			return nil, "", fmt.Errorf("%q is no key of %s", parts, t.Name)
		}
		for j, part := range parts {
			var arg any = part
			if marks[j] = fmt.Sprintf("$%d", len(args)+1); t.Columns[j].Number {
				marks[j] = "CAST(" + marks[j] + " AS BIGINT)"
				if arg, err = strconv.ParseInt(part, 10, 64); err != nil {
					return nil, "", fmt.Errorf("%q is no key of %s: %w", part, t.Name, err)
				}
			}
			args = append(args, arg)
		}
		rows[i] = "(" + strings.Join(marks, ", ") + ")"
	}
	return args, strings.Join(rows, ", "), nil
}

// changed are the keys of the rows of a table that are to be written, in their order.
func (r *Rows) changed(t Table) []string {
	var keys []string
	for key, k := range r.known[t.Name] {
		if k.is != nil && !slices.Equal(k.was, k.is) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// carry puts in what the tables in use have where a value is Carried.
func (r *Rows) carry() error {
	for _, t := range r.of.Tables {
		var open []string
		for _, key := range r.changed(t) {
			if slices.ContainsFunc(r.known[t.Name][key].is, isCarried) {
				open = append(open, key)
			}
		}
		narrow, live := t.apart(), map[string][]any{}
		if err := r.read(narrow, t.Name, open, func(key string, row []any) { live[key] = row[t.Keys:] }); err != nil {
			return err
		}
		for _, key := range open {
			row, there := r.known[t.Name][key].is, live[key]
			for i, v := range row {
				var is any
				if t.Columns[i].Apart && len(there) > 0 {
					is, there = there[0], there[1:]
				}
				if !isCarried(v) {
					continue
				}
				if row[i] = v.(Carried).Else; is != nil && !(t.Columns[i].Null && is == int64(0)) {
					row[i] = is
				}
			}
		}
	}
	return nil
}

// apart is t with its key and the columns that no fact says.
func (t Table) apart() Table {
	columns := slices.Clone(t.Columns[:t.Keys])
	for _, c := range t.Columns[t.Keys:] {
		if c.Apart {
			columns = append(columns, c)
		}
	}
	return Table{Name: t.Name, Columns: columns, Keys: t.Keys}
}

func isCarried(v any) bool { _, is := v.(Carried); return is }

// digested is a digest after these rows have changed.
func (r *Rows) digested(d digest) digest {
	for _, t := range r.of.Tables {
		for _, key := range r.changed(t) {
			d.take(t, r.known[t.Name][key].was)
			d.add(t, r.known[t.Name][key].is)
		}
	}
	return d
}

// write stores what has changed, in the order of the keys.
func (r *Rows) write(tx *store.Tx) error {
	for _, t := range r.of.Tables {
		keys := r.changed(t)
		for len(keys) > 0 {
			n := atOnce
			for n > len(keys) {
				n /= 2
			}
			args, err := r.args(tx, t, keys[:n])
			if err != nil {
				return err
			}
			name := fmt.Sprint(t.Name, n)
			if r.texts[name] == "" {
				r.texts[name] = t.upsert(n)
			}
			if err := tx.Exec(r.texts[name], args...); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return nil
}

// args are the values of rows as a statement takes them.
func (r *Rows) args(tx *store.Tx, t Table, keys []string) (args []any, err error) {
	for _, key := range keys {
		for i, v := range r.known[t.Name][key].is {
			if v == (Drawn{}) {
				if v, err = tx.Next(); err != nil {
					return nil, err
				}
			}
			if t.Columns[i].Null && v == int64(0) {
				v = nil
			}
			args = append(args, v)
		}
	}
	return args, nil
}

// upsert writes n rows, whether they are there or not.
func (t Table) upsert(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", t.shadow(), t.list(0, ""))
	for i := range n * len(t.Columns) {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%len(t.Columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	fmt.Fprintf(&b, ") ON CONFLICT (%s) DO ", t.key())
	if t.Keys == len(t.Columns) {
		return b.String() + "NOTHING"
	}
	b.WriteString("UPDATE SET ")
	for i, c := range t.Columns[t.Keys:] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%[1]s = excluded.%[1]s", c.Name)
	}
	return b.String()
}
