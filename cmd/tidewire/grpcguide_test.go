package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
)

// port is one that the guide names.
var port = regexp.MustCompile(`127\.0\.0\.1:5005(\d)`)

// argument is a word of a line, or several in quotes.
var argument = regexp.MustCompile(`'[^']*'|\S+`)

// Every command of the guide is run as it stands there by the tool that it names, which lists
// every service, and makes every call that there is.
func TestGRPCGuide(t *testing.T) {
	tool := exec.CommandContext(t.Context(), "go", "tool", "-n", "grpcurl")
	tool.Dir = filepath.Join("..", "..", "shop", "api", "tools")
	path, err := tool.Output()
	if err != nil {
		t.Fatal(err)
	}
	grpcurl := strings.TrimSpace(string(path))
	r := up(t, filepath.Join(t.TempDir(), "data"))
	run := func(line string) (string, error) {
		line = port.ReplaceAllStringFunc(line, func(at string) string { return r.door(config.Doors()[at[len(at)-1]-'1']) })
		args := argument.FindAllString(line, -1)[1:]
		for i, a := range args {
			args[i] = strings.Trim(a, "'")
		}
		out, err := exec.CommandContext(t.Context(), grpcurl, args...).CombinedOutput()
		return string(out), err
	}
	made := map[string]bool{}
	for _, line := range commands(guide(t, "docs/grpc.md")) {
		if !strings.HasPrefix(line, "grpcurl ") {
			continue
		}
		made[line[strings.LastIndexByte(line, ' ')+1:]] = true
		out, err := run(line)
		late := strings.HasSuffix(line, "CancelOrder") // it says that this one is
		if (err != nil) != late || late && !strings.Contains(out, "FailedPrecondition") || out == "" {
			t.Errorf("%s\n%v\n%s", line, err, out)
		}
	}
	for i, service := range config.Doors() {
		at := "127.0.0.1:5005" + string(rune('1'+i))
		listed, err := run("grpcurl -plaintext " + at + " list " + contractOf(service))
		if calls := strings.Fields(listed); err != nil || len(calls) == 0 {
			t.Errorf("%s lists %q, %v", service, listed, err)
		} else if i := slices.IndexFunc(calls, func(c string) bool {
			name := c[strings.LastIndexByte(c, '.')+1:]
			return !made[contractOf(service)+"/"+name]
		}); i >= 0 {
			t.Errorf("the guide does not call %s", calls[i])
		}
	}
}
