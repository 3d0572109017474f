package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/tidewire/tidewire/cmd/tidewire/config"
)

// settings are the flags of every command. A client of the platform reads the same
// configuration as the platform, and so finds its doors without being told.
type settings struct {
	Config string   `placeholder:"FILE" help:"Configuration file. Default: ./tidewire.yaml, if there is one."`
	Data   string   `placeholder:"DIR" help:"Data directory. Default: ./tidewire-data."`
	Set    []string `placeholder:"KEY=VALUE" sep:"none" help:"Set a configuration key; tidewire config lists them. May be repeated."`
}

// load reads the configuration. flags are those of the command that stand for a key; an
// empty one was not given. Its error is one of usage.
func (c *console) load(flags map[string]string) (*config.Loaded, error) {
	all := map[string]string{"data": c.settings.Data}
	for key, value := range flags {
		all[key] = value
	}
	for key, value := range all {
		if value == "" {
			delete(all, key)
		}
	}
	loaded, err := config.Load(config.Source{File: c.settings.Config, Environ: c.environ, Set: c.settings.Set, Flags: all})
	if err != nil {
		return nil, wrong(err)
	}
	return loaded, nil
}

// A configCommand prints the configuration.
type configCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help gives examples.
func (configCommand) Help() string {
	return `What stands later wins: defaults, the file, the environment (TIDEWIRE_ and the key in capitals, _ for .), flags. Secrets are not shown, and may be given as KEY_file.

Examples:

  tidewire config
  TIDEWIRE_LOG_LEVEL=debug tidewire config --set retention=90d --json`
}

// Run prints every key. Warnings go to standard error, out of the way of JSON.
func (cmd configCommand) Run(c *console) error {
	loaded, err := c.load(nil)
	if err != nil {
		return err
	}
	for _, w := range loaded.Warnings {
		fmt.Fprintln(c.err, "warning:", w)
	}
	if cmd.JSON {
		return printJSON(c.out, loaded.Values)
	}
	t := newTable(c.out, "KEY", "VALUE", "FROM", "DEFAULT", "MEANING")
	for _, v := range loaded.Values {
		t.row(v.Key, v.Value, v.Origin, v.Default, v.Meaning)
	}
	return t.end()
}

// A table is columns of text, in capitals above what they are: people read it, and awk
// can.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, columns ...any) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	t.row(columns...)
	return t
}

// row adds a line. What is empty shows as a dash, so that columns can be counted.
func (t table) row(cells ...any) {
	for i, cell := range cells {
		text := fmt.Sprint(cell)
		if text == "" {
			text = "-"
		}
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, text)
	}
	fmt.Fprintln(t.w)
}

func (t table) end() error { return t.w.Flush() }

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
