package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A healthCommand asks whether the platform is ready.
type healthCommand struct {
	JSON bool `help:"Print JSON."`
}

// Help says who asks.
func (healthCommand) Help() string {
	return `It asks the operators' door what /readyz says, and exits 0 if the platform is ready and 1 if it is not, or does not run. A container without a shell asks it of itself; what to do, tidewire doctor says.

Examples:

  tidewire health
  tidewire health --json`
}

// healthTimeout is less than that of whoever runs containers: his says nothing.
const healthTimeout = 3 * time.Second

// A health is what /readyz answers.
type health struct {
	Ready    bool `json:"ready"`
	NotReady []struct {
		Name  string `json:"name"`
		Error string `json:"error"`
	} `json:"notReady"`
}

// Run prints what is not ready, a line each.
func (cmd healthCommand) Run(c *console) error {
	loaded, err := c.load(nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loaded.Admin+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRunning, err)
	}
	defer resp.Body.Close()
	var said health
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return fmt.Errorf("what answers at %s is no platform: %w", loaded.Admin, err)
	}
	if err := cmd.print(c, said); err != nil {
		return err
	}
	if !said.Ready {
		return errFound
	}
	return nil
}

func (cmd healthCommand) print(c *console, said health) error {
	if cmd.JSON {
		return printJSON(c.out, said)
	}
	if said.Ready {
		fmt.Fprintln(c.out, "ready")
	}
	for _, n := range said.NotReady {
		fmt.Fprintf(c.out, "not ready: %s: %s\n", n.Name, n.Error)
	}
	return nil
}
