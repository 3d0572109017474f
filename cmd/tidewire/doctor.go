package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/shop/notification"
	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A doctorCommand finds what is wrong.
type doctorCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help says what it looks at.
func (doctorCommand) Help() string {
	return `It asks the running platform for partitions that have stopped, work that is stuck, keys that wait, orders past their deadline, mails that do not leave, money of which the payment provider's ledger and ours say different things, a payment provider or a cache that does not answer and a disk that is nearly full, and says what to do about each. If the platform does not run, it says so, and checks the configuration and the data directory. It exits 1 when it found something.

Examples:

  tidewire doctor
  tidewire doctor --json | jq -r '.[].do'`
}

// Run prints findings. A platform that does not run is one, not a failure of the doctor:
// that is when it is called.
func (cmd doctorCommand) Run(c *console) error {
	loaded, err := c.load(nil)
	if err != nil {
		return err
	}
	found := []operate.Finding{}
	for _, w := range loaded.Warnings {
		found = append(found, operate.Finding{What: w, Where: "configuration", Do: "tidewire config lists every key"})
	}
	door, err := c.operators()
	if err != nil {
		return err
	}
	live, err := all[operate.Finding](door, "/admin/v1/findings", nil)
	switch {
	case errors.Is(err, errNotRunning):
		found = append(found, atRest(c.ctx, loaded.Config, err)...)
	case err != nil:
		return err
	}
	found = append(found, live...)
	if err := cmd.print(c, found); err != nil {
		return err
	}
	if len(found) > 0 {
		return errFound
	}
	return nil
}

func (cmd doctorCommand) print(c *console, found []operate.Finding) error {
	if cmd.JSON {
		return printJSON(c.out, found)
	}
	for _, f := range found {
		fmt.Fprintf(c.out, "%s\n  where:  %s\n  to do:  %s\n", f.What, f.Where, f.Do)
	}
	if len(found) == 0 {
		fmt.Fprintln(c.out, "nothing found")
	}
	return nil
}

// atRest looks at a platform that does not run, and changes nothing.
func atRest(ctx context.Context, c config.Config, notRunning error) []operate.Finding {
	found := []operate.Finding{{What: notRunning.Error(), Where: "http://" + c.Admin, Do: "tidewire up"}}
	add := func(where, do string, err error) {
		if err != nil {
			found = append(found, operate.Finding{What: err.Error(), Where: where, Do: do})
		}
	}
	if _, err := os.Stat(c.Data); !errors.Is(err, fs.ErrNotExist) { // up makes it
		dir, err := openDataDir(c.Data)
		add(c.Data, "if that process is a platform, give doctor its configuration", err)
		if err == nil {
			add(c.Data, "look at the disk", dir.Close())
			files, _ := filepath.Glob(filepath.Join(c.Data, "*.db")) // the pattern is well-formed
			for _, f := range files {
				add(f, "restore it from a backup", sqliteFile(f))
			}
		}
		full, err := nearlyFull(c.Data)
		add(c.Data, "look at the disk", err)
		found = append(found, full...)
	}
	found = append(append(found, cacheAway(ctx, c)...), searchAway(ctx, c)...)
	if c.Queues != "" {
		add("queues", "start RabbitMQ, or mend the key queues", reachable(c.Queues))
	}
	if c.Database != "" {
		server, err := postgres.Connect(ctx, c.Database)
		add("database", "start PostgreSQL, or mend the key database", err)
		if err == nil {
			server.Close()
		}
	}
	return found
}

// sqliteFile returns an error if a file does not begin as SQLite's do. It does not open
// it as a database: that would recover its journal, and a doctor only looks.
func sqliteFile(name string) error {
	const magic = "SQLite format 3\x00"
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	head := make([]byte, len(magic))
	n, err := f.Read(head)
	if n > 0 && string(head[:n]) != magic || n == 0 && err == nil {
		err = fmt.Errorf("%s is damaged: it is no SQLite database", filepath.Base(name))
	}
	if n == 0 {
		err = nil // made, and never written: as good as none
	}
	return errors.Join(err, f.Close())
}

