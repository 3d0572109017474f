package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/goccy/go-yaml"
	"github.com/tidewire/tidewire/cmd/tidewire/config"
)

// composed reads deploy/compose.yaml.
func composed(t *testing.T) (file map[string]any) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// The file is what Compose's own schema takes, has every service once, and sets nothing that
// the platform does not know. No engine for containers runs it here.
func TestCompose(t *testing.T) {
	file := composed(t)
	if err := schema.Validate(file); err != nil {
		t.Error(err)
	}
	services, _ := file["services"].(map[string]any)
	var ours []string
	for name, s := range services {
		s, _ := s.(map[string]any)
		if s["image"] != "tidewire" || name == "simulator" {
			continue
		}
		ours = append(ours, name)
		if command, _ := s["command"].([]any); !slices.Equal(command, []any{"up", name}) {
			t.Errorf("%s: its command is %v", name, command)
		}
		settings, _ := s["environment"].(map[string]any)
		var environ []string
		for key, value := range settings {
			if key != "TIDEWIRE_AUTH_MODE" {
				environ = append(environ, key+"="+value.(string))
			}
		}
		// Until there is the mode that lets containers reach each other, that they do is all
		// that is wrong.
		_, err := config.Load(config.Source{Environ: environ})
		if err == nil || !strings.Contains(err.Error(), "is not a loopback address, and auth.mode open lets everybody in") {
			t.Errorf("%s: %v", name, err)
		}
		local := slices.DeleteFunc(environ, func(s string) bool { return strings.Contains(s, "=0.0.0.0:") })
		if l, err := config.Load(config.Source{Environ: local}); err != nil || len(l.Warnings) > 0 {
			t.Errorf("%s: its other settings: %v, %+v", name, err, l)
		}
	}
	slices.Sort(ours)
	if want := slices.Sorted(slices.Values(serviceNames())); !slices.Equal(ours, want) {
		t.Errorf("services %v, want %v", ours, want)
	}
	for name, s := range services {
		needs, _ := s.(map[string]any)["depends_on"].(map[string]any)
		for need := range maps.Keys(needs) {
			if services[need] == nil {
				t.Errorf("%s needs %s, which is not there", name, need)
			}
		}
	}
}

// The schema's test would pass anything if it were not asked.
func TestComposeIsChecked(t *testing.T) {
	file := composed(t)
	file["services"].(map[string]any)["user"].(map[string]any)["comand"] = "up"
	if err := schema.Validate(file); err == nil || !strings.Contains(err.Error(), "comand") {
		t.Errorf("a key that there is not: %v", err)
	}
}

// A container asks the binary itself whether it is well.
func TestHealth(t *testing.T) {
	r := up(t, t.TempDir()+"/data")
	r.ready()
	for _, tt := range []struct {
		args []string
		exit int
		want string
	}{
		{r.flags("health"), exitDone, "ready\n"},
		{r.flags("health", "--json"), exitDone, `"ready": true`},
		{[]string{"health", "--set", "admin=127.0.0.1:1"}, exitFound, "the platform is not running"},
		{[]string{"health", "--set", "admin=" + strings.TrimPrefix(r.simulator, "http://")}, exitFound, "is no platform"},
	} {
		exit, out, stderr := tidewire(t, tt.args...)
		if exit != tt.exit || !strings.Contains(out+stderr, tt.want) {
			t.Errorf("%v: exit %d, %q %q", tt.args, exit, out, stderr)
		}
	}
}
