package door

import (
	"context"
	"errors"
	"net/http"

	"github.com/tidewire/tidewire/toolkit/aggregate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// ErrAway: a service that had to be asked does not answer now. Whoever can do without its
// answer says what it does instead.
var ErrAway = errors.New("a service that has to be asked does not answer")

// Explain returns the problem that err is, or that it stands for: the one table of what
// callers are told of errors. Package rpc tells the same in the words of gRPC.
func Explain(ctx context.Context, err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case store.Away(err):
		return unavailable("database-unavailable", "The database cannot do this now.")
	case errors.Is(err, ErrAway):
		return unavailable("service-unavailable", "A service that has to be asked does not answer now.")
	case errors.Is(err, store.ErrRevoked), errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		return unavailable("took-too-long", "It took too long, and was given up.")
	case errors.Is(err, store.ErrConflict):
		return Conflict("changed_meanwhile", "It was changed at the same moment.")
	case errors.Is(err, aggregate.ErrNewer): // as long as instances are replaced, another one may answer
		return unavailable("newer-version", "A newer version wrote a part of this and can read it; this one cannot.")
	}
	return internal()
}

// internal is 500. Its cause is in the log only: it may tell of files, hosts or people.
func internal() *Problem {
	p := problem(http.StatusInternalServerError, "internal", "Something went wrong here")
	p.Detail = "It was logged under the trace of this answer."
	return p
}
