package projection

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// A digest is of a set of rows: the sum of their SHA-256, in four lanes. Rows have no order
// in it, and one that changes is taken out and put in again, so that nobody need read the
// table. (Bellare and Micciancio, A New Paradigm for Collision-Free Hashing, 1997: it finds
// faults, and withstands nobody who looks for two sets with one sum.)
type digest [4]uint64

// add puts in a row of a table; nil is none.
func (d *digest) add(t Table, row []any) { d.count(t, row, 1) }

// take takes one out.
func (d *digest) take(t Table, row []any) { d.count(t, row, ^uint64(0)) }

func (d *digest) count(t Table, row []any, times uint64) {
	if row == nil {
		return
	}
	sum := sha256.Sum256(t.text(row))
	for lane := range d {
		d[lane] += times * binary.BigEndian.Uint64(sum[8*lane:])
	}
}

// text is a row as no other one is written.
func (t Table) text(row []any) []byte {
	text := append(make([]byte, 0, 512), t.Name...)
	for i, c := range t.Columns {
		if c.Apart {
			continue
		}
		switch v := row[i].(type) {
		case int64:
			text = strconv.AppendInt(append(text, 0), v, 10)
		case string: // no text has a 0, but its length costs nothing
			text = append(strconv.AppendInt(append(text, 0), int64(len(v)), 10), ':')
			text = append(text, v...)
		}
	}
	return text
}

// String is the digest in hexadecimal digits; "" is that of no rows.
func (d digest) String() string {
	if d == (digest{}) {
		return ""
	}
	var all []byte
	for _, lane := range d {
		all = binary.BigEndian.AppendUint64(all, lane)
	}
	return hex.EncodeToString(all)
}

// parseDigest reads what String has written.
func parseDigest(s string) (d digest, err error) {
	if s == "" {
		return d, nil
	}
	all, err := hex.DecodeString(s)
	if err != nil || len(all) != sha256.Size {
		return d, fmt.Errorf("%q is no digest of rows", s)
	}
	for lane := range d {
		d[lane] = binary.BigEndian.Uint64(all[8*lane:])
	}
	return d, nil
}
