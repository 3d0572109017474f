package wire

import (
	"time"

	"github.com/tidewire/tidewire/shop/contract"
)

// A Label is work for the carrier.
type Label struct {
	OrderID string          `json:"orderId"`
	Lines   []contract.Line `json:"lines"`
	Wanted  time.Time       `json:"wanted"`
}
