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
			"\n\t\t\tAND position.token = move.token AND position.seq = move.start AND stopped = ''", "",
			"./driver/postgres", "TestStream/TwoInstances"},
		{"the fence of a worker", "toolkit/queue/table.go", "DELETE FROM job WHERE lease = $1 AND id IN", "DELETE FROM job WHERE lease <> $1 || 'x' AND id IN",
			"./toolkit/queue", "TestLostLeaseStoresNothing"},
		{"the ordered lock", "driver/postgres/driver.go", "numbers[i] = int64(h.Sum64())", "numbers[i] = int64(h.Sum64()) ^ time.Now().UnixNano()",
			"./driver/postgres", "TestKeysExclude"},
		{"the bisection", "toolkit/stream/reader.go", "if len(entries) == 1 {", "if len(entries) >= 1 {",
			"./toolkit/stream", "TestPoisonParksItsKeyOnly"},
		{"the parked key", "toolkit/stream/reader.go", "if s.parked[e.Key] && !h.passes {", "if false {",
			"./toolkit/stream", "TestRetryKeepsOrder"},
		{"the tombstone in inventory", "shop/inventory/service.go", "return buried, reserve(tx, order, ended, lines)", "return buried, nil",
			"./shop/inventory", "TestTombstoneOfAnEndedOrder"},
		{"the key stored before the call", "shop/payment/service.go", `{ return "pay-" + orderID }`, `{ return fmt.Sprintf("pay-%s-%p", orderID, &orderID) }`,
			"./shop/payment", "TestKeyStoredBeforeCall"},
		{"the identity of a log", "toolkit/stream/position.go", "if r.identity != identity {", "if false {",
			"./toolkit/stream", "TestAnotherLogStopsThePartition"},
		{"the import rules", "shop/order/doc.go", "package order", "package order\n\nimport _ \"github.com/tidewire/tidewire/shop/payment\"",
			"./internal/archtest", "TestImports"},
	}
}

type mutant struct{ rule, file, old, new, pkg, test string }

func TestEveryRuleHasATestThatNotices(t *testing.T) {
	if os.Getenv("TIDEWIRE_MUTANTS") == "" {
		t.Skip("switching off nine rules one by one takes minutes: make soak does")
	}
	tree := clone(t)
	for _, m := range mutants() {
		t.Run(m.rule, func(t *testing.T) {
			path := filepath.Join(tree, m.file)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(whole, []byte(m.old)); n != 1 {
				t.Fatalf("%s has %d places like %q; want 1", m.file, n, m.old)
			}
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
