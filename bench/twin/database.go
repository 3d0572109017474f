package twin

import (
	"fmt"
	"sync"
	"time"

	"github.com/tidewire/tidewire/bench/wire"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// groupSize is how many changes share a commit.
const groupSize = 256

// A database is one file with one writer. Changes that arrive together share a
// transaction, and so an fsync, each in a savepoint of its own.
type database struct {
	path    string
	changes chan change
	stopped chan struct{}
	readers chan *connection

	mu      sync.Mutex
	journal []chan struct{} // woken when facts were committed
	jobs    []chan struct{} // woken when jobs were
}

type change struct {
	run  func(*tx)
	done chan struct{}
}

const (
	readConnections = 4
	readOnly        = sqlite.OpenReadOnly | sqlite.OpenWAL
)

// open opens a file that has its tables.
func open(path string) (*database, error) {
	d := &database{path: path, changes: make(chan change, 4096), stopped: make(chan struct{}), readers: make(chan *connection, readConnections)}
	c, err := connect(path, sqlite.OpenReadWrite|sqlite.OpenWAL,
		"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA wal_autocheckpoint=4000", "PRAGMA cache_size=-16000")
	if err != nil {
		return nil, err
	}
	for range readConnections {
		r, err := connect(path, readOnly, "PRAGMA cache_size=-2000")
		if err != nil {
			return nil, err
		}
		d.readers <- r
	}
	go d.write(c)
	return d, nil
}

func connect(path string, flags sqlite.OpenFlags, pragmas ...string) (*connection, error) {
	c, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	for _, p := range append(pragmas, "PRAGMA temp_store=MEMORY") {
		if err := sqlitex.ExecuteTransient(c, p, nil); err != nil {
			return nil, fmt.Errorf("open %s: %s: %w", path, p, err)
		}
	}
	c.SetBusyTimeout(5 * time.Second)
	return &connection{Conn: c, statements: map[string]*statement{}}, nil
}

// update commits run with whatever else arrives, and returns when it is on disk.
func (d *database) update(run func(*tx)) {
	done := make(chan struct{})
	d.changes <- change{run, done}
	<-done
}

// view lends a connection for reading.
func (d *database) view(read func(*connection)) {
	c := <-d.readers
	read(c)
	d.readers <- c
}

// write is the writer.
func (d *database) write(c *connection) {
	defer close(d.stopped)
	t := &tx{connection: c}
	var group []change
	for first := range d.changes {
		group = append(group[:0], first)
	more:
		for len(group) < groupSize {
			select {
			case next, ok := <-d.changes:
				if !ok {
					break more
				}
				group = append(group, next)
			default:
				break more
			}
		}
		t.facts, t.sent, t.drawn = false, false, false
		c.do("BEGIN IMMEDIATE").run()
		for _, each := range group {
			t.now = time.Now().UnixMicro()
			c.do("SAVEPOINT change").run()
			each.run(t)
			c.do("RELEASE change").run()
		}
		if t.drawn {
			c.do("UPDATE drawn SET seq = ?").int(t.seq).run()
		}
		c.do("COMMIT").run()
		for _, each := range group {
			close(each.done)
		}
		if t.facts {
			d.wake(d.journal)
		}
		if t.sent {
			d.wake(d.jobs)
		}
	}
	wire.Must(c.Close())
}

// close ends the writer, after everything that has been asked of it.
func (d *database) close() {
	close(d.changes)
	<-d.stopped
	for range readConnections {
		wire.Must((<-d.readers).Close())
	}
}

// watch adds a channel that is woken to a list of them.
func (d *database) watch(list *[]chan struct{}) chan struct{} {
	hint := make(chan struct{}, 1)
	hint <- struct{}{} // there may be something already
	d.mu.Lock()
	defer d.mu.Unlock()
	*list = append(*list, hint)
	return hint
}

func (d *database) wake(list []chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, hint := range list {
		select {
		case hint <- struct{}{}:
		default:
		}
	}
}
