package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/tidewire/tidewire/toolkit/store"
)

// explain turns an error of the server, or the loss of its connection, into one that
// callers branch on.
func explain(err error, lost bool) error {
	var pg *pgconn.PgError
	switch {
	case err == nil || known(err):
		return err
	case errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == "journal_version":
		return fmt.Errorf("%w: %w", store.ErrConflict, err)
	case lost || pg != nil && cannot(pg):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// cannot reports whether a server is, for now, in no state to do what it was asked.
func cannot(pg *pgconn.PgError) bool {
	return final(pg) || busy(pg) || pg.Code == "25006" || // the primary has just become a replica
		slices.Contains([]string{"08", "53", "57", "58"}, pg.Code[:2])
}

func known(err error) bool {
	for _, sentinel := range []error{store.ErrConflict, store.ErrRevoked, store.ErrUnavailable, store.ErrPanic} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

// busy is what becomes of a change that got in another's way: undone, and it may
// succeed when it is run again.
func busy(pg *pgconn.PgError) bool {
	switch pg.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"55P03": // no lock in lock_timeout
		return true
	}
	return false
}

// tooLong reports whether the server cut a statement short: a last one, which runs with
// the COMMIT, or the change would have been revoked before.
func tooLong(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "57014"
}

// final reports whether the session has ended with this error. A pooler says so with no
// word but its own, which it does not translate.
func final(pg *pgconn.PgError) bool {
	severity := cmp.Or(pg.SeverityUnlocalized, pg.Severity)
	return severity == "FATAL" || severity == "PANIC" || strings.HasPrefix(pg.Code, "08")
}

// again reports whether a change that failed with err is undone for certain, and worth
// another run.
func again(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, errStale) || errors.As(err, &pg) && busy(pg)
}

// wrap says which statement failed.
func wrap(query string, err error) error {
	if _, after, ok := strings.Cut(query, "*/ "); ok {
		query = after
	}
	line, _, more := strings.Cut(strings.TrimSpace(query), "\n")
	if more {
		line += " …"
	}
	return fmt.Errorf("%s: %w", line, err)
}
