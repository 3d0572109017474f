package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidewire/tidewire/load"
)

// A loadCommand places orders.
type loadCommand struct {
	URL     string        `placeholder:"URL" help:"Customers' door. Default: that of the configuration."`
	Orders  int           `help:"How many orders. Default: 1000, without limit with --for."`
	For     time.Duration `placeholder:"30s" help:"How long to place orders."`
	Clients int           `default:"64" help:"Requests at a time."`
	Rate    float64       `help:"Orders a second. Default: as fast as it goes."`
	Once    bool          `help:"Count an order that is refused for the moment (503) as rejected, and do not place it again: how much is shed."`
	Style   string        `help:"How the orders flow. Default: the server's."`
	Mix     float64       `help:"Share of orders that must fail: a third each declined, timeout_lost, out of stock."`
	Ledger  string        `placeholder:"FILE" help:"Append a line for each order; tidewire audit compares it with what is stored."`
	JSON    bool          `help:"Print JSON."`
}

// Help gives examples.
func (loadCommand) Help() string {
	return `The platform must be running. It survives a server that goes away: it reconnects and repeats under the same idempotency key; what it cannot know it counts as unknown. It exits 1 if an order is unfinished, or the server was never reached.

Examples:

  tidewire load --orders 20000 --mix 0.2 --ledger orders.jsonl
  tidewire load --for 30s --rate 500 --json`
}

// Run places orders and prints what became of them, of those that are unfinished too:
// half a run is of use, and says so by its exit.
func (cmd loadCommand) Run(c *console) error {
	if cmd.URL == "" {
		loaded, err := c.load(nil)
		if err != nil {
			return err
		}
		cmd.URL = "http://" + loaded.Listen
	}
	options := load.Options{URL: cmd.URL, Orders: cmd.Orders, For: cmd.For, Clients: cmd.Clients, Rate: cmd.Rate, Once: cmd.Once,
		Basket: load.Basket{Style: cmd.Style, Mix: cmd.Mix}, Ledger: cmd.Ledger}
	if terminal(c.err) && !cmd.JSON {
		options.Progress = c.err
	}
	report, err := load.Run(c.ctx, options)
	switch {
	case errors.Is(err, load.ErrOptions):
		return wrong(err)
	case err != nil && !errors.Is(err, load.ErrUnfinished):
		return err
	}
	if printErr := cmd.print(c, report); printErr != nil {
		return printErr
	}
	return err
}

// print is for people; what scripts read is the report itself.
func (cmd loadCommand) print(c *console, r load.Report) error {
	if cmd.JSON {
		return printJSON(c.out, r)
	}
	_, err := fmt.Fprintf(c.out, `%d accepted in %.1f s: %d completed, %d failed, %d cancelled, %d unfinished; %d rejected, %d unknown
%.0f orders/s from the first request to the last final state
accept      p50 %7.1f ms   p99 %7.1f ms   max %7.1f ms
end to end  p50 %7.1f ms   p99 %7.1f ms   max %7.1f ms (watched every %.0f ms)
`, r.Accepted, r.Seconds, r.Completed, r.Failed, r.Cancelled, r.Unfinished, r.Rejected, r.Unknown, r.OrdersPerSecond,
		r.Accept.P50, r.Accept.P99, r.Accept.Max, r.EndToEnd.P50, r.EndToEnd.P99, r.EndToEnd.Max, r.PollMs)
	return err
}
