package postgres

import (
	"errors"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// The sequence is drawn row by row, after the sort.
const appendRows = `INSERT INTO journal (partition, id, kind, class, key, version, time, cause, trace, body)
	SELECT partition, id, kind, class, key, nullif(version, 0), time, cause, trace, body
	FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::bytea[])
		WITH ORDINALITY AS m (partition, id, kind, class, key, version, time, cause, trace, body, place)
	ORDER BY place RETURNING seq`

var errOrder = errors.New("postgres: the journal's sequences were not drawn in order")

// Append travels with the statement after it, at the latest the COMMIT.
func (c *conn) Append(msgs []message.Message) ([]int64, error) {
	if c.reading {
		return nil, errViewed
	}
	if len(msgs) == 0 {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return nil, err
	}
	seqs := make([]int64, len(msgs))
	n := 0
	c.queued.Queue(c.d.text(appendRows), columns(msgs)...)
	c.later = append(c.later, asked{place: c.queued.Len() - 1, Question: &store.Question{Row: func(scan func(...any) error) error {
		if err := scan(&seqs[n]); err != nil {
			return err
		}
		if n++; n > 1 && seqs[n-1] <= seqs[n-2] {
			return errOrder
		}
		return nil
	}}})
	last := msgs[len(msgs)-1]
	c.said = mark{partition: store.Partition(last.Key), id: last.ID}
	return seqs, nil
}

// columns turns messages into one array for each column.
func columns(msgs []message.Message) []any {
	n := len(msgs)
	partitions, versions, times := make([]int64, n), make([]int64, n), make([]int64, n)
	ids, kinds, classes, keys := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	causes, traces, bodies := make([]string, n), make([]string, n), make([][]byte, n)
	for i, m := range msgs {
		partitions[i], versions[i], times[i] = int64(store.Partition(m.Key)), m.Version, m.Time.UnixMicro()
		ids[i], kinds[i], classes[i], keys[i] = m.ID, m.Kind, string(m.Class), m.Key
		causes[i], traces[i], bodies[i] = m.Cause, m.Trace, m.Body
		if m.Body == nil {
			bodies[i] = []byte{} // nil would be NULL
		}
	}
	return []any{partitions, ids, kinds, classes, keys, versions, times, causes, traces, bodies}
}
