package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
	"zombiezen.com/go/sqlite"
)

const (
	groupTime  = 5 * time.Millisecond // of writer time, then the group commits
	changeTime = time.Second          // then a change is revoked
)

var errClosed = fmt.Errorf("%w: closed", store.ErrUnavailable)

// A writer commits changes in groups. It owns the connection and hands it, as a baton,
// to the goroutine of one change after the other.
//
//	BEGIN  ─► change 1 ─► SAVEPOINT ─► change 2 ─► RELEASE ─► … ─► COMMIT (one fsync)
//	                                      └─ error, panic, over a second: ROLLBACK TO, only this one
//	                                      └─ the transaction died with it: the others run again without it
type writer struct {
	driver *Driver
	stmts  *statements
	seq    int64          // the last that was drawn; a change that is undone leaves a gap
	kept   bool           // the group drew a number that no row of the journal shows
	fresh  []stream.Entry // the rows of the journal in this transaction,
	unsure bool           // or others
	broken error          // a commit failed in a way that leaves its outcome open

	groups, changes, took atomic.Int64 // committed; in nanoseconds

	mu      sync.Mutex
	waiting [2][]*member // requests, then background work
	closed  bool
	wake    chan struct{}
	ended   chan struct{}

	timer     *time.Timer
	interrupt chan struct{}
}

// A member is a change on its way through the writer.
type member struct {
	change store.Change
	state  atomic.Int32 // of memberWaiting, memberTaken, memberWithdrawn
	turn   chan *conn   // the baton; once, or again if the transaction died
	back   chan error   // the baton back, with what the change returned
	done   chan error
}

const (
	memberWaiting = iota
	memberTaken
	memberWithdrawn
)

// startWriter owns c from now on, and goes on drawing behind seq.
func startWriter(c *sqlite.Conn, d *Driver, seq int64) *writer {
	w := &writer{driver: d, stmts: newStatements(c), seq: seq, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		timer: time.NewTimer(time.Hour), interrupt: make(chan struct{})}
	c.SetInterrupt(w.interrupt)
	go w.run()
	return w
}

// Update runs c in the next group. The change runs on the caller's goroutine.
func (d *Driver) Update(ctx context.Context, c store.Change) error {
	m := &member{change: c, turn: make(chan *conn, 1), back: make(chan error, 1), done: make(chan error, 1)}
	if err := d.writer.enqueue(m); err != nil {
		return err
	}
	gone := ctx.Done()
	for {
		select {
		case <-gone:
			if m.state.CompareAndSwap(memberWaiting, memberWithdrawn) {
				return context.Cause(ctx)
			}
			gone = nil // it has begun: what becomes of it is what is returned
		case c := <-m.turn:
			m.run(c, d.clock.now())
		case err := <-m.done:
			return err
		}
	}
}

// run runs the change and hands the baton back, however the change ends.
func (m *member) run(c *conn, now time.Time) {
	err := errors.New("the change ended its goroutine")
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", store.ErrPanic, p)
		}
		m.back <- err
	}()
	err = m.change.Run(c, now)
}

// enqueue never waits: how many stand in line is bounded by those who wait for answers.
func (w *writer) enqueue(m *member) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errClosed
	}
	line := 0
	if m.change.Background {
		line = 1
	}
	w.waiting[line] = append(w.waiting[line], m)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// next takes the first member that is still waiting, or nil.
func (w *writer) next() *member {
	for line := range w.waiting {
		if m := w.nextOf(line); m != nil {
			return m
		}
	}
	return nil
}

// nextOf takes the first member of one line that is still waiting, or nil.
func (w *writer) nextOf(line int) *member {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting[line]) > 0 {
		m := w.waiting[line][0]
		w.waiting[line][0] = nil
		w.waiting[line] = w.waiting[line][1:]
		if m.state.CompareAndSwap(memberWaiting, memberTaken) {
			return m
		}
	}
	w.waiting[line] = nil
	return nil
}

// run ends when the writer was closed and the line is empty: who stands in it was not
// told otherwise.
func (w *writer) run() {
	defer close(w.ended)
	for range w.wake {
		for m := w.next(); m != nil; m = w.next() {
			w.group(m)
		}
	}
}

// close lets no more changes in and waits for those that are. It can be called again. The
// connection stays open.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wake)
	}
	w.mu.Unlock()
	<-w.ended
}

// group commits first and those that are waiting behind it. It begins as a writer at
// once: a transaction that begins by reading fails when it comes to write behind another
// one's commit. After groupTime no more are taken in, so that the first need not wait for
// a line that never ends.
func (w *writer) group(first *member) {
	if w.broken != nil {
		first.done <- w.broken
		return
	}
	started := time.Now()
	if err := w.stmts.exec("BEGIN IMMEDIATE"); err != nil {
		first.done <- explain(err)
		return
	}
	var members []*member
	var err error
	served := false // a background change
	for m := first; m != nil; m = w.next() {
		members, err = w.join(members, m)
		served = served || m.change.Background
		if err != nil || time.Since(started) > groupTime {
			break
		}
	}
	// Requests that fill every group must not starve what was accepted before them.
	if !served && err == nil {
		if m := w.nextOf(1); m != nil {
			members, err = w.join(members, m)
		}
	}
	if err == nil {
		w.commit(members)
	}
}

