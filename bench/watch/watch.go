// Package watch measures work of this process by the clock and by what it costs of the
// processors. On a machine that has other work, the second is the one to trust.
package watch

import (
	"syscall"
	"time"
)

// A Watch runs since Start.
type Watch struct {
	began time.Time
	cpu   time.Duration
}

// A Rate is how fast something went.
type Rate struct {
	PerSecond float64
	Micros    float64 // of processor time for each, in the whole process
}

// Start starts a watch.
func Start() Watch { return Watch{began: time.Now(), cpu: Processors()} }

// Running returns for how long w has been running.
func (w Watch) Running() time.Duration { return time.Since(w.began) }

// Rate is that of n things that were done meanwhile.
func (w Watch) Rate(n int64) Rate {
	return Rate{PerSecond: float64(n) / w.Running().Seconds(), Micros: float64((Processors() - w.cpu).Microseconds()) / float64(n)}
}

// Processors is what this process has used of them so far.
func Processors() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it fails for no process but another one's
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
