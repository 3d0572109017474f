package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// guide reads a file of the module.
func guide(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// commands are the lines of a guide's code that a shell would run.
func commands(text string) (all []string) {
	for line := range strings.Lines(text) {
		if code, ok := strings.CutPrefix(line, "    "); ok {
			all = append(all, strings.TrimSpace(code))
		}
	}
	return all
}

// Every command of the guide is run as it stands there, on a platform that runs: one that
// is wrong by now would be found by whoever needs it most.
func TestOperateGuide(t *testing.T) {
	r := up(t, filepath.Join(t.TempDir(), "data"))
	o := r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	r.settled()
	r.term()
	plant(t, r.data, "a-1")
	r = up(t, r.data)
	eventually(t, "a dead letter", func() bool {
		_, out, _ := tidewire(t, r.flags("dead", "list", "--letters", "--json")...)
		return strings.Contains(out, "payment/a-1")
	})
	dir := t.TempDir()
	places := strings.NewReplacer("LETTER", "payment/a-1", "LEDGER", filepath.Join(dir, "RESTORED", "simulator.db"), "ORDER", fmt.Sprint(o["id"]),
		"TIME", time.Now().UTC().Format(time.RFC3339Nano), "BACKUP", filepath.Join(dir, "BACKUP"), "RESTORED", filepath.Join(dir, "RESTORED"), "http://127.0.0.1:3001", r.admin)
	ran := slices.DeleteFunc(commands(guide(t, "docs/operate.md")), ofPostgres)
	if len(ran) < 20 {
		t.Errorf("only %d commands", len(ran))
	}
	for _, line := range ran {
		t.Run(line, func(t *testing.T) {
			if words := strings.Fields(line); slices.Contains([]string{"saga", "schedule"}, words[1]) && strings.Contains(line, "ORDER") {
				id, goOn := r.waits()
				defer goOn()
				line = strings.ReplaceAll(line, "ORDER", id)
			}
			r.runLine(t, places.Replace(line))
		})
	}
	for _, kind := range []string{"dead list", "dead show", "dead edit", "dead redrive", "dead discard", "stream list", "stream tail", "stream replay", "queue list", "backup", "audit", "doctor", "order show",
		"saga list", "saga show", "saga retry", "saga cancel", "projection list", "projection verify", "projection rebuild", "projection cancel", "schedule list", "schedule move", "schedule cancel"} {
		if !slices.ContainsFunc(ran, func(line string) bool { return strings.HasPrefix(line, "tidewire "+kind) }) {
			t.Errorf("the guide has no tidewire %s", kind)
		}
	}
}

// waits has an order wait for its payment, until goOn.
func (r *running) waits() (id string, goOn func()) {
	slow := func(time string) {
		answer, err := http.Post(r.simulator+"/faults", "application/json", strings.NewReader(`{"slow":"`+time+`"}`))
		if err != nil {
			r.t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != http.StatusOK {
			r.t.Fatal(answer.Status)
		}
	}
	slow("1m")
	id = fmt.Sprint(r.order(`{"userId":"1","productId":"1","quantity":1}`)["id"])
	return id, func() { slow("0s"); r.final(id) }
}

// asItIs are answers that find nothing to do, where that is so.
var asItIs = regexp.MustCompile(`no dead letter is like that|no saga is like that|No rebuild of orders is under way`)

// progress is what a command says while somebody waits for it.
var progress = regexp.MustCompile(`^(orders: (asked|folding|clearing), .*\n)+$`)

// quotes are the words of a line that a shell would take for one.
var quotes = regexp.MustCompile(`"[^"]*"`)

// runLine runs a line of the guide. What it finds may be wrong (exit 1), as in a platform
// with a dead letter; how it was called may not (exit 2).
func (r *running) runLine(t *testing.T, line string) {
	words := strings.Fields(quotes.ReplaceAllStringFunc(line, func(q string) string { return strings.ReplaceAll(strings.Trim(q, `"`), " ", "-") }))
	switch words[0] {
	case "tidewire":
		args := words[1:]
		switch {
		case args[0] == "up": // it would not end
			again := up(t, args[2])
			again.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
			again.term()
			return
		case !slices.Contains(args, "--data"):
			args = r.flags(args...)
		}
		exit, out, stderr := tidewire(t, args...)
		if exit == exitFound && asItIs.MatchString(stderr) {
			return
		}
		if progress.MatchString(stderr) {
			stderr = ""
		}
		if sick := args[0] == "doctor" && strings.Contains(out, "dead letters"); exit != map[bool]int{true: exitFound, false: exitDone}[sick] || stderr != "" {
			t.Errorf("exit %d\n%s%s", exit, out, stderr)
		}
	case "cp", "curl":
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil || words[0] == "curl" && len(out) == 0 {
			t.Errorf("%v\n%s", err, out)
		}
	default:
		t.Errorf("nobody knows how to try %s", words[0])
	}
}

// ofPostgres reports whether a command of the guide is for a platform on PostgreSQL.
func ofPostgres(line string) bool { return strings.Contains(line, `_DATABASE"`) }

// A dump is made while the platform runs, and restored as it stands there; the platform goes
// on in the new database.
func TestOperateGuideOnPostgres(t *testing.T) {
	from, to := database(t), restorable(t)
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "database="+from)
	o := r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
	r.ends(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"declined"}}`, "failed", "payment_declined")
	dir := t.TempDir()
	shell := func(line string) {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+postgresBin(t)+":"+os.Getenv("PATH"), "TIDEWIRE_DATABASE="+from, "NEW_DATABASE="+to.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	ran := ""
	for _, line := range commands(guide(t, "docs/operate.md")) {
		if !ofPostgres(line) {
			continue
		}
		words := strings.Fields(line)
		ran += strings.Join(words[:2], " ") + "\n"
		switch {
		case words[0] != "tidewire":
			if words[0] == "createdb" {
				r.term()
			}
			shell(strings.ReplaceAll(line, " NEW", " "+strings.TrimPrefix(to.Path, "/")))
		case words[1] == "up":
			r = up(t, r.data, "--set", "database="+to.String())
			if _, again := r.do("GET", fmt.Sprintf("/api/orders/%v", o["id"]), ""); again["status"] != "completed" {
				t.Errorf("the order is restored as %v", again)
			}
			r.ends(`{"userId":"1","productId":"1","quantity":1}`, "completed", "")
		default:
			exit, out, stderr := tidewire(t, r.flags(words[1], "--set", "database="+to.String())...)
			if exit != exitDone || strings.Contains(out, "NOT CHECKED") {
				t.Errorf("exit %d\n%s%s", exit, out, stderr)
			}
		}
	}
	if want := "pg_dump --format=custom\ncreatedb --maintenance-db=\"$TIDEWIRE_DATABASE\"\npg_restore --exit-on-error\ntidewire up\ntidewire audit\n"; ran != want {
		t.Errorf("ran\n%swant\n%s", ran, want)
	}
}

// restorable names a database that there is not yet, beside those of database, and drops it
// in the end.
func restorable(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(database(t)) // the name is free once this one is gone
	if err != nil {
		t.Fatal(err)
	}
	server := *u
	server.Path = "/postgres"
	u.Path += "_new"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, server.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+strings.TrimPrefix(u.Path, "/")+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return u
}

// postgresBin is the folder of the newest installed PostgreSQL's programs, as for
// scripts/postgres.sh: whoever has the server that the tests use has them.
func postgresBin(t *testing.T) string {
	t.Helper()
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(all) == 0 {
		t.Fatalf("no programs of PostgreSQL in /usr/lib/postgresql/*/bin: %v", err)
	}
	version := func(bin string) (n int) {
		fmt.Sscan(filepath.Base(filepath.Dir(bin)), &n)
		return n
	}
	return slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) })
}

// The consumer of the guide is the one that is compiled and run, to the letter.
func TestConsumerGuide(t *testing.T) {
	text := guide(t, "docs/consumer.md")
	for _, name := range []string{"examples/consumer/main.go", "examples/consumer/migrations/00001_sales.sql"} {
		if !strings.Contains(text, guide(t, name)) {
			t.Errorf("docs/consumer.md does not have %s as it is", name)
		}
	}
	_, code, _ := strings.Cut(guide(t, "examples/consumer/main.go"), ")\n") // behind the imports
	lines := 0
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "// ") {
			lines++
		}
	}
	if lines > 30 {
		t.Errorf("%d lines of code, it is called 30", lines)
	}
	for _, name := range []string{"docs/consumer.md", "docs/patterns.md", "docs/operate.md"} {
		for _, field := range strings.FieldsFunc(guide(t, name), func(r rune) bool { return strings.ContainsRune(" `|,()\n", r) }) {
			folder, _, _ := strings.Cut(field, "/")
			if slices.Contains([]string{"shop", "toolkit", "cmd", "examples", "driver"}, folder) && strings.Contains(field, "/") {
				if _, err := os.Stat(filepath.Join("..", "..", strings.TrimRight(field, ".:;"))); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// A follower is the example as it runs.
type follower struct {
	t    *testing.T
	path string
	url  string
	conn *pgx.Conn
}

// run runs the example until its table has these rows of sales.
func (f follower) run(total, completed int) {
	f.t.Helper()
	cmd := exec.Command(f.path, f.url)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	eventually(f.t, fmt.Sprintf("%d sales, %d completed", total, completed), func() bool {
		var n, done int
		err := f.conn.QueryRow(context.Background(), `SELECT count(*), coalesce(sum(completed), 0) FROM sales.sale`).Scan(&n, &done)
		return err == nil && n == total && done == completed
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		f.t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		f.t.Error(err)
	}
}

func (f follower) exec(statement string) {
	f.t.Helper()
	if _, err := f.conn.Exec(context.Background(), statement); err != nil {
		f.t.Fatal(err)
	}
}

// It follows a platform that runs, goes on after a stop, and catches up when its own
// tables are put back to an earlier state.
func TestConsumerRuns(t *testing.T) {
	url := database(t)
	r := up(t, filepath.Join(t.TempDir(), "data"), "--set", "database="+url)
	path := filepath.Join(t.TempDir(), "consumer")
	if out, err := exec.Command("go", "build", "-o", path, "../../examples/consumer").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	f := follower{t, path, url, conn}
	r.orders(5)
	r.ends(`{"userId":"1","productId":"1","quantity":1,"payment":{"method":"declined"}}`, "failed", "payment_declined")
	f.run(6, 5)
	f.exec(`CREATE TABLE public.sale AS TABLE sales.sale; CREATE TABLE public.position AS TABLE sales.position`)
	r.orders(5)
	f.run(11, 10)
	f.exec(`BEGIN; DELETE FROM sales.sale; DELETE FROM sales.position; INSERT INTO sales.sale TABLE public.sale; INSERT INTO sales.position TABLE public.position; COMMIT`)
	r.orders(1)
	f.run(12, 11)
}
