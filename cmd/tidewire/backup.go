package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/shop/operate"
)

// A backupCommand copies a data directory.
type backupCommand struct {
	Dir  string `arg:"" help:"Directory to make the copy in: a new one, or an empty one."`
	JSON bool   `help:"Print JSON."`
}

// Help says what it does and how to go back.
func (backupCommand) Help() string {
	return `It copies all databases as they were at one moment, the payment simulator's ledger included. A platform that runs goes on: it holds changes for a few milliseconds, while it begins to read, and copies what it reads then. If none runs, the command copies the data directory itself.

To restore, copy the backup into a new data directory and start: what was on its way goes on. On PostgreSQL use pg_dump: one database is one snapshot.

Examples:

  tidewire backup /var/backups/tidewire/monday
  cp -r /var/backups/tidewire/monday restored && tidewire up --data restored`
}

// Run asks the platform, or copies what is at rest.
func (cmd backupCommand) Run(c *console) error {
	loaded, err := c.load(nil)
	if err != nil {
		return err
	}
	if loaded.Database != "" {
		return wrong(fmt.Errorf("the databases are on PostgreSQL, which copies them all as of one moment: %s", dump(loaded.Config, cmd.Dir)))
	}
	dir, err := filepath.Abs(cmd.Dir)
	if err != nil {
		return err
	}
	data, err := filepath.Abs(loaded.Data)
	if err != nil {
		return err
	}
	if err := vacant(dir); err != nil {
		return wrong(err)
	}
	bar := cmd.bar(c)
	made, err := cmd.live(c, data, dir, bar)
	if errors.Is(err, errNotRunning) {
		fmt.Fprintf(c.err, "no platform runs at http://%s: %s is copied at rest\n", loaded.Admin, data)
		made, err = atRestInto(c.ctx, data, dir, bar)
	}
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c.out, made)
	}
	fmt.Fprintf(c.out, "%s is copied to %s: %.1f MiB, changes were held for %v\n", data, dir,
		float64(made.All)/(1<<20), time.Duration(made.HeldMs*float64(time.Millisecond)))
	return nil
}

// dump is the command that copies the databases on PostgreSQL. It repeats no password.
func dump(c config.Config, dir string) string {
	url := c.Database
	if at := strings.LastIndex(url, "@"); at >= 0 {
		if user, _, secret := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url[:at], "postgresql://"), "postgres://"), ":"); secret {
			url = "postgres://" + user + url[at:]
		}
	}
	return fmt.Sprintf("pg_dump --format=custom --file='%s.dump' '%s'", dir, url)
}

// vacant refuses a directory that has something in it.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty: a backup needs a directory of its own", dir)
	}
	return nil
}

// bar shows how far a backup has come, on a terminal.
func (cmd backupCommand) bar(c *console) func(done, all int64) {
	out := c.err
	if cmd.JSON || !terminal(out) {
		out = io.Discard
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionSetWriter(out),
		progressbar.OptionSetVisibility(out != io.Discard), progressbar.OptionSetDescription("bytes"), progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(done, all int64) {
		bar.ChangeMax64(all)
		_ = bar.Set64(done) // it is only shown
	}
}

// live has the running platform make the copy, and watches.
func (cmd backupCommand) live(c *console, data, dir string, show func(done, all int64)) (b operate.Backup, err error) {
	door, err := c.operators()
	if err != nil {
		return b, err
	}
	if err := door.do(http.MethodPost, "/admin/v1/backup", map[string]string{"dir": dir, "data": data}, &b); err != nil {
		return b, err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for b.State == operate.BackupRunning {
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return b, fmt.Errorf("not waited for: the platform goes on with the backup into %s", dir)
		}
		if err := door.do(http.MethodGet, "/admin/v1/backup", nil, &b); err != nil {
			return b, err
		}
		show(b.Done, b.All)
	}
	switch {
	case b.State == operate.BackupFailed:
		return b, errors.New(b.Error)
	case b.Dir != dir:
		return b, fmt.Errorf("the platform has made another backup since, into %s: see whether %s is complete", b.Dir, dir)
	}
	return b, nil
}

// atRestInto copies a data directory that nobody uses, under its lock.
func atRestInto(ctx context.Context, data, dir string, show func(done, all int64)) (b operate.Backup, err error) {
	if _, err := os.Stat(data); err != nil {
		return b, wrong(fmt.Errorf("nothing to copy: %w", err))
	}
	lock, err := openDataDir(data)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	names, err := databases(data, serviceNames())
	if err != nil {
		return b, err
	}
	if len(names) == 0 {
		return b, wrong(fmt.Errorf("nothing to copy: %s has no databases", data))
	}
	var sources []source
	for _, name := range names {
		sources = append(sources, fileSource(name, filepath.Join(data, name+".db")))
	}
	b = operate.Backup{Dir: dir, State: operate.BackupDone, Started: time.Now().UTC()}
	cp := copying{sources: withProvider(sources, data), tell: func(done, all int64) { b.Done, b.All = done, all; show(done, all) }}
	_, err = cp.into(ctx, dir)
	return b, err
}

// withProvider adds the simulator's ledger, if this data directory has one. It is the
// first, so that it is there before the copy is one that can be started.
func withProvider(sources []source, data string) []source {
	path := filepath.Join(data, "simulator.db")
	if _, err := os.Stat(path); err != nil {
		return sources
	}
	return slices.Insert(sources, 0, fileSource("simulator", path))
}