// operators puts the operators' desk together: the toolkit's own checks, and those that
// only the shop and the machine can tell.
func (p *platform) operators(c config.Config, mails *notification.Service) *operate.Desk {
	d := &operate.Desk{Logs: p.logs, Queues: map[string][]string{}, Follows: map[string][]string{}, Takers: map[string][]operate.Taker{}, Sagas: map[string]saga.Operated{}, Away: map[string]func() bool{notification.Queue: mails.Away}}
	if c.Database == "" {
		data, err := filepath.Abs(c.Data)
		if err != nil {
			data = c.Data // only where the working directory is gone
		}
		d.Backups = operate.NewBackups(data, p.backup(data))
	}
	for _, f := range p.followers() {
		d.Follows[f.Service] = append(d.Follows[f.Service], f.Kind)
	}
	for _, m := range p.members {
		d.Services = append(d.Services, m.db)
		d.Queues[m.name()] = queueNames(m)
		if m.saga != nil {
			d.Sagas[m.name()] = m.saga
		}
		d.Takers[m.name()] = m.takers()
		if m.view != nil {
			d.Projections = append(d.Projections, m.view)
		}
		if m.awaited {
			d.Ready = append(d.Ready, operate.Check{Name: "readers of " + m.name(), Works: p.standstill.works(m.name())})
		}
	}
	p.topics.look(d)
	d.Checks = []operate.Finder{
		func(ctx context.Context) ([]operate.Finding, error) { return lateOrders(ctx, p.databases["order"]) },
		func(ctx context.Context) ([]operate.Finding, error) {
			return moneyInDoubt(ctx, p.databases["payment"])
		},
		func(ctx context.Context) ([]operate.Finding, error) {
			return providerAway(ctx, c.Payment.Simulator), nil
		},
		func(ctx context.Context) ([]operate.Finding, error) { return lateMails(ctx, mails) },
		func(ctx context.Context) ([]operate.Finding, error) {
			return append(cacheAway(ctx, c), searchAway(ctx, c)...), nil
		},
		func(context.Context) ([]operate.Finding, error) { return nearlyFull(c.Data) },
		func(context.Context) ([]operate.Finding, error) { return unsafely(p.server), nil },
		func(ctx context.Context) ([]operate.Finding, error) { return laggards(ctx, p.server), nil },
	}
	p.hands.look(d)
	return d
}

// late is how long after its deadline an order may still be pending: the job that ends
// it may have to wait for a busy database, or for a restart.
const late = 30 * time.Second

// lateOrders finds orders that should have been confirmed or failed.
func lateOrders(ctx context.Context, db *store.DB) (found []operate.Finding, err error) {
	var n int64
	var oldest time.Time
	err = db.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Row([]any{&n, &oldest}, `SELECT COUNT(*), MIN(deadline) FROM orders WHERE status = 'pending' AND deadline < $1`, time.Now().Add(-late))
		return err
	})
	if n > 0 {
		found = append(found, operate.Finding{What: fmt.Sprintf("%d orders are pending past their deadline, the first since %s", n, clock(oldest)),
			Where: "service order", Do: "see tidewire queue list: the queue order_deadlines ends them"})
	}
	return found, err
}

// lateMail is how long a mail may wait: a mail server is away for minutes, and some tell
// who writes for the first time to come again.
const lateMail = 10 * time.Minute

// awayMail is how long a mail may wait for a server that is known to be away.
const awayMail = time.Minute

// lateMails finds mails that should have left, and a mail server that takes none.
func lateMails(ctx context.Context, mails *notification.Service) (found []operate.Finding, err error) {
	n, oldest, err := mails.Unsent(ctx)
	what, limit := "", lateMail
	do := "see whether the server at mail answers, and what the log says of it; they are tried for three days"
	switch {
	case mails.Mailer == nil:
		do = "they are of a time when mail named a server, and are to be held: see whether notification runs, what its log says, and its dead letters"
	case mails.Away():
		what, limit = "the mail server takes no mail: ", awayMail
	}
	if n > 0 && time.Since(oldest) > limit {
		found = append(found, operate.Finding{What: fmt.Sprintf("%s%d mails wait, the first since %s", what, n, clock(oldest)), Where: "service notification", Do: do})
	}
	return found, err
}

// providerAway finds a payment provider that does not answer within two seconds. A
// provider is asked by the health of its simulator, never by a payment.
func providerAway(ctx context.Context, url string) []operate.Finding {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if url == "" {
		return nil // no payment is made here
	}
	if _, err := healthy(ctx, url); err != nil {
		return []operate.Finding{{What: err.Error(), Where: url, Do: "orders wait for it until their deadline; see payment.simulator, and the log"}}
	}
	return nil
}

// freeBytes is the room on the disk, in bytes, below which it is nearly full: there is
// still time to make room before orders are refused.
const freeBytes = 1 << 30

// nearlyFull finds a disk that will soon refuse orders.
func nearlyFull(dir string) ([]operate.Finding, error) {
	bytes, err := free(dir)
	if err != nil || bytes >= freeBytes {
		return nil, err
	}
	return []operate.Finding{{What: fmt.Sprintf("the disk is nearly full: %d MiB are left", bytes>>20),
		Where: dir, Do: "make room: when it is full, new orders get 503"}}, nil
}
