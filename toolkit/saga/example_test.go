package saga_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tidewire/tidewire/driver/sqlite"
	"github.com/tidewire/tidewire/toolkit/message"
	"github.com/tidewire/tidewire/toolkit/saga"
	"github.com/tidewire/tidewire/toolkit/store"
)

// A journey is booked with two services: whatever one of them says next is given to Take.
func Example() {
	journey := saga.Saga[trip]{
		Name:   "journey",
		Within: time.Minute,
		Timer:  func(d saga.Deadline) message.Work { return wake{d} },
		Steps: []saga.Step[trip]{
			{Name: "room", Who: "hotel", Send: to("hotel", "BookRoom"), Answer: note("RoomBooked"), Refusal: note("RoomRefused"),
				Undo: to("hotel", "FreeRoom"), Undone: []message.Kind{note("RoomFree")}},
			{Name: "pay", Who: "bank", Send: to("bank", "Pay"), Answer: note("Paid"), Refusal: note("Declined"),
				Undo: to("bank", "Refund"), Undone: []message.Kind{note("Refunded")}, Pivot: true},
			{Name: "ticket", Who: "hotel", Send: to("hotel", "PrintTicket"), Answer: note("Printed")},
		},
	}
	if err := journey.Check(); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "journey")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	driver, err := sqlite.Open(context.Background(), filepath.Join(dir, "trip.db"), nil)
	if err != nil {
		panic(err)
	}
	db := store.Open("trip", driver)
	defer db.Close()

	hear := func(m message.Kind) {
		_, err := db.Update(context.Background(), []string{"j1"}, func(tx *store.Tx) error {
			out, err := journey.Take(tx, "j1", &trip{}, m)
			fmt.Println(m.Kind(), out)
			return err
		})
		if err != nil {
			panic(err)
		}
	}
	_, err = db.Update(context.Background(), []string{"j1"}, func(tx *store.Tx) error {
		_, err := journey.Start(tx, "j1", &trip{})
		return err
	})
	if err != nil {
		panic(err)
	}
	hear(note("RoomBooked"))
	hear(note("RoomBooked"))
	hear(note("Declined"))
	hear(note("RoomFree"))
	i, err := journey.Definition().Show(context.Background(), db, "j1")
	if err != nil {
		panic(err)
	}
	fmt.Println(i.State, "at", i.Turned, "by", i.Why)
	// Output:
	// RoomBooked moved
	// RoomBooked again
	// Declined undoing
	// RoomFree moved
	// undone at pay by Declined
}
