package mutant

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutants are rules, each with how it is switched off and the test that notices.
func mutants() []mutant {
	return []mutant{
		{"the fence of a reader", "toolkit/stream/position.go",
			"AND token = move.column5 AND seq = move.column6 AND stopped = ''", "AND (token = move.column5 OR seq = move.column6 OR token > 0)",
			"./driver/postgres", "TestStream/TwoInstances"},
		{"what is forgotten is given back", "toolkit/stream/position.go", "if r.owner == l.instance { //", "if false { //",
			"./driver/postgres", "TestStream/TwoInstances"},
		{"one after another, with a key in common", "toolkit/store/each.go", "t.before = append(t.before, b)", "t.before = nil",
			"./driver/postgres", "TestStore/Each"},
		{"the fence of a worker", "toolkit/queue/table.go", "DELETE FROM job WHERE lease = $1 AND id IN", "DELETE FROM job WHERE lease <> $1 || 'x' AND id IN",
			"./toolkit/queue", "TestLostLeaseStoresNothing"},
		{"the ordered lock", "driver/postgres/driver.go", "numbers[i] = int64(h.Sum64())", "numbers[i] = int64(h.Sum64()) ^ time.Now().UnixNano()",
			"./driver/postgres", "TestKeysExclude"},
		{"the bisection", "toolkit/stream/batch.go", "if len(entries) == 1 {\n\t\treturn s.fail(", "if len(entries) >= 1 {\n\t\treturn s.fail(",
			"./toolkit/stream", "TestPoisonParksItsKeyOnly"},
		{"the parked key", "toolkit/stream/batch.go", "if s.held[e.Partition].parked[e.Key] && !h.passes {", "if false {",
			"./toolkit/stream", "TestRetryKeepsOrder"},
		{"the tombstone in inventory", "shop/inventory/reservation.go", "[]event{undone}, ended, nil, buried}", "[]event{undone}, none, nil, buried}",
			"./shop/inventory", "TestTombstoneOfAnEndedOrder"},
		{"the key stored before the call", "shop/payment/service.go", `{ return "pay-" + orderID }`, `{ return fmt.Sprintf("pay-%s-%p", orderID, &orderID) }`,
			"./shop/payment", "TestKeyStoredBeforeCall"},
		{"the identity of a log", "toolkit/stream/stopped.go", "if r.identity != n.identity {", "if false {",
			"./toolkit/stream", "TestAnotherLogStopsThePartition"},
		{"the acknowledgement after the commit", "driver/rabbitmq/driver.go", "batch := l.pop(most)", "batch := l.pop(most)\n\tl.acknowledge(batch)",
			"./driver/rabbitmq", "TestForeignMessageIsAcknowledgedAfterItsCommit"},
		{"the inbox of other programs' messages", "driver/rabbitmq/message.go", "err != nil || !first {", "err != nil || first && !first {",
			"./driver/rabbitmq", "TestForeignMessageTwiceIsDoneOnce"},
		{"what no queue takes comes back", "driver/rabbitmq/publish.go", "queue, !p.unheard, false, m)", "queue, false, false, m)",
			"./driver/rabbitmq", "TestReturnedIsNotStored"},
		{"confirms of all replicas", "driver/kafka/sink.go", "kgo.RequiredAcks(kgo.AllISRAcks())", "kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()",
			"./driver/kafka", "TestNoAnswerIsNoConfirm"},
		{"the chain", "driver/kafka/part.go", "if r.own() <= at || at == 0 && r.first {", "if r.Seq > at {",
			"./driver/kafka", "TestTake"},
		{"the mark behind the confirm", "toolkit/stream/relay.go", "if err := f.send(ctx, all); err != nil {", "if err := f.send(ctx, all); ctx.Err() != nil {",
			"./toolkit/stream", "TestRelay"},
		{"the import rules", "shop/order/doc.go", "package order", "package order\n\nimport _ \"github.com/tidewire/tidewire/shop/payment\"",
			"./internal/archtest", "TestImports"},
	}
}

type mutant struct{ rule, file, old, new, pkg, test string }

// TestEveryRuleIsThere finds each rule in the code, so that it can be switched off.
func TestEveryRuleIsThere(t *testing.T) {
	for _, m := range mutants() {
		m.find(t, "../..")
	}
}

// find returns the file with the rule in it, below root.
func (m mutant) find(t *testing.T, root string) (path string, whole []byte) {
	t.Helper()
	path = filepath.Join(root, m.file)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(whole, []byte(m.old)); n != 1 {
		t.Fatalf("%s: %s has %d places like %q; want 1", m.rule, m.file, n, m.old)
	}
	return path, whole
}

func TestEveryRuleHasATestThatNotices(t *testing.T) {
	if os.Getenv("TIDEWIRE_MUTANTS") == "" {
		t.Skip("switching off the rules one by one takes minutes: make soak does")
	}
	tree := clone(t)
	for _, m := range mutants() {
		t.Run(m.rule, func(t *testing.T) {
			path, whole := m.find(t, tree)
			write(t, path, bytes.Replace(whole, []byte(m.old), []byte(m.new), 1))
			defer write(t, path, whole)
			cmd := exec.Command("go", "test", "-count=1", "-timeout", "3m", "-run", "^"+strings.ReplaceAll(m.test, "/", "$/^")+"$", m.pkg)
			cmd.Dir = tree
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("%s passes without %s", m.test, m.rule)
			case bytes.Contains(out, []byte("build failed")) || !bytes.Contains(out, []byte("--- FAIL")) && !bytes.Contains(out, []byte("panic: test timed out")):
				t.Errorf("the mutant did not run: %s", out)
			}
		})
	}
}

// clone copies the tree as git knows it.
func clone(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	cmd := exec.Command("bash", "-c", "git ls-files -z | xargs -0 cp --parents -t "+to)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the tree: %v\n%s", err, out)
	}
	return to
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
