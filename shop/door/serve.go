package door

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Time limits of a connection. A request that is not complete in readLimit is 408.
const (
	readLimit   = 30 * time.Second
	writeLimit  = readLimit + timeLimit + 30*time.Second
	idleLimit   = 2 * time.Minute
	drainLimit  = 6 * time.Second // of the ten that a stop may take: work goes on behind the door
	headerLimit = 32 << 10        // bytes
)

// Serve answers on l until ctx ends. Then it takes no more connections, and returns when
// those requests that it has taken are answered. Who stands by hears of it at once, and a
// body that is still on its way has two seconds more. What is not answered after six
// seconds is cut off, which the log says: that is no failure of the program.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: readLimit, ReadTimeout: readLimit,
		WriteTimeout: writeLimit, IdleTimeout: idleLimit, MaxHeaderBytes: headerLimit,
		BaseContext: func(net.Listener) context.Context { return inDoor(ctx) }, ConnContext: inConn}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		slog.WarnContext(ctx, "requests were cut off: they had no answer when the door closed", "after", drainLimit)
		err = server.Close()
	}
	<-ended
	return err
}
