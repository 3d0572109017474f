package product

import (
	"context"

	"github.com/tidewire/tidewire/toolkit/store"
)

// demo returns the catalogue to try the platform with.
func demo() []Product {
	stock := new(int64(1_000_000))
	return []Product{
		{ID: "1", Name: "Laptop", Price: 120000, Stock: stock, Category: "computers", Description: "14 inch, 32 GB of memory, 1 TB of storage."},
		{ID: "2", Name: "Wireless Mouse", Price: 2499, Stock: stock, Category: "computers", Description: "Three buttons and a wheel. Lasts a year on one battery."},
		{ID: "3", Name: "Mechanical Keyboard", Price: 8900, Stock: stock, Category: "computers", Description: "87 keys that can be heard."},
		{ID: "4", Name: "27-inch Monitor", Price: 32900, Stock: stock, Category: "computers", Description: "2560 × 1440, matt, turns upright."},
		{ID: "5", Name: "Noise-cancelling Headphones", Price: 19995, Stock: stock, Category: "audio", Description: "30 hours on one charge."},
		{ID: "6", Name: "Coffee Beans, 1 kg", Price: 1850, Stock: stock, Category: "kitchen", Description: "Medium roast from Huehuetenango."},
		{ID: "7", Name: "French Press", Price: 3450, Stock: stock, Category: "kitchen", Description: "One litre, for four cups."},
		{ID: "8", Name: "Gift Card", Price: 5000, Category: "gifts", Description: "Sent by e-mail. Never runs out."},
	}
}

// Demo makes sure that there is something to order: products 1 to 8, priced in USD. A
// product that is there already stays as it is.
func (s *Service) Demo(ctx context.Context) error {
	var keys []string
	for _, p := range demo() {
		keys = append(keys, "product:"+p.ID)
	}
	_, err := s.DB.Update(ctx, keys, func(tx *store.Tx) error {
		for _, p := range demo() {
			_, found, err := find(tx, p.ID)
			if err != nil {
				return err
			}
			if found {
				continue
			}
			p.Currency = "USD"
			if _, err := create(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
