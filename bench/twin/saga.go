package twin

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidewire/tidewire/bench/watch"
	"github.com/tidewire/tidewire/bench/wire"
)

// Sagas has callers begin sagas of four steps for a while, each the next one when the last
// has ended, and returns how many a second did. A step is a command in one journal and its
// answer in the other's; where the saga stands is a row, and its deadline a job.
func Sagas(ctx context.Context, dir string, callers int, d time.Duration) (watch.Rate, error) {
	from, err := openPart(ctx, filepath.Join(dir, "from"), nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer from.close()
	to, err := openPart(ctx, filepath.Join(dir, "to"), nil)
	if err != nil {
		return watch.Rate{}, err
	}
	defer to.close()
	stop := make(chan struct{})
	var waiting sync.Map
	asked := follower{from: from, to: to, log: "from", stop: stop, handle: map[string]func(envelope) func(*tx){}}
	heard := follower{from: to, to: from, log: "to", stop: stop, handle: map[string]func(envelope) func(*tx){}}
	for n := 1; n <= 4; n++ {
		asked.handle["Ask"+strconv.Itoa(n)] = func(e envelope) func(*tx) {
			return func(t *tx) { t.append(e, 0, "Did"+strconv.Itoa(n), []byte(`{}`)) }
		}
		heard.handle["Did"+strconv.Itoa(n)] = func(e envelope) func(*tx) { return func(t *tx) { t.answered(e, n) } }
	}
	var ended []string // in the batch that is being committed
	last := heard.handle["Did4"]
	heard.handle["Did4"] = func(e envelope) func(*tx) {
		change := last(e)
		return func(t *tx) { change(t); ended = append(ended, e.key) }
	}
	heard.after = func() {
		for _, id := range ended {
			if c, ok := waiting.LoadAndDelete(id); ok {
				close(c.(chan struct{}))
			}
		}
		ended = ended[:0]
	}
	var parts, all sync.WaitGroup
	parts.Go(asked.run)
	parts.Go(heard.run)
	var done atomic.Int64
	began := watch.Start()
	for range callers {
		all.Go(func() {
			for began.Running() < d && ctx.Err() == nil {
				e := envelope{key: wire.NewID(), trace: wire.NewTrace()}
				arrived := make(chan struct{})
				waiting.Store(e.key, arrived)
				from.update(func(t *tx) { t.begin(e) })
				<-arrived
				done.Add(1)
			}
		})
	}
	all.Wait()
	rate := began.Rate(done.Load())
	close(stop)
	parts.Wait()
	return rate, ctx.Err()
}

// begin stores where a saga stands, until when, and what it asks first.
func (t *tx) begin(e envelope) {
	t.do(`INSERT INTO saga (id, saga, state, step, tries, started, since) VALUES (?, 'four', 'running', '1', 1, ?, ?)`).text(e.key).int(t.now).int(t.now).run()
	t.send(e, job{id: "deadline-" + e.key, queue: "from_over", kind: "over", due: t.now + 300_000_000, body: []byte(`{"id":"` + e.key + `"}`)})
	t.append(e, 0, "Ask1", []byte(`{}`))
}

// answered takes a saga on from step n, and gives it another deadline past the pivot.
func (t *tx) answered(e envelope, n int) {
	if n == 4 {
		t.do(`UPDATE saga SET state = 'completed', step = '', since = ? WHERE id = ? AND step = '4'`).int(t.now).text(e.key).run()
		t.finish("deadline-" + e.key)
		return
	}
	step := strconv.Itoa(n + 1)
	t.do(`UPDATE saga SET step = ?, since = ? WHERE id = ? AND step = ?`).text(step).int(t.now).text(e.key).text(strconv.Itoa(n)).run()
	if n == 3 { // past the pivot
		t.do(`UPDATE job SET due = ? WHERE id = ?`).int(t.now + 3600_000_000).text("deadline-" + e.key).run()
	}
	t.append(e, 0, "Ask"+step, []byte(`{}`))
}
