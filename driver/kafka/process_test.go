package kafka_test

import (
	"testing"
	"time"

	"github.com/tidewire/tidewire/toolkit/run"
	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/store/storetest"
)

// Three processes forward and read one journal. One of them is stopped past its lease again
// and again, with messages in hand, and goes on with what it remembers; others are killed.
// Nothing is lost or done twice, and each key keeps its order.
func TestProcessesStoppedAndKilled(t *testing.T) {
	if _, place, child := storetest.Child(); child {
		y := openYard(t, onPostgres(), place)
		y.forward()
		y.follow(nil)
		run.NewIdler(true).Wait(t.Context(), nil)
		select {} // until it is killed
	}
	y := newYard(t, onPostgres())
	y.forward()
	y.follow(nil)
	both := func() bool {
		n := 0
		err := y.source.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Row([]any{&n}, `SELECT count(DISTINCT owner) FROM position WHERE subscription = 'kafka' AND owner <> ''`)
			return err
		})
		return err == nil && n == 2
	}
	for range 2 {
		p := storetest.Start(t, "forward and read", y.place)
		storetest.Await(t, "two that forward", both)
		for range 2 {
			y.say(150)
			p.Stop()
			y.say(150)
			y.wantAll() // what it had is taken over
			p.Continue()
			y.say(50)
			y.wantAll()
		}
		y.say(200)
		<-time.After(20 * time.Millisecond)
		p.Kill()
		_ = p.Wait()
		y.wantAll()
	}
}
