package load

import (
	"context"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// One poller for all orders costs the server as much for a thousand as for one. Its
// pause is in every time to the final state, and is told with it.
const (
	pollPause = 15 * time.Millisecond // between polls, unless a page was full
	pollLimit = 500
)

// follower is the one poller: it goes along the list of ended orders.
type follower struct {
	door   *door
	book   *book
	bar    *progressbar.ProgressBar
	cursor string
}

// skip goes to the end that the list has now. What ended before is not ours, so it must
// be done before the first order is placed.
func (f *follower) skip(ctx context.Context, patience time.Duration) error {
	for {
		var p page
		if err := f.door.insist(ctx, patience, f.door.ended(f.cursor, 2*pollLimit), &p); err != nil {
			return err
		}
		if p.Next != "" {
			f.cursor = p.Next
		}
		if len(p.Items) < 2*pollLimit {
			return nil
		}
	}
}

// run is the only reader of the list, whatever the number of clients: watching must not
// cost what is to be measured. It follows until all orders are placed and have ended, or none has ended for as
// long as patience lasts, or ctx ends.
func (f *follower) run(ctx context.Context, patience time.Duration, placed <-chan struct{}) {
	defer f.bar.Finish()
	var since time.Time // when the last order was placed
	for ctx.Err() == nil {
		full := f.poll(ctx)
		if done(placed) {
			if since.IsZero() {
				since = time.Now()
			}
			open, _, last := f.book.waiting()
			if open == 0 || time.Since(later(since, last)) > patience {
				return
			}
		}
		if !full {
			sleep(ctx, pollPause)
		}
	}
}

// poll reads one page, and reports whether there is more to read. A server that is
// away is asked again, as long as run wants.
func (f *follower) poll(ctx context.Context) bool {
	var p page
	if err := f.door.send(ctx, f.door.ended(f.cursor, pollLimit), &p); err != nil {
		return false // the cursor stays: nothing is passed over
	}
	if p.Next != "" {
		f.cursor = p.Next
	}
	if len(p.Items) > 0 {
		f.book.ended(p.Items, time.Now())
		_, ended, _ := f.book.waiting()
		f.bar.Set(ended)
	}
	return len(p.Items) == pollLimit
}

// newBar returns a bar that counts ended orders, and shows nothing unless there is a
// terminal. Without a spinner's interval nothing draws it but Set: the library's own
// ticker races with it.
func newBar(o Options) *progressbar.ProgressBar {
	most, out := o.Orders, o.Progress
	if most == 0 {
		most = -1
	}
	if out == nil {
		out = io.Discard
	}
	return progressbar.NewOptions(most, progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionSetWriter(out),
		progressbar.OptionSetVisibility(o.Progress != nil), progressbar.OptionSetDescription("orders"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("orders"),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
