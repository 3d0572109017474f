package audit

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// platform is what services would have stored, written by hand.
type platform struct {
	t    *testing.T
	dir  string
	url  string // of a PostgreSQL database; empty: everything is in files
	dbs  map[string]*sql.DB
	seqs map[string]int64
	now  time.Time // of the stored things; it goes on with each of them
	n    int       // of the provider's calls
	seen []string  // lines of the client's ledger

	wrecked map[string]bool // databases that have lost tables or constraints
}

// onEach runs a test on both kinds of databases, with a function that makes a filled
// platform.
func onEach(t *testing.T, test func(t *testing.T, filled func(*testing.T) *platform)) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			p := &platform{t: t, dir: t.TempDir(), dbs: map[string]*sql.DB{}, seqs: map[string]int64{}, now: time.Now().Add(-time.Hour), wrecked: map[string]bool{}}
			if kind == "postgres" {
				p.url = newDatabase(t)
			}
			for _, s := range append(services[:], "simulator") {
				p.open(s)
				p.exec(s, p.tables(s))
				p.exec(s, `INSERT INTO identity (id) VALUES ($1)`, "log of "+s)
			}
			p.fill()
			p.save()
			test(t, p.copy)
		})
	}
}

// newDatabase makes a database on the test server.
func newDatabase(t *testing.T) (url string) {
	server := os.Getenv("TIDEWIRE_TEST_POSTGRES")
	if server == "" {
		t.Skip("TIDEWIRE_TEST_POSTGRES is not set: PostgreSQL was not tested")
	}
	name := "audit_" + strings.ReplaceAll(uuid.NewString()[:13], "-", "")
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(`CREATE DATABASE ` + name); err != nil {
		t.Fatalf("no PostgreSQL: run scripts/servers up postgres (%v)", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
		admin.Close()
	})
	at, err := neturl.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	at.Path = "/" + name
	return at.String()
}

// save keeps what is filled in, for copy: in the folder, and in schemas of their own.
func (p *platform) save() {
	for _, s := range services {
		if p.inFile(s) {
			continue
		}
		p.exec(s, `CREATE SCHEMA saved_`+s)
		for _, table := range tables(s) {
			p.exec(s, fmt.Sprintf(`CREATE TABLE saved_%s.%s AS SELECT * FROM %[2]s`, s, table))
		}
	}
	p.close()
}

// copy is a platform with the things that were saved. In PostgreSQL there is one at a
// time.
func (p *platform) copy(t *testing.T) *platform {
	c := &platform{t: t, dir: t.TempDir(), url: p.url, dbs: map[string]*sql.DB{}, seqs: maps.Clone(p.seqs), now: p.now, n: p.n, seen: slices.Clone(p.seen), wrecked: p.wrecked}
	if err := os.CopyFS(c.dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	for _, s := range append(services[:], "simulator") {
		c.open(s)
		if c.inFile(s) {
			continue
		}
		again := ""
		if p.wrecked[s] {
			again = `DROP SCHEMA IF EXISTS ` + schema(s) + ` CASCADE;` + c.tables(s)
		}
		for _, table := range tables(s) {
			again += fmt.Sprintf(`; DELETE FROM %s; INSERT INTO %[1]s SELECT * FROM saved_%[2]s.%[1]s`, table, s)
		}
		c.exec(s, again)
		p.wrecked[s] = false
	}
	t.Cleanup(c.close)
	return c
}

func (p *platform) close() {
	for _, db := range p.dbs {
		db.Close()
	}
}

// inFile reports whether a database is a file.
func (p *platform) inFile(service string) bool { return p.url == "" || service == "simulator" }

func (p *platform) open(service string) {
	p.t.Helper()
	driver, at := "sqlite", "file:"+filepath.Join(p.dir, service+".db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	if !p.inFile(service) {
		u, err := neturl.Parse(p.url)
		if err != nil {
			p.t.Fatal(err)
		}
		q := u.Query()
		q.Set("search_path", schema(service))
		q.Set("synchronous_commit", "off")
		u.RawQuery = q.Encode()
		driver, at = "pgx", u.String()
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		p.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	p.dbs[service] = db
}

// tables is SQL that makes the real tables.
func (p *platform) tables(service string) (ddl string) {
	p.t.Helper()
	own, kind := "../shop/"+service, "sqlite"
	if service == "simulator" {
		own = "../simulator"
	}
	if !p.inFile(service) {
		kind = "postgres"
		ddl = `CREATE SCHEMA ` + schema(service) + `;`
	}
	only := own + "/migrations/" + kind + "/*.sql" // few have some
	for _, glob := range []string{"../driver/" + kind + "/migrations/*.sql", own + "/migrations/*.sql", only} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 && glob != only {
			p.t.Fatalf("no migrations at %s: %v", glob, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				p.t.Fatal(err)
			}
			up, _, _ := strings.Cut(string(text), "-- +goose Down")
			ddl += up
		}
	}
	return ddl
}

func (p *platform) exec(service, query string, args ...any) {
	p.t.Helper()
	if strings.Contains(query, "DROP ") || strings.Contains(query, "CREATE ") {
		p.wrecked[service] = true
	}
	if _, err := p.dbs[service].Exec(query, args...); err != nil {
		p.t.Fatalf("%s: %s: %v", service, query, err)
	}
}

// tick is the next microsecond of the stored things.
func (p *platform) tick() int64 {
	p.now = p.now.Add(time.Millisecond)
	return p.now.UnixMicro()
}

// say appends a message to a log; a version of 0 is none.
func (p *platform) say(log, kind, key string, version int, body map[string]any) (seq int64) {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	var v any
	if version > 0 {
		v = version
	}
	p.seqs[log]++
	p.exec(log, `INSERT INTO journal (partition, seq, id, kind, class, key, version, time, cause, trace, body) VALUES ($1, $2, $3, $4, 'public', $5, $6, $7, '', '', $8)`,
		partition(key), p.seqs[log], fmt.Sprintf("%s-%d", log, p.seqs[log]), kind, key, v, p.tick(), text)
	return p.seqs[log]
}

func partition(key string) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % partitions)
}

