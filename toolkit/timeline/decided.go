package timeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// together is how many keys one statement asks for.
const together = 64

// A decision is what an operator's act says of itself, in whatever fact it is kept.
type decision struct {
	Act    string `json:"act"`
	Who    string `json:"who"`
	Why    string `json:"why"`
	Became string `json:"became"` // service/message: what took the place of an edited one
}

// decided adds what became of these messages where they could not be handled, and what
// operators did: audit facts, which are found by their keys for as long as they are kept. It
// returns which edit made which message.
func (t *Timeline) decided(ctx context.Context, sources []Source) (replaced map[string]string, err error) {
	replaced = map[string]string{}
	var keys []string
	for _, m := range t.Moments {
		keys = append(keys, message.DeadKey(m.ID))
	}
	for _, s := range sources {
		if s.Acts != "" && !slices.Contains(keys, s.Acts) {
			keys = append(keys, s.Acts)
		}
	}
	for len(keys) > 0 {
		var next []string
		for _, s := range sources {
			var found []Moment
			err := s.DB.View(ctx, func(tx *store.Tx) (err error) { found, err = acts(tx, s.DB.Service(), keys); return err })
			if err != nil {
				return replaced, fmt.Errorf("%s: %w", s.DB.Service(), err)
			}
			for _, m := range found {
				var d decision
				if json.Unmarshal(m.Body, &d) == nil {
					m.Act, m.Who, m.Why = d.Act, d.Who, d.Why
				}
				if _, by, ok := strings.Cut(d.Became, "/"); ok {
					replaced[by] = m.ID
					next = append(next, message.DeadKey(by)) // it may have died as well
				}
				t.Moments = append(t.Moments, m)
			}
		}
		keys = next
	}
	return replaced, nil
}

// acts reads the audit facts of some keys. Their index has nothing else.
func acts(tx *store.Tx, service string, keys []string) (found []Moment, err error) {
	for some := range slices.Chunk(keys, together) {
		args, marks := make([]any, len(some)), make([]string, len(some))
		for i, key := range some {
			args[i], marks[i] = key, fmt.Sprintf("$%d", i+1)
		}
		err := tx.Rows(`SELECT id, kind, class, time, cause, trace, body FROM journal WHERE class = 'audit' AND key IN (`+strings.Join(marks, ", ")+`) ORDER BY seq`,
			args, func(scan func(...any) error) error {
				m, err := scanned(service, func(m *Moment, trace *string, body *[]byte) error {
					return scan(&m.ID, &m.Kind, &m.Class, &m.Time, &m.Cause, trace, body)
				})
				found = append(found, m)
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// scanned is a message as it is shown.
func scanned(service string, scan func(m *Moment, trace *string, body *[]byte) error) (Moment, error) {
	m := Moment{Service: service}
	var trace string
	var body []byte
	if err := scan(&m, &trace, &body); err != nil {
		return m, err
	}
	m.Trace = message.TraceID(trace)
	if v := jsontext.Value(body); v.IsValid() {
		m.Body = v
	}
	return m, nil
}
