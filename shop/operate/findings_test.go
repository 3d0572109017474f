package operate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidewire/tidewire/shop/operate"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Whatever is wrong is found, and what waits for something away is not called late.
func TestFindings(t *testing.T) {
	s, _, _ := die(t)
	s.desk.Checks = []operate.Finder{func(context.Context) ([]operate.Finding, error) { return nil, errors.New("a broken check") }}
	away := func(is bool) func() bool { return func() bool { return is } }
	s.desk.Away = map[string]func() bool{"stock_away": away(true), "stock_late": away(false)}
	const insert = `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, lease) VALUES `
	shelf, empty := store.Partition("shelf"), (store.Partition("shelf")+1)%store.Partitions
	s.insert(`DELETE FROM journal WHERE kind = 'DeadLettered'`, // in whatever partitions
		fmt.Sprintf(`UPDATE position SET stopped = 'another journal', seq = 0, id = '' WHERE partition = %d`, empty),
		fmt.Sprintf(`UPDATE position SET stopped = 'another journal', seq = 9, id = (SELECT MIN(id) FROM journal) WHERE partition = %d`, shelf))
	_, err := s.db.Update(t.Context(), nil, func(tx *store.Tx) error {
		long := tx.Now.Add(-time.Hour)
		for _, query := range []string{
			`INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due) VALUES ('late', 'stock_late', 'Work', 'k', $1, '', '', '', $1)`,
			insert + `('behind', 'stock_busy', 'Work', 'k', $1, '', '', '', $1, ''), ('out', 'stock_busy', 'Work', 'k', $1, '', '', '', 9000000000000000, 'x')`,
			insert + `('barred', 'stock_away', 'Work', 'k', $1, '', '', '', $1, '')`,
			insert + `('lost', 'stock_lost', 'Work', 'k', $1, '', '', '', $1, 'x')`,
			`INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due)
				VALUES ('stock', 'stock', 4, 1, 'x', 'Fact', 'public', 'alone', 0, $1, '', '', '', 'waiting', 0)`,
		} {
			if err := tx.Exec(query, long); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range list[operate.Finding](s, "/admin/v1/findings") {
		all.WriteString(f.What + " | " + f.Where + " | " + f.Do + "\n")
	}
	for _, want := range []string{
		fmt.Sprintf("a partition is not read any more: another journal (read up to 9; it ends at 3; 2 of its messages are later than what was read) | subscription stock, log stock, partition %d", shelf),
		"keep a copy of what is there now, put back the database of stock that was read or restore all of one backup, and start it again; what was said since (2 messages of this partition) is in that copy alone then",
		fmt.Sprintf("a partition is not read any more: another journal (read up to 0; it goes on to 0, by other messages; 0 of its messages are later than what was read) | subscription stock, log stock, partition %d", empty),
		"1 jobs are due, the first for 1h0m0s | queue stock_late | see whether stock runs and what its log says; if it does, it needs more workers",
		"1 jobs are due, the first for 1h0m0s | queue stock_busy | a worker has 1 more in hand: see in the log of stock what they wait for",
		"1 jobs were lost by their workers",
		"1 dead letters | queue stock_work | tidewire dead list --service stock",
		"1 dead letters, and what waits behind them | subscription stock, log stock",
		"1 keys wait behind nothing | subscription stock, log stock | restart stock",
		"cannot look: a broken check",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("got\n%swant %q in it", all.String(), want)
		}
	}
	if strings.Contains(all.String(), "stock_away") {
		t.Errorf("got\n%snothing is late that waits for something away", all.String())
	}
}
