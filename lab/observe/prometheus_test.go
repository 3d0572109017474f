package observe_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const deploy = "../../deploy/"

// promtool finds nothing wrong with the configuration and the alerts, and each alert fires
// in one case and does not in another.
func TestAlertRules(t *testing.T) {
	server(t, "TIDEWIRE_TEST_PROMETHEUS") // its package brings promtool
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = deploy + "prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	tests := string(read(t, deploy+"prometheus/alerts_test.yml"))
	for _, r := range rules(t) {
		for _, what := range []string{" fires\n", " does not fire\n"} {
			if !strings.Contains(tests, "name: "+r.Alert+what) {
				t.Errorf("no case in which %s%s", r.Alert, strings.TrimSuffix(what, "\n"))
			}
		}
		if r.Annotations["summary"] == "" || r.Annotations["command"] == "" {
			t.Errorf("%s does not say what is wrong and what to do", r.Alert)
		}
	}
}

// Every expression of the dashboard has data while orders flow, and every expression of
// an alert can be asked.
func TestEveryExpressionIsAnswered(t *testing.T) {
	prometheus, zipkin := server(t, "TIDEWIRE_TEST_PROMETHEUS"), server(t, "TIDEWIRE_TEST_ZIPKIN")
	p := up(t, "traces=zipkin+"+zipkin)
	scrape(t, prometheus, p.admin)
	finish := p.load("--for", "20s", "--rate", "40", "--mix", "0.2")
	panels := dashboard(t)
	if len(panels) < 30 {
		t.Fatalf("the dashboard has %d expressions", len(panels))
	}
	empty := map[string]string{}
	defer func() {
		if len(empty) > 0 {
			t.Logf("without data: %v", empty)
		}
	}()
	eventually(t, "every panel has data", func() bool {
		clear(empty)
		for title, expr := range panels {
			if n := ask(t, prometheus, strings.ReplaceAll(expr, "$__rate_interval", "10s")); n == 0 {
				empty[title] = expr
			}
		}
		return len(empty) == 0
	})
	for _, r := range rules(t) {
		ask(t, prometheus, r.Expr)
	}
	finish()
}

// scrape has Prometheus scrape a platform by our own configuration, with its address.
func scrape(t *testing.T, prometheus, admin string) {
	t.Helper()
	config := server(t, "TIDEWIRE_TEST_PROMETHEUS_CONFIG")
	text := string(read(t, deploy+"prometheus/prometheus.yml"))
	alerts, err := filepath.Abs(deploy + "prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for old, now := range map[string]string{"127.0.0.1:3001": strings.TrimPrefix(admin, "http://"), "- alerts.yml": "- " + alerts, "interval: 5s": "interval: 1s"} {
		if !strings.Contains(text, old) {
			t.Fatalf("prometheus.yml has no %q any more", old)
		}
		text = strings.ReplaceAll(text, old, now)
	}
	before := read(t, config)
	reload := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(config, text, 0o644); err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(prometheus+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("reload: %s", resp.Status)
		}
	}
	reload([]byte(text))
	t.Cleanup(func() { reload(before) })
}

// ask runs an expression, and returns how many series answer it.
func ask(t *testing.T, prometheus, expr string) int {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := get(t.Context(), prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status != "success" {
		t.Fatalf("%s: %s", expr, answer.Error)
	}
	return len(answer.Data.Result)
}

// dashboard returns the expressions of the dashboard, by panel and place in it.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	var board struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ RefID, Expr string }
		}
	}
	if err := json.Unmarshal(read(t, deploy+"grafana/tidewire.json"), &board); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range board.Panels {
		if p.Type == "row" {
			continue
		}
		for _, target := range p.Targets {
			at := p.Title + " " + target.RefID
			if all[at] != "" || target.Expr == "" {
				t.Errorf("panel %q is there twice, or empty", at)
			}
			all[at] = target.Expr
		}
	}
	return all
}

type rule struct {
	Alert, Expr string
	Annotations map[string]string
}

func rules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(read(t, deploy+"prometheus/alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alerts")
	}
	return all
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
