package payment

import (
	"errors"
	"testing"
)

// Every instance, at every start, has the provider of the first.
func TestBindIsForEver(t *testing.T) {
	b := newProvided(t)
	for _, tt := range []struct {
		ledger string
		want   error
	}{{"one", nil}, {"one", nil}, {"two", ErrOtherProvider}, {"one", nil}} {
		if err := b.Bind(b.Context(), tt.ledger); !errors.Is(err, tt.want) {
			t.Errorf("Bind(%s) = %v, want %v", tt.ledger, err, tt.want)
		}
	}
}
