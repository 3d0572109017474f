package inventory

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidewire/tidewire/shop/contract"
	"github.com/tidewire/tidewire/toolkit/request"
	"github.com/tidewire/tidewire/toolkit/store"
)

// Answers lists the questions that inventory answers.
func (s *Service) Answers() []request.Handler {
	return []request.Handler{request.On(s.check)}
}

// check tells which of the products that somebody wants there is not enough of now. It
// changes nothing: whoever orders may still find that another was faster.
func (s *Service) check(ctx context.Context, q contract.CheckStock) (answer contract.StockChecked, err error) {
	free := map[string]int64{} // of what is tracked
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		free, err = available(tx, q.Wanted)
		return err
	})
	for _, d := range q.Wanted {
		if n, tracked := free[d.ProductID]; tracked && n < d.Quantity {
			answer.Lacking = append(answer.Lacking, d.ProductID)
		}
	}
	return answer, err
}

// available returns how much is free of those products that are tracked.
func available(tx *store.Tx, of []contract.Demand) (free map[string]int64, err error) {
	free = map[string]int64{}
	if len(of) == 0 {
		return free, nil
	}
	args, in := []any{location}, make([]string, len(of))
	for i, d := range of {
		args = append(args, d.ProductID)
		in[i] = fmt.Sprintf("$%d", len(args))
	}
	err = tx.Rows(`SELECT product_id, on_hand - reserved FROM stock WHERE location = $1 AND tracked = 1 AND product_id IN (`+strings.Join(in, ", ")+`)`,
		args, func(scan func(...any) error) error {
			var product string
			var n int64
			err := scan(&product, &n)
			free[product] = n
			return err
		})
	return free, err
}
