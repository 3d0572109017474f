package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
		_, out, _ := tidewire(t, r.flags("dead", "list", "--json")...)
		return strings.Contains(out, "payment/a-1")
	})
	dir := t.TempDir()
	places := strings.NewReplacer("LETTER", "payment/a-1", "LEDGER", filepath.Join(dir, "RESTORED", "simulator.db"), "ORDER", fmt.Sprint(o["id"]),
		"BACKUP", filepath.Join(dir, "BACKUP"), "RESTORED", filepath.Join(dir, "RESTORED"), "http://127.0.0.1:3001", r.admin)
	ran := commands(guide(t, "docs/operate.md"))
	if len(ran) < 20 {
		t.Errorf("only %d commands", len(ran))
	}
	for _, line := range ran {
		t.Run(line, func(t *testing.T) { r.runLine(t, places.Replace(line)) })
	}
	for _, kind := range []string{"dead list", "dead show", "dead redrive", "dead discard", "stream list", "queue list", "backup", "audit", "doctor", "order show"} {
		if !slices.ContainsFunc(ran, func(line string) bool { return strings.HasPrefix(line, "tidewire "+kind) }) {
			t.Errorf("the guide has no tidewire %s", kind)
		}
	}
}

// runLine runs a line of the guide. What it finds may be wrong (exit 1), as in a platform
// with a dead letter; how it was called may not (exit 2).
func (r *running) runLine(t *testing.T, line string) {
	words := strings.Fields(strings.NewReplacer(`"sold twice"`, "sold-twice", `"no such order"`, "no-such-order").Replace(line))
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
		if sick := args[0] == "doctor" && strings.Contains(out, "dead letters"); exit != map[bool]int{true: exitFound, false: exitDone}[sick] || stderr != "" {
			t.Errorf("exit %d\n%s%s", exit, out, stderr)
		}
	case "cp", "curl":
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil || words[0] == "curl" && len(out) == 0 {
			t.Errorf("%v\n%s", err, out)
		}
	case "pg_dump":
		if !slices.Contains(words, "--format=custom") {
			t.Error("another command than tidewire backup names")
		}
	default:
		t.Errorf("nobody knows how to try %s", words[0])
	}
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
