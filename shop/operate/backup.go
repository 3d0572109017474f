package operate

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/tidewire/tidewire/shop/door"
)

// A Backup is a copy of all databases as they were at one moment, or how far it has come.
type Backup struct {
	Dir     string    `json:"dir"`
	State   string    `json:"state"` // running, done, failed
	Done    int64     `json:"done"`  // bytes, of
	All     int64     `json:"all"`
	HeldMs  float64   `json:"heldMs"` // how long no change was made, for all to be of one moment
	Error   string    `json:"error,omitzero"`
	Started time.Time `json:"started"`
}

// States of a Backup.
const (
	BackupRunning = "running"
	BackupDone    = "done"
	BackupFailed  = "failed"
)

// Backups makes them, one at a time. Run does; the door only asks for one, so that a
// client that goes away ends none.
type Backups struct {
	// Data is the directory that is copied: who means another one is told.
	Data string
	// Make copies it into a new directory, and returns how long changes were held.
	Make func(ctx context.Context, dir string, tell func(done, all int64)) (held time.Duration, err error)

	mu     sync.Mutex
	last   Backup
	wanted chan string
}

// NewBackups returns Backups of data, which copies makes.
func NewBackups(data string, copies func(ctx context.Context, dir string, tell func(done, all int64)) (time.Duration, error)) *Backups {
	return &Backups{Data: data, Make: copies, wanted: make(chan string, 1)}
}

// Run makes backups that were asked for until ctx ends. One that is under way then fails.
func (b *Backups) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case dir := <-b.wanted:
			held, err := b.Make(ctx, dir, func(done, all int64) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.last.Done, b.last.All = done, all
			})
			b.end(held, err)
		}
	}
}

func (b *Backups) end(held time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last.State, b.last.HeldMs = BackupDone, float64(held.Microseconds())/1000
	if err != nil {
		b.last.State, b.last.Error = BackupFailed, err.Error()
	}
}

// begin asks for a backup, unless one is under way.
func (b *Backups) begin(dir string) (Backup, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last.State == BackupRunning {
		return Backup{}, door.Conflict("backup_running", "A backup into "+b.last.Dir+" is being made.")
	}
	b.last = Backup{Dir: dir, State: BackupRunning, Started: time.Now().UTC().Truncate(time.Microsecond)}
	b.wanted <- dir // there is room: the last one was taken before it ended
	return b.last, nil
}

// postBackup begins a backup. It is made on this machine, into a directory of this machine.
func (d *Desk) postBackup(r *http.Request) (door.Answer, error) {
	var q struct {
		Dir  string `json:"dir"`
		Data string `json:"data"`
	}
	if err := door.Decode(r, &q); err != nil {
		return door.Answer{}, err
	}
	switch {
	case d.Backups == nil:
		return door.Answer{}, door.Conflict("kept_by_a_server", "The databases are on a server, which copies them: use pg_dump.")
	case !filepath.IsAbs(q.Dir):
		return door.Answer{}, door.Invalid(door.Field{Field: "dir", Detail: "must be an absolute path"})
	case q.Data != "" && q.Data != d.Backups.Data:
		return door.Answer{}, door.Conflict("other_data", "The platform that answers here has its data in "+d.Backups.Data+".")
	}
	begun, err := d.Backups.begin(q.Dir)
	return door.Answer{Status: http.StatusAccepted, Body: begun}, err
}

// getBackup tells of the last backup of this process.
func (d *Desk) getBackup(*http.Request) (door.Answer, error) {
	if d.Backups == nil {
		return door.Answer{}, door.NotFound("backup")
	}
	d.Backups.mu.Lock()
	defer d.Backups.mu.Unlock()
	if d.Backups.last.State == "" {
		return door.Answer{}, door.NotFound("backup")
	}
	return door.Answer{Body: d.Backups.last}, nil
}