// job puts work into a queue, for some time from now.
func (p *platform) job(service, queue, kind, key string, in time.Duration) {
	id := kind + "-" + key
	if queue == "order_deadlines" {
		id = "deadline-" + key
	}
	p.exec(service, `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES ($1, $2, $3, $4, $5, '', '', '{}', $6)`,
		id, queue, kind, key, p.tick(), time.Now().Add(in).UnixMicro())
}

// park puts a message of a log aside.
func (p *platform) park(by, log, key string, seq int64, state string, in time.Duration) {
	p.exec(by, `INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due)
		VALUES ($1, $2, $3, $4, $5, 'PaymentProcessed', 'public', $6, 0, 0, '', '', '{}', $7, $8)`,
		by, log, partition(key), seq, fmt.Sprintf("%s-%d", log, seq), key, state, time.Now().Add(in).UnixMicro())
}

// read moves every position to the end of its log.
func (p *platform) read() {
	for _, s := range subscriptions() {
		for n := range partitions {
			var seq int64
			var id string
			err := p.dbs[s.log].QueryRow(`SELECT seq, id FROM journal WHERE partition = $1 ORDER BY seq DESC LIMIT 1`, n).Scan(&seq, &id)
			if err != nil && err != sql.ErrNoRows {
				p.t.Fatal(err)
			}
			identity := ""
			if seq > 0 {
				identity = "log of " + s.log
			}
			p.exec(s.by, `INSERT INTO position (subscription, log, partition, identity, seq, id) VALUES ($1, $2, $3, $4, $5, $6)`, s.by, s.log, n, identity, seq, id)
		}
	}
}

// ledger writes what the client saw.
func (p *platform) ledger() string {
	file := filepath.Join(p.dir, "ledger")
	if err := os.WriteFile(file, []byte(strings.Join(p.seen, "")), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return file
}

func (p *platform) product(id string, price int, stock any) {
	p.exec("product", `INSERT INTO product (id, name, price, currency, stock, description, category, created, seq, version, asked, words) VALUES ($1, 'Thing', $2, 'USD', $3, '', '', $4, $5, 1, '', 'thing')`,
		id, price, stock, p.tick(), p.seqs["product"]+1)
	p.exec("product", `INSERT INTO price (product_id, n, price, at) VALUES ($1, 1, $2, $3)`, id, price, p.tick())
	p.say("product", "ProductCreated", id, 0, map[string]any{"productId": id, "name": "Thing", "stock": stock})
	tracked, onHand := 0, 0
	if n, ok := stock.(int); ok {
		tracked, onHand = 1, n
	}
	p.exec("inventory", `INSERT INTO stock (product_id, location, tracked, on_hand, reserved, moves, price, currency) VALUES ($1, 'main', $2, 0, 0, 0, $3, 'USD')`, id, tracked, price)
	if tracked == 1 {
		p.move(id, "", "initial", onHand)
	}
}

// move writes a movement of a tracked product, and what it leaves.
func (p *platform) move(product, order, kind string, quantity int) {
	p.exec("inventory", `UPDATE stock SET on_hand = on_hand + $1, moves = moves + 1 WHERE product_id = $2 AND tracked = 1`, quantity, product)
	p.exec("inventory", `INSERT INTO movement (product_id, location, n, order_id, kind, quantity, balance, reason, at)
		SELECT product_id, location, moves, $1, $2, $3, on_hand, '', $4 FROM stock WHERE product_id = $5`, order, kind, quantity, p.tick(), product)
}

// hold reserves some of a product.
func (p *platform) hold(product string, quantity int) {
	p.exec("inventory", `UPDATE stock SET reserved = reserved + $1 WHERE product_id = $2 AND tracked = 1`, quantity, product)
}

// remove deletes a database.
func (p *platform) remove(service string) {
	if !p.inFile(service) {
		p.exec(service, `DROP SCHEMA `+schema(service)+` CASCADE`)
		return
	}
	p.dbs[service].Close()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(p.dir, service+".db"+end)); err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
	}
}

// relax takes the constraints from a table.
func (p *platform) relax(service, table string) {
	p.exec(service, fmt.Sprintf(`CREATE TABLE relaxed AS SELECT * FROM %[1]s; DROP TABLE %[1]s; ALTER TABLE relaxed RENAME TO %[1]s`, table))
}

// rows counts all that is stored.
func (p *platform) rows() (all int) {
	for _, s := range services {
		for _, table := range tables(s) {
			var n int
			if err := p.dbs[s].QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n); err != nil {
				p.t.Fatal(err)
			}
			all += n
		}
	}
	return all
}
