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
	asked := follower{from: from, to: to, log: "from", stop: stop, handle: handlers{}}
	heard := follower{from: to, to: from, log: "to", stop: stop, handle: handlers{}}
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
	t.setOut(e.key, "four", "1")
	t.send(e, job{id: wire.Deadline + e.key, queue: "from_over", kind: "over", due: t.now + 300_000_000, body: []byte(`{"id":"` + e.key + `"}`)})
	t.command(e, "Ask1", []byte(`{}`))
}

// answered takes a saga on from step n, and gives it another deadline past the pivot.
func (t *tx) answered(e envelope, n int) {
	if n == 4 {
		t.arrive(e.key, "4")
		return
	}
	step := strconv.Itoa(n + 1)
	t.goOn(e.key, strconv.Itoa(n), step)
	if n == 3 { // past the pivot
		t.do(`UPDATE job SET due = ? WHERE id = ?`).int(t.now + 3600_000_000).text(wire.Deadline + e.key).run()
	}
	t.command(e, "Ask"+step, []byte(`{}`))
}

// setOut stores where a saga stands that has begun.
func (t *tx) setOut(id, saga, step string) {
	t.do(`INSERT INTO saga (id, saga, state, step, tries, started, since) VALUES (?1, ?2, 'running', ?3, 1, ?4, ?4)`).text(id).text(saga).text(step).int(t.now).run()
}

// goOn takes a saga from one step to another.
func (t *tx) goOn(id, from, to string) {
	t.do(`UPDATE saga SET step = ?, since = ? WHERE id = ? AND step = ?`).text(to).int(t.now).text(id).text(from).run()
}

// arrive ends a saga after its last step, and takes its deadline back.
func (t *tx) arrive(id, last string) {
	t.do(`UPDATE saga SET state = 'completed', step = '', since = ? WHERE id = ? AND step = ?`).int(t.now).text(id).text(last).run()
	t.finish(wire.Deadline + id)
}
