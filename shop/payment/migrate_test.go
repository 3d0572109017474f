package payment

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tidewire/tidewire/internal/databases"
)

// A database from before there were holds keeps what is in it, and can hold from then on.
func TestDatabaseFromBeforeHolds(t *testing.T) {
	then, later := fstest.MapFS{}, fstest.MapFS{}
	err := fs.WalkDir(Migrations(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(Migrations(), path)
		file := &fstest.MapFile{Data: text}
		if later[path] = file; strings.HasSuffix(path, "00001_payment.sql") || strings.HasSuffix(path, "00001_room.sql") {
			then[path] = file
		}
		return err
	})
	if err != nil || len(then) != 2 || len(later) < 4 {
		t.Fatalf("migrations: %d then, %d later, %v", len(then), len(later), err)
	}
	open := databases.Place(t, "payment", then)
	b := &bench{T: t, place: open, Service: &Service{DB: open()}}
	b.exec(`INSERT INTO payment (order_id, status, closed, amount, currency, method, style, lines, key, reference, reason, attempts, calls, created, updated)
		VALUES ('p', 'captured', 0, 2500, 'USD', 'ok', 'choreographed', '[]', 'pay-p', 'ch_1', '', 1, 1, 5, 6)`)
	b.exec(openMoney)
	for path, file := range later {
		then[path] = file
	}
	b.restart()
	if got, want := b.read(`SELECT order_id || ' ' || status || ' ' || amount || ' ' || key || ' ' || reference || ' ' || attempts || ' ' || captures || ' ' || created || ' ' || updated FROM payment`),
		"p captured 2500 pay-p ch_1 1 0 5 6"; got != want {
		t.Errorf("payment: got %s, want %s", got, want)
	}
	if got := b.read(inTheOpen); got != "p capture_differs" {
		t.Errorf("discrepancies: %q", got)
	}
	b.must(b.hear(toHold("o", "ok"), "o"))
	b.must(b.answer(authorize{asked()}, Authorized))
	if got := b.read(`SELECT status FROM payment WHERE order_id = 'o'`); got != "authorized" {
		t.Errorf("then got %q, want it held", got)
	}
}

const openMoney = `INSERT INTO discrepancy (order_id, entry, key, kind, ours, theirs, amount, currency, seen, found, resolved)
	VALUES ('p', 'capture', 'pay-p', 'capture_differs', '', '', 1, 'USD', 5, 6, 0)`
