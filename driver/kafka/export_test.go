package kafka

import (
	"context"
	"net"
	"time"
)

// Dialing has the connections of a server made by dial.
func (s *Server) Dialing(dial func(ctx context.Context, network, host string) (net.Conn, error)) {
	s.dial = dial
}

// Patience is how long a batch may take until it counts as not confirmed.
func (s *Server) Patience(d time.Duration) { s.sendTime = d }
