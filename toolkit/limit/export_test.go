package limit

// Buckets is how many are remembered.
func (l *Local) Buckets() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.buckets)
}
