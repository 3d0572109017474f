package projection_test

import (
	"fmt"

	"github.com/tidewire/tidewire/toolkit/projection"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// How often each customer has ordered, by the facts of the log order.
func Example() {
	often := projection.Projection{
		Name:    "often",
		Tables:  []projection.Table{{Name: "often", Keys: 1, Columns: projection.Columns([]string{"customer", "orders"}, "orders")}},
		Sources: []projection.Source{{Log: "order", Want: func(kind string) bool { return kind == "OrderCreated" }}},
		Fold: func(rows *projection.Rows, entries []stream.Entry) error {
			for _, e := range entries {
				var orders int64
				scan, found, err := rows.Get("often", e.Key)
				if err == nil && found {
					err = scan(nil, &orders)
				}
				if err != nil {
					return err
				}
				if err := rows.Put("often", e.Key, orders+1); err != nil {
					return err
				}
			}
			return nil
		},
	}
	fmt.Println(often.Name, "is made of", often.Sources[0].Log)
	// A Rebuilder with this Projection runs beside the service's readers:
	//
	//	r := &projection.Rebuilder{Projection: often, DB: db, Logs: logs, Process: process}
	//	run.All(ctx, reader.Run, r.Run)
	//
	// and begins when somebody asks:
	//
	//	db.Update(ctx, nil, func(tx *store.Tx) error {
	//		_, err := r.Ask(tx, projection.Order{Who: "ann", Why: "bug 17 is mended"})
	//		return err
	//	})

	// Output: often is made of order
}
