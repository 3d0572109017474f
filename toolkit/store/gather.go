package store

// A Gatherer is what the handlers of one transaction gather, to be written once.
type Gatherer interface {
	// Flush writes what was gathered, after the last handler.
	Flush(tx *Tx) error
}

// Gather returns the G of a transaction: an empty one at first, then always that one. Its
// Flush runs once, at the end of the change. What is undone has gathered nothing, and a
// change that runs again begins with an empty one. A View writes nothing.
//
// It is for rows that many messages of a batch change, such as counters: they are written
// once for all of them, and their locks are held for the time of the commit only. No two
// transactions wait for each other as long as every Flush writes its rows in one order,
// and no handler writes them by itself.
func Gather[G any, P interface {
	*G
	Gatherer
}](tx *Tx) P {
	for _, g := range tx.gathered {
		if p, ok := g.(P); ok {
			return p
		}
	}
	p := P(new(G))
	tx.gathered = append(tx.gathered, p)
	return p
}
