package api

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A tool is a program of the module in tools, on which nothing of the product depends.
type tool string

// buf builds buf, unless that was done before.
func buf(t *testing.T) tool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-n", "buf")
	cmd.Dir = "tools"
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return tool(strings.TrimSpace(string(out)))
}

func (b tool) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), string(b), args...)
	cmd.Dir = "tools"
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// contracts copies the .proto files, each as change has it, and returns the folder.
func contracts(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".proto") && filepath.Base(name) != "buf.yaml" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), []byte(change(name, string(text))), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func baseline(t *testing.T) string {
	t.Helper()
	name, err := filepath.Abs("baseline.binpb")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// The contracts are well written, and break nothing that was told before.
func TestContracts(t *testing.T) {
	b := buf(t)
	if out, err := b.run(t, "lint", ".."); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := b.run(t, "format", "--diff", "--exit-code", ".."); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := b.run(t, "breaking", "..", "--against", baseline(t)); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A change that others could not bear is found, and one that they do not notice is not.
func TestPlanted(t *testing.T) {
	const order = "tidewire/order/v1/order.proto"
	b := buf(t)
	for _, tt := range []struct {
		name, from, to string
		broken         string // what is said of it; "" for nothing
	}{
		{"nothing", "", "", ""},
		{"a field more", "  bool unverified = 14;", "  bool unverified = 14;\n  string note = 15;", ""},
		{"a field less", "  string currency = 7; // ISO 4217\n", "", "deleted"},
		{"another number", "string total = 6;", "string total = 16;", "total"},
		{"another type", "int64 version = 13", "string version = 13", "type"},
		{"a call less", "rpc GetOrder(GetOrderRequest) returns (GetOrderResponse);", "", "GetOrder"},
		{"another name in JSON", "string tracking_number = 2", "string tracking_no = 2", "trackingNumber"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := false
			at := contracts(t, func(name, text string) string {
				if name != order {
					return text
				}
				after := strings.Replace(text, tt.from, tt.to, 1)
				changed = after != text
				return after
			})
			if !changed && tt.from != tt.to {
				t.Fatalf("the contract has no %q any more", tt.from)
			}
			out, err := b.run(t, "breaking", at, "--against", baseline(t))
			if (err != nil) != (tt.broken != "") || !strings.Contains(out, tt.broken) {
				t.Errorf("got %v, %q; want %q", err, out, tt.broken)
			}
		})
	}
}

// The Go code is what make proto makes of the contracts.
func TestGenerated(t *testing.T) {
	to := t.TempDir()
	if out, err := buf(t).run(t, "generate", "..", "--template", "../buf.gen.yaml", "-o", to); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, have := goFiles(t, to), goFiles(t, "tidewire")
	for i, name := range have {
		have[i] = filepath.Join("tidewire", name)
	}
	if !slices.Equal(made, have) || len(made) < 14 {
		t.Fatalf("made %v\nhave %v", made, have)
	}
	for _, name := range made {
		want, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what its contract says (%v): make proto", name, err)
		}
	}
}

// goFiles are the names of the Go files below a folder, in order.
func goFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
