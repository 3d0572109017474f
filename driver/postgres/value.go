package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// encode returns the arguments of a statement as its columns store them. It copies
// what the caller may overwrite before they are sent.
func encode(args []any) ([]any, error) {
	encoded := make([]any, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case nil, string, int64, *int64:
			encoded[i] = arg
		case int:
			encoded[i] = int64(a)
		case []byte:
			encoded[i] = append([]byte{}, a...)
		case bool:
			encoded[i] = int64(0)
			if a {
				encoded[i] = int64(1)
			}
		case time.Time:
			encoded[i] = a.UnixMicro()
		default:
			return nil, fmt.Errorf("parameter %d: cannot store a %T", i+1, arg)
		}
	}
	return encoded, nil
}

// scan copies the columns of the current row. NULL is the zero value.
func scan(rows pgx.Rows, dest []any) error {
	raw := rows.RawValues()
	if len(raw) != len(dest) {
		return fmt.Errorf("%d columns into %d destinations", len(raw), len(dest))
	}
	fields := rows.FieldDescriptions()
	types := rows.Conn().TypeMap()
	for i, d := range dest {
		if d == nil {
			continue
		}
		c := column{raw: raw[i], oid: fields[i].DataTypeOID, format: fields[i].Format, types: types}
		if err := c.scan(d); err != nil {
			return fmt.Errorf("column %s: %w", fields[i].Name, err)
		}
	}
	return nil
}

// A column is one value as the server sent it.
type column struct {
	raw    []byte
	oid    uint32
	format int16
	types  *pgtype.Map
}

func (c column) scan(dest any) (err error) {
	switch d := dest.(type) {
	case *string:
		*d, err = c.text()
	case *[]byte:
		*d, err = c.bytes()
	case *int64:
		*d, err = c.number()
	case *int:
		var n int64
		n, err = c.number()
		*d = int(n)
	case *bool:
		*d, err = c.truth()
	case *time.Time:
		*d = time.Time{}
		if c.raw != nil {
			var n int64
			n, err = c.number()
			*d = time.UnixMicro(n).UTC()
		}
	case **int64:
		*d = nil
		if c.raw != nil {
			var n int64
			n, err = c.number()
			*d = &n
		}
	default:
		err = fmt.Errorf("cannot scan into a %T", dest)
	}
	return err
}

// number reads any numeric type, since the sum of BIGINT columns is NUMERIC.
func (c column) number() (n int64, err error) {
	switch {
	case c.raw == nil:
		return 0, nil
	case c.oid == pgtype.Int8OID && c.format == pgx.BinaryFormatCode && len(c.raw) == 8:
		return int64(binary.BigEndian.Uint64(c.raw)), nil
	}
	return n, c.types.Scan(c.oid, c.format, c.raw, &n)
}

// truth reads a stored 0 or 1, or the outcome of a comparison.
func (c column) truth() (is bool, err error) {
	if c.raw != nil && c.oid == pgtype.BoolOID {
		return is, c.types.Scan(c.oid, c.format, c.raw, &is)
	}
	n, err := c.number()
	return n != 0, err
}

func (c column) text() (s string, err error) {
	switch c.oid {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.ByteaOID:
		b, err := c.bytes()
		return string(b), err
	}
	if c.raw != nil {
		err = c.types.Scan(c.oid, c.format, c.raw, &s)
	}
	return s, err
}

func (c column) bytes() (b []byte, err error) {
	switch {
	case c.raw == nil:
		return nil, nil
	case c.oid == pgtype.ByteaOID && c.format != pgx.BinaryFormatCode:
		return b, c.types.Scan(c.oid, c.format, c.raw, &b)
	}
	return bytes.Clone(c.raw), nil
}
