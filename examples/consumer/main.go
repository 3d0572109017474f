// Command consumer follows the orders of a platform on PostgreSQL, and keeps a table of
// its own: every sale, and whether it was completed. docs/consumer.md explains it.
package main

import (
	"context"
	"embed"
	"log"
	"os"
	"os/signal"

	"github.com/google/uuid"
	"github.com/tidewire/tidewire/driver/postgres"
	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

//go:embed migrations/*.sql
var migrations embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server, err := postgres.Connect(ctx, os.Args[1])
	check(err)
	own, err := server.Open(ctx, "sales", migrations) // our schema
	check(err)
	orders, err := server.Open(ctx, "order", nil) // whose journal we read
	check(err)
	reader := stream.Reader{
		DB:   store.Open("sales", own), // where the position is, beside what we did
		Log:  postgres.NewLog(store.Open("order", orders), orders),
		Name: contract.Orders, Process: &run.Process{Instance: uuid.NewString()},
		Handlers: []stream.Handler{stream.On(contract.Orders, sold), stream.On(contract.Orders, completed)},
	}
	check(reader.Run(ctx))
}

func sold(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCreated]) error {
	return tx.Exec(`INSERT INTO sale (order_id, total, currency) VALUES ($1, $2, $3)`, m.Key, m.Data.Total, m.Data.Currency)
}

func completed(_ context.Context, tx *store.Tx, m message.Of[contract.OrderCompleted]) error {
	return tx.Exec(`UPDATE sale SET completed = 1 WHERE order_id = $1`, m.Key)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
