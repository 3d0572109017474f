package door

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Time limits of a connection. A request that is not complete in readLimit is 408.
const (
	readLimit   = 30 * time.Second
	writeLimit  = readLimit + timeLimit + 30*time.Second
	idleLimit   = 2 * time.Minute
	drainLimit  = 8 * time.Second
	headerLimit = 32 << 10 // bytes
)

// Serve answers on l until ctx ends. Then it takes no more connections, and returns when
// those requests that it has taken are answered; after eight seconds it cuts them off
// and says so.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: readLimit, ReadTimeout: readLimit,
		WriteTimeout: writeLimit, IdleTimeout: idleLimit, MaxHeaderBytes: headerLimit}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// Shutdown leaves alone who has sent half a request: the limit is for them, too.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	<-ended
	return err
}
