package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A copying copies databases into a new data directory, all as of one moment.
//
//	list ─► hold all writers ─► a snapshot of each ─► let go ─► X.db.part, fsync ─► X.db
//
// The list of the databases comes first: whatever ends the copying, what it leaves is
// either complete or a directory that has lost databases, which nothing starts on.
type copying struct {
	held    []*store.DB // whose writers are held; none: nobody writes
	sources []source
	tell    func(done, all int64) // bytes
}

// A source is a database to be copied.
type source struct {
	name  string // of the file, without .db
	begin func(ctx context.Context) (store.Snapshot, error)
}

// fileSource is a file that this process has not open: one at rest, or the simulator's.
func fileSource(name, path string) source {
	return source{name, func(context.Context) (store.Snapshot, error) {
		s, err := sqlite.OpenSnapshot(path)
		if err != nil {
			return nil, err
		}
		return s, nil
	}}
}

// backup copies the databases of a platform that runs. What the provider has is looked at
// in the same moment: every charge there has its job here, as with a provider that is
// not ours.
func (p *platform) backup(data string) func(context.Context, string, func(done, all int64)) (time.Duration, error) {
	return func(ctx context.Context, dir string, tell func(done, all int64)) (time.Duration, error) {
		c := copying{tell: tell}
		for _, name := range serviceNames() {
			db := p.databases[name]
			c.held = append(c.held, db)
			c.sources = append(c.sources, source{name, db.Snapshot})
		}
		c.sources = withProvider(c.sources, data)
		return c.into(ctx, dir)
	}
}

// into makes the copy, and returns for how long changes were held. What fails leaves the
// directory empty, if it can.
func (c copying) into(ctx context.Context, dir string) (held time.Duration, err error) {
	if err := vacant(dir); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove(dir))
		}
	}()
	var names []string
	for _, s := range c.sources {
		if s.name != "simulator" {
			names = append(names, s.name)
		}
	}
	to := &dataDir{path: dir}
	if err := to.list(names); err != nil {
		return 0, err
	}
	snapshots, held, err := c.cut(ctx)
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, closeAll(snapshots)) }()
	if err := c.write(ctx, snapshots, to); err != nil {
		return held, err
	}
	for _, s := range c.sources {
		if err := os.Rename(to.file(s.name+".db.part"), to.file(s.name+".db")); err != nil {
			return held, err
		}
	}
	return held, errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// cutTries is how often all writers are tried to be held: one that is busy for a second
// makes the others wait no longer than that.
const cutTries = 3

// cut begins a snapshot of each source, all of one moment.
func (c copying) cut(ctx context.Context) (snapshots []store.Snapshot, held time.Duration, err error) {
	for range cutTries {
		held, err = store.Hold(ctx, c.held, func() error {
			for _, s := range c.sources {
				snapshot, err := s.begin(ctx)
				if err != nil {
					return err
				}
				snapshots = append(snapshots, snapshot)
			}
			return nil
		})
		if err == nil {
			return snapshots, held, nil
		}
		err = errors.Join(err, closeAll(snapshots))
		snapshots = nil
		if !errors.Is(err, store.ErrRevoked) {
			break
		}
	}
	return nil, held, err
}

// write copies what the snapshots show, each to a name that no database has.
func (c copying) write(ctx context.Context, snapshots []store.Snapshot, to *dataDir) error {
	var before, all int64
	for _, s := range snapshots {
		all += s.Size()
	}
	for i, s := range snapshots {
		if err := s.Copy(ctx, to.file(c.sources[i].name+".db.part"), func(done int64) { c.tell(before+done, all) }); err != nil {
			return err
		}
		before += s.Size()
	}
	return nil
}

// remove takes away what a copying has made that failed.
func (c copying) remove(dir string) error {
	var errs []error
	for _, s := range c.sources {
		for _, suffix := range []string{".db", ".db.part"} {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, s.name+suffix)))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Join(dir, databaseList)))...)
}

func closeAll(snapshots []store.Snapshot) error {
	var errs []error
	for _, s := range snapshots {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
