package streamtest

import (
	"strings"

	"github.com/tidewire/tidewire/toolkit/store"
	"github.com/tidewire/tidewire/toolkit/stream"
)

// others: a log that is not the one that was read stops its partitions and says why.
// Nothing is skipped.
func others() []test {
	var tests []test
	for _, tt := range []struct{ name, spoil, want string }{
		// Positions of the old log would skip the new one's messages.
		{"of another identity stops the partition", `UPDATE identity SET id = 'another'`, "wiped or replaced"},
		// What was lost with the rest would be skipped when it is said anew.
		{"that ends below the position stops the partition", `DELETE FROM journal`, "restored to an earlier state"},
		// The same sequence, and another history.
		{"with another message at the position stops the partition", `UPDATE journal SET id = 'other' || seq`, "restored and has gone on"},
	} {
		tests = append(tests, test{tt.name, func(k *desk) {
			k.append("a", counted{0})
			stop := k.start(k.reader(do))
			k.awaitEffects("a", 0)
			stop()
			k.update(k.source, func(tx *store.Tx) error { return tx.Exec(tt.spoil) })
			k.append("a", counted{1})
			k.append("a", ended{})
			k.anew()
			r := k.reader(do)
			// It can be told before a reader has looked, and is told by all afterwards.
			early, err := stream.Strange(k.Context(), k.target, r.Name, r.Log)
			if k.must(err); early.Log != r.Name || early.Partitions != 1 || !strings.Contains(early.Why, tt.want) {
				k.Errorf("compared: got %+v, want one partition, and a reason with %q", early, tt.want)
			}
			if all, err := stream.Stopped(k.Context(), k.target); err != nil || len(all) != 0 {
				k.Errorf("before a reader has looked: got %v, %v, want nothing stopped", all, err)
			}
			k.start(r)
			var why string
			k.await("a reason", func() bool {
				k.must(k.target.View(k.Context(), func(tx *store.Tx) error {
					_, err := tx.Row([]any{&why}, `SELECT stopped FROM position WHERE partition = $1`, store.Partition("a"))
					return err
				}))
				return why != ""
			})
			if !strings.Contains(why, tt.want) {
				k.Errorf("stopped with %q, want a reason with %q", why, tt.want)
			}
			all, err := stream.Stopped(k.Context(), k.target)
			if want := (stream.Standstill{Log: r.Name, Partitions: 1, Why: why}); err != nil || len(all) != 1 || all[0] != want {
				k.Errorf("got %+v, %v, want %+v", all, err, want)
			}
			k.awaitEffects("a", 0)
		}})
	}
	tests = append(tests, test{"that was put back is read on by the next reader", func(k *desk) {
		k.append("a", counted{0})
		stop := k.start(k.reader(do))
		k.awaitEffects("a", 0)
		stop()
		k.update(k.source, func(tx *store.Tx) error { return tx.Exec(`UPDATE identity SET id = 'another' || id`) })
		k.append("a", counted{1})
		k.anew()
		stopped := func() int { return k.one(`SELECT count(*) FROM position WHERE stopped <> ''`) }
		for range 2 { // the second reader looks again, and finds the same
			stop = k.start(k.reader(do))
			k.await("a stop", func() bool { return stopped() == 1 })
			stop()
		}
		k.update(k.source, func(tx *store.Tx) error { return tx.Exec(`UPDATE identity SET id = substr(id, 8)`) })
		k.anew()
		k.start(k.reader(do))
		k.awaitEffects("a", 0, 1)
		if n := stopped(); n != 0 {
			k.Errorf("%d partitions are still stopped", n)
		}
		r := k.reader(do)
		if same, err := stream.Strange(k.Context(), k.target, r.Name, r.Log); err != nil || same.Partitions != 0 {
			k.Errorf("compared: got %+v, %v, want nothing strange", same, err)
		}
	}})
	return append(tests, test{"that is the same goes on", func(k *desk) {
		k.numbers(30, 3)
		stop := k.start(k.reader(do))
		k.await("30 effects", func() bool { return k.one(`SELECT count(*) FROM effect`) == 30 })
		stop()
		k.close()
		k.open()
		k.append("key0", counted{30})
		k.start(k.reader(do))
		k.wantAll(31, 3)
	}})
}
