package powercut

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// life is how many cuts one file system lives through: recovery works on what was
// recovered before.
const life = 10

// An ack is what a caller was told of its change.
type ack struct {
	key string
	seq int64  // of its fact
	id  string // of its fact
}

// A ledger is what was acknowledged, kept where the power stays on.
type ledger struct {
	mu   sync.Mutex
	acks []ack
	cut  bool
	late int // acknowledged after the cut was issued: they say nothing
}

func (l *ledger) add(a ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		l.late++
		return
	}
	l.acks = append(l.acks, a)
}

// close ends what counts. It must return before the cut is issued.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
}

// A tally is what some cuts have done.
type tally struct{ cuts, acked, lost, withLoss, late int }

// TestStore cuts the power under 32 callers of a store. What each was told is there:
// state, fact and job, or none of them.
func TestStore(t *testing.T) {
	sum := cutStore(t, "store", func(n int, _ tally) bool { return n < cuts(t) })
	t.Logf("%+v; %s", sum, most(sum.cuts))
	if sum.lost > 0 || sum.acked == 0 {
		t.Errorf("lost %d of %d acknowledged changes", sum.lost, sum.acked)
	}
}

// TestStoreCanary does the same to SQLite with synchronous=NORMAL, which does not
// fsync. If nothing is lost, the cuts cut nothing, and TestStore proves nothing.
func TestStoreCanary(t *testing.T) {
	const patience = 20
	sum := cutStore(t, "canary", func(n int, sum tally) bool { return n < cuts(t) || sum.lost == 0 && n < patience })
	t.Logf("%+v", sum)
	if sum.lost == 0 {
		t.Errorf("no loss in %d cuts under a store that does not fsync", sum.cuts)
	}
}

// cutStore cuts the power under a child that plays part, as long as more says so.
func cutStore(t *testing.T, part string, more func(n int, sum tally) bool) (sum tally) {
	d := newDisk(t)
	path := filepath.Join(d.dir, "test.db")
	var known []ack // that this file system must hold
	for n := 0; more(n, sum); n++ {
		if n%life == 0 && n > 0 {
			d.format(t)
			known = nil
		}
		l := cutOnce(t, d, part, path)
		known = append(known, l.acks...)
		lost := missing(t, path, known)
		sum.cuts++
		sum.acked += len(l.acks)
		sum.late += l.late
		sum.lost += len(lost)
		if len(lost) > 0 {
			sum.withLoss++
			known = without(known, lost)
			if part == "store" {
				t.Errorf("cut %d: %d of %d lost, the first %+v", n, len(lost), len(l.acks), lost[0])
			}
		}
	}
	return sum
}

// cutOnce starts a child, cuts its power and mounts the disk again.
func cutOnce(t *testing.T, d *disk, part, path string) *ledger {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envPart+"="+part, envPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	l, first, ended := &ledger{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		began := sync.OnceFunc(func() { close(first) })
		for s := bufio.NewScanner(out); s.Scan(); began() {
			var a ack
			if _, err := fmt.Sscan(s.Text(), &a.key, &a.seq, &a.id); err != nil {
				t.Errorf("the child said %q: %v", s.Text(), err)
				continue
			}
			l.add(a)
		}
	}()
	select {
	case <-first:
	case <-ended:
		t.Fatalf("the child ended: %v", cmd.Wait())
	case <-time.After(20 * time.Second):
		t.Fatal("no change is acknowledged within 20 s")
	}
	pause(500 * time.Millisecond)
	l.close()
	d.cut(t)
	_ = cmd.Process.Kill() // it may have ended
	<-ended
	_ = cmd.Wait() // it was killed
	d.restore(t)
	return l
}

// without returns the acks that are not in lost.
func without(all, lost []ack) []ack {
	gone := map[string]bool{}
	for _, a := range lost {
		gone[a.key] = true
	}
	var rest []ack
	for _, a := range all {
		if !gone[a.key] {
			rest = append(rest, a)
		}
	}
	return rest
}

// whole are questions about a database, each with the only right answer: nothing is
// half there, no number was given twice, the file is sound.
var whole = map[string]string{
	`SELECT COUNT(*) FROM state WHERE key NOT IN (SELECT key FROM journal)`:                                                                             "0",
	`SELECT COUNT(*) FROM state WHERE key NOT IN (SELECT key FROM job)`:                                                                                 "0",
	`SELECT COUNT(*) FROM journal WHERE key NOT IN (SELECT key FROM state)`:                                                                             "0",
	`SELECT COUNT(*) FROM job WHERE key NOT IN (SELECT key FROM state)`:                                                                                 "0",
	`SELECT COUNT(*) - COUNT(DISTINCT key) FROM job`:                                                                                                    "0",
	`SELECT COUNT(*) - COUNT(DISTINCT partition || '/' || seq) FROM journal`:                                                                            "0",
	`SELECT COUNT(*) - COUNT(DISTINCT n) FROM (SELECT number AS n FROM state WHERE number > 0 UNION ALL SELECT seq FROM journal WHERE seq IS NOT NULL)`: "0",
	`PRAGMA integrity_check`: "ok",
}

// missing returns the acknowledged changes that are not there with the very fact that
// was acknowledged, and fails t if anything is half there.
func missing(t *testing.T, path string, acks []ack) (lost []ack) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for question, want := range whole {
		var got string
		if err := db.QueryRow(question).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", question, got, err, want)
		}
	}
	there := map[ack]bool{}
	rows, err := db.Query(`SELECT key, seq, id FROM journal`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var a ack
		if err := rows.Scan(&a.key, &a.seq, &a.id); err != nil {
			t.Fatal(err)
		}
		there[a] = true
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	for _, a := range acks {
		if !there[a] {
			lost = append(lost, a)
		}
	}
	return lost
}
