package main

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// engines are the modules that store and serve what the platform does.
var engines = []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5"}

// A versionCommand prints what this binary is.
type versionCommand struct {
	JSON bool `help:"Print JSON."`
}

// A version is what the binary knows about itself. Reports of bugs begin with it.
type version struct {
	Version string            `json:"version"`
	Commit  string            `json:"commit"`
	Go      string            `json:"go"`
	Engines map[string]string `json:"engines"`
}

// Run prints versions.
func (cmd versionCommand) Run(c *console) error {
	v := thisVersion()
	if cmd.JSON {
		return printJSON(c.out, v)
	}
	t := table{newTable(c.out, "tidewire", v.Version).w}
	t.row("commit", v.Commit)
	t.row("go", v.Go)
	for _, name := range engines {
		t.row(name, v.Engines[name])
	}
	return t.end()
}

// thisVersion reads what the Go tool wrote into the binary: nobody can forget to raise
// it. Outside of a repository there is no commit, and it says unknown.
func thisVersion() version {
	v := version{Version: "unknown", Commit: "unknown", Go: runtime.Version(), Engines: map[string]string{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value + strings.TrimPrefix(v.Commit, "unknown")
		case s.Key == "vcs.modified" && s.Value == "true":
			v.Commit += " (modified)"
		}
	}
	for _, dep := range info.Deps {
		for _, name := range engines {
			if dep.Path == name {
				v.Engines[name] = dep.Version
			}
		}
	}
	return v
}