// join runs m as the next member of the transaction, and returns who is in it then. On
// an error there is no transaction any more, and everybody was told.
func (w *writer) join(members []*member, m *member) (in []*member, err error) {
	if err = w.lend(m, len(members) == 0); err == nil {
		return append(members, m), nil
	}
	m.done <- err
	if !w.stmts.conn.AutocommitEnabled() {
		return members, nil
	}
	// The transaction went with m: the others, if there are any, run again without it.
	w.fresh, w.unsure = nil, false
	if err := w.stmts.exec("BEGIN IMMEDIATE"); err != nil {
		fail(members, explain(err))
		return nil, err
	}
	var again []*member
	for i, o := range members {
		if again, err = w.join(again, o); err != nil {
			fail(members[i+1:], explain(err))
			return nil, err
		}
	}
	return again, nil
}

// lend hands the connection to m's change, and takes it back after a second at the latest.
// A nil error leaves the change's effects in the transaction. An error undoes them: by a
// savepoint, for which SQLite copies each page that is changed, or for the first, behind
// whom there is nothing to keep, with the transaction.
func (w *writer) lend(m *member, first bool) error {
	if !first {
		if err := w.stmts.exec("SAVEPOINT change"); err != nil {
			return explain(err)
		}
	}
	c := &conn{stmts: w.stmts, draw: w.draw}
	m.turn <- c
	w.timer.Reset(changeTime)
	var err error
	select {
	case err = <-m.back:
		c.end()
	case <-w.timer.C:
		err = w.revoke(c)
	}
	w.timer.Stop()
	if err == nil && !first {
		err = w.stmts.exec("RELEASE change")
	}
	switch {
	case err == nil:
		w.fresh = append(w.fresh, c.fresh...)
		w.unsure = w.unsure || len(c.fresh) > 0 && !c.sure
		return nil
	case w.stmts.conn.AutocommitEnabled():
		return err // the transaction has died with it
	case first:
		return errors.Join(err, w.stmts.exec("ROLLBACK"))
	}
	return errors.Join(err, w.stmts.exec("ROLLBACK TO change"), w.stmts.exec("RELEASE change"))
}

// revoke takes the connection away from a change. A statement that is running is
// interrupted, which may cost the whole transaction.
func (w *writer) revoke(c *conn) error {
	if !c.mu.TryLock() {
		close(w.interrupt)
		c.mu.Lock()
		w.interrupt = make(chan struct{})
		w.stmts.conn.SetInterrupt(w.interrupt)
	}
	defer c.mu.Unlock()
	c.ended = true
	return errors.Join(store.ErrRevoked, c.reset())
}

// commit puts a transaction on disk and tells its members.
func (w *writer) commit(members []*member) {
	fresh, unsure := w.fresh, w.unsure
	w.fresh, w.unsure = nil, false
	err := w.keep()
	begun := time.Now()
	if err == nil {
		err = w.stmts.exec("COMMIT")
	}
	if err == nil {
		w.groups.Add(1)
		w.changes.Add(int64(len(members)))
		w.took.Add(int64(time.Since(begun)))
		w.kept = false
		w.driver.settled.Store(w.seq)
		if unsure {
			w.driver.recent.forget(w.seq)
		} else {
			w.driver.recent.add(fresh)
		}
		w.driver.tails.raise(fresh)
		fail(members, nil)
		return
	}
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultIOErr {
		// What was written may be on disk or not, and a second fsync could lie: only a
		// restart, which reads the WAL again, tells.
		w.broken = fmt.Errorf("a commit failed and its outcome is open until a restart: %w", explain(err))
		err = w.broken
	}
	if !w.stmts.conn.AutocommitEnabled() {
		err = errors.Join(err, w.stmts.exec("ROLLBACK"))
	}
	if len(members) > 1 && !errors.Is(err, store.ErrUnavailable) && sqlite.ErrCode(err).ToPrimary() == sqlite.ResultConstraint {
		w.single(members)
		return
	}
	fail(members, explain(err))
}

// Groups returns how many groups were committed, of how many changes, and how long their
// commits took.
func (d *Driver) Groups() (groups, changes int64, took time.Duration) {
	w := d.writer
	return w.groups.Load(), w.changes.Load(), time.Duration(w.took.Load())
}

// single commits each member alone: one of them does not pass a deferred constraint.
func (w *writer) single(members []*member) {
	for _, m := range members {
		if err := w.stmts.exec("BEGIN IMMEDIATE"); err != nil {
			m.done <- explain(err)
			continue
		}
		if in, err := w.join(nil, m); err == nil {
			w.commit(in)
		}
	}
}

// fail ends members with err, which may be nil.
func fail(members []*member, err error) {
	for _, m := range members {
		m.done <- err
	}
}

// draw gives numbers away for good: a change that is undone leaves a gap, and nobody can
// mistake a later row for one that it has seen.
func (w *writer) draw(kept bool) int64 {
	w.seq++
	w.kept = w.kept || kept
	return w.seq
}

// keep stores the last number, so that it is not drawn again after a restart. Rows of
// the journal show theirs, and most groups have nothing else to keep.
func (w *writer) keep() error {
	if !w.kept {
		return nil
	}
	return w.stmts.exec("UPDATE drawn SET seq = $1", w.seq)
}
