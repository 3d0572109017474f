package door

import (
	"context"
	"net"
	"net/http"
	"time"
)

// lastRead is how long the rest of a request may still take to come once its door closes.
const lastRead = 2 * time.Second

type (
	closingKey struct{} // of the context that ends when the door closes
	connKey    struct{} // of the request's connection
)

// inDoor returns the context of what comes in by a door that closes when ctx ends. The
// requests are not ended by that: they only hear of it.
func inDoor(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), closingKey{}, ctx)
}

// Within returns ctx as that of a request that came in by a door of another kind, which
// closes when door ends: who stands by hears of it.
func Within(ctx, door context.Context) context.Context {
	return context.WithValue(ctx, closingKey{}, door)
}

// inConn returns the context of what comes in by a connection.
func inConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// hurry shortens the time for the rest of a request's body as soon as the door closes,
// until arrived is called. Once the body is whole there is no limit any more: one that
// passed while a handler works would end its context. What is not whole keeps it, for the
// server reads on after the answer.
func hurry(ctx context.Context) (arrived func(whole bool)) {
	closing, served := ctx.Value(closingKey{}).(context.Context)
	conn, ok := ctx.Value(connKey{}).(net.Conn)
	if !served || !ok {
		return func(bool) {}
	}
	hurried := make(chan error, 1)
	still := context.AfterFunc(closing, func() { hurried <- conn.SetReadDeadline(time.Now().Add(lastRead)) })
	return func(whole bool) {
		if !still() && <-hurried == nil && whole {
			_ = conn.SetReadDeadline(time.Time{}) // fails if it is closed: who writes to it learns of that
		}
	}
}

// StandBy says that a request has done its work and only waits from here on, as with
// "Prefer: wait": it does not count any more among those in progress. The channel is
// closed when the door closes: who waits answers then, with what there is.
func StandBy(r *http.Request) (closing <-chan struct{}) {
	ctx := r.Context()
	if leave, ok := ctx.Value(leaveKey{}).(func()); ok {
		leave()
	}
	if door, ok := ctx.Value(closingKey{}).(context.Context); ok {
		closing = door.Done()
	}
	return closing
}
