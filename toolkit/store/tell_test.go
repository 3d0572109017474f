package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A herald is a driver that others have open, too.
type herald struct {
	store.Driver
	told    []string
	hint    func([]string)
	hearing bool
}

func (h *herald) Tell(topics []string)     { h.told = append(h.told, topics...) }
func (h *herald) Hear(hint func([]string)) { h.hint = hint }
func (h *herald) Hearing() bool            { return h.hearing }

// Update runs the change and stores nothing.
func (h *herald) Update(_ context.Context, c store.Change) error {
	return c.Run(mute{}, time.Unix(1, 0))
}

// What is committed is told to others, and what they tell is a hint here; what failed, and
// what says nothing, is not told.
func TestOthersAreTold(t *testing.T) {
	h := &herald{}
	db := store.Open("test", h)
	hint, stop := db.Watch(store.Journal)
	defer stop()
	if db.Hinted() {
		t.Error("it is hinted, and does not hear")
	}
	h.hearing = true
	if !db.Hinted() {
		t.Error("it hears, and is not hinted")
	}
	h.hint([]string{"another", store.Journal})
	if !given(hint) || given(hint) {
		t.Error("what was told gave no hint, or two")
	}
	if len(h.told) != 0 {
		t.Errorf("what was heard was told: %v", h.told)
	}
	bad := errors.New("bad")
	for _, tt := range []struct {
		name   string
		change func(*store.Tx) error
		want   []string
	}{
		{"nothing", func(*store.Tx) error { return nil }, nil},
		{"failed", func(tx *store.Tx) error { return errors.Join(tx.Append("a", said{}), bad) }, nil},
		{"a fact and work", func(tx *store.Tx) error { return errors.Join(tx.Append("a", said{}), tx.Send("a", chore{})) }, []string{store.Journal, "test_chores"}},
	} {
		h.told = nil
		if _, err := db.Update(t.Context(), nil, tt.change); err != nil && !errors.Is(err, bad) {
			t.Fatal(err)
		}
		if !slices.Equal(h.told, tt.want) {
			t.Errorf("%s: told %v, want %v", tt.name, h.told, tt.want)
		}
	}
}

// mute is a transaction that takes everything and has nothing.
type mute struct{}

func (mute) Exec(string, ...any) error                                 { return nil }
func (mute) Query(string, []any, func(func(...any) error) error) error { return nil }
func (mute) Lock(...string) error                                      { return nil }
func (mute) Append(m []message.Message) ([]int64, error)               { return make([]int64, len(m)), nil }
func (mute) Next() (int64, error)                                      { return 0, nil }
