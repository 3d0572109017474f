package rabbitmq

import (
	"context"
	"log/slog"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/tidewire/tidewire/toolkit/queue"
	"github.com/tidewire/tidewire/toolkit/run"
)

const (
	mourned = 1000        // dead messages that wait to be shown
	shown   = time.Minute // that one is tried
)

// show hands a dead message to mirror. It lies in the table already: if there is no room, the
// server's console lacks it, and nothing else does.
func (d *Driver) show(ctx context.Context, v queue.Verdict) {
	select {
	case d.dead <- v:
	default:
		slog.WarnContext(ctx, "a dead message is not shown by RabbitMQ: too many wait for that", "queue", v.Queue, "id", v.ID)
	}
}

// mirror copies dead messages to where the server's console shows them. The copies have the
// row's name: whoever moves one back into the queue there does nothing, for only a redrive
// gives a dead message its life back.
func (d *Driver) mirror() {
	p := &publisher{server: d.server}
	declared := map[string]bool{}
	for {
		select {
		case v := <-d.dead:
			d.copy(p, v, declared)
		case <-d.ctx.Done():
			if p.ch != nil {
				d.server.out.abandon(p.ch)
			}
			return
		}
	}
}

// copy tries for a while.
func (d *Driver) copy(p *publisher, v queue.Verdict, declared map[string]bool) {
	name := d.server.prefix + v.Queue + dlq
	m := written(d.DB.Service(), v.Message)
	m.Headers["tidewire-cause"], m.Headers["tidewire-attempts"] = v.Next.Past.Cause(), int64(v.Next.Past.Attempts)
	var err error
	for idle, begun := run.NewIdler(true), time.Now(); d.ctx.Err() == nil && time.Since(begun) < shown; idle.Wait(d.ctx, nil) {
		if !declared[name] {
			if _, err = d.server.declare(name, graveyard()); err != nil {
				continue
			}
			declared[name] = true
		}
		if err = p.publish(d.ctx, name, []amqp.Publishing{m})[0]; err == nil {
			return
		}
		delete(declared, name)
		d.server.meters.failed(v.Queue+dlq, err)
	}
	slog.WarnContext(d.ctx, "a dead message is not shown by RabbitMQ", "queue", v.Queue, "id", v.ID, "error", err)
}
