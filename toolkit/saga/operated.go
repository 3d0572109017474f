package saga

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tidewire/tidewire/toolkit/store"
)

// An Operated saga is one that is looked after: at the start of its service, and by people.
// Owned is one.
type Operated interface {
	Definition() Definition
	// Ready returns what stands against a start: a wrong definition, or instances that
	// nobody would know how to go on with.
	Ready(ctx context.Context) error
	// Retry asks once more for what an instance waits for. What also does is in the same
	// commit. ErrUnknown, ErrIllegal.
	Retry(ctx context.Context, id string, also func(*store.Tx, Outcome) error) (Outcome, error)
	// Cancel has an instance undone; else as Retry.
	Cancel(ctx context.Context, id string, off CalledOff, also func(*store.Tx, Outcome) error) (Outcome, error)
}

// Owned makes a Saga an Operated one. Fields that name no default are required.
type Owned[S any] struct {
	Saga  Saga[S]
	DB    *store.DB
	Load  func(tx *store.Tx, id string) (S, error)
	Store func(tx *store.Tx, id string, of S) error
	Keys  func(id string) []string // that a change of the instance decides on; the id alone
}

var _ Operated = Owned[int]{}

// Definition describes the saga.
func (o Owned[S]) Definition() Definition { return o.Saga.Definition() }

// Ready checks the saga, and that it knows where its instances stand.
func (o Owned[S]) Ready(ctx context.Context) error {
	err := o.Saga.Check()
	if o.Saga.Timer != nil {
		if queue := o.Saga.Timer(Deadline{}).Queue(); !strings.HasPrefix(queue, o.DB.Service()+"_") {
			err = errors.Join(err, fmt.Errorf("saga %s: deadlines are for queue %s, which is not of %s", o.Saga.Name, queue, o.DB.Service()))
		}
	}
	return errors.Join(err, o.Saga.Known(ctx, o.DB))
}

// Retry is Saga.Retry, in a change of its own.
func (o Owned[S]) Retry(ctx context.Context, id string, also func(*store.Tx, Outcome) error) (Outcome, error) {
	return o.change(ctx, id, also, func(tx *store.Tx, of *S) (Outcome, error) { return o.Saga.Retry(tx, id, of) })
}

// Cancel is Saga.Take of off, in a change of its own.
func (o Owned[S]) Cancel(ctx context.Context, id string, off CalledOff, also func(*store.Tx, Outcome) error) (Outcome, error) {
	return o.change(ctx, id, also, func(tx *store.Tx, of *S) (Outcome, error) { return o.Saga.Take(tx, id, of, off) })
}

func (o Owned[S]) change(ctx context.Context, id string, also func(*store.Tx, Outcome) error, do func(*store.Tx, *S) (Outcome, error)) (out Outcome, err error) {
	keys := []string{id}
	if o.Keys != nil {
		keys = o.Keys(id)
	}
	_, err = o.DB.Update(ctx, keys, func(tx *store.Tx) error {
		if _, err := o.Saga.load(tx, id); err != nil { // before the owner looks for it
			return err
		}
		of, err := o.Load(tx, id)
		if err != nil {
			return err
		}
		if out, err = do(tx, &of); err != nil {
			return err
		}
		if err := o.Store(tx, id, of); err != nil {
			return err
		}
		return also(tx, out)
	})
	return out, err
}
