package wire

import (
	"sync"
	"time"
)

// A Product is what the catalogue says of one.
type Product struct {
	Name, Currency string
	Price          int64
}

// A Menu asks the catalogue, and remembers for a second what it said, as the platform does.
type Menu struct {
	Ask func(id string) Product

	mu    sync.RWMutex
	known map[string]remembered
}

type remembered struct {
	Product
	until time.Time
}

const priceAge = time.Second

// Product returns a product that there is.
func (m *Menu) Product(id string) Product {
	m.mu.RLock()
	r := m.known[id]
	m.mu.RUnlock()
	if time.Now().Before(r.until) {
		return r.Product
	}
	r = remembered{m.Ask(id), time.Now().Add(priceAge)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[string]remembered{}
	}
	m.known[id] = r
	return r.Product
}
