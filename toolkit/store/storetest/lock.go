package storetest

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

func locks() []test {
	return []test{
		// What a change reads first is what the last one wrote.
		{"are locked before Run, against every process", func(k *desk) {
			k.race(func(c store.Conn) error { return add(c, "a") }, "a")
			k.wantCount("a", 100)
		}},
		// A lock that is taken late still sees the last commit.
		{"can be locked in the middle", func(k *desk) {
			k.race(func(c store.Conn) error {
				if err := add(c, "own"); err != nil { // takes the snapshot that a lock must not be older than
					return err
				}
				if err := c.Lock("a"); err != nil {
					return err
				}
				return add(c, "a")
			}, "own")
			k.wantCount("a", 100)
		}},
		// Snapshots alone let both of two changes pass a check.
		{"hold what is decided on more rows than are written", writeSkew},
		// Locks in the order of the callers would deadlock.
		{"many in any order neither deadlock nor starve", manyKeys},
		// A key that is named twice does not wait for itself.
		{"that are the same are one", func(k *desk) {
			k.must(k.update(k.d, []string{"a", "b", "a"}, func(c store.Conn) error {
				if err := c.Lock("a", "a"); err != nil {
					return err
				}
				return add(c, "a")
			}))
		}},
		// A change that ends badly leaves no lock behind.
		{"are free after an error, a panic and a commit", func(k *desk) {
			for _, o := range offenders()[:3] {
				if err := k.update(k.d, []string{"a"}, func(c store.Conn) error { return o.run(k, c, func() {}) }); !o.want(err) {
					k.Errorf("a change that %s: %v", o.name, err)
				}
				k.within(time.Second, func() {
					k.must(k.update(k.again(), []string{"a"}, func(c store.Conn) error { return add(c, "a") }))
				})
			}
		}},
		// One slow order holds up no other one.
		{"of others do not wait", func(k *desk) {
			if a, ok := k.d.(store.Alone); ok && a.Alone() {
				k.Skip("one writer: every change waits for the one before")
			}
			release := k.hold("a")
			defer release()
			k.must(k.update(k.again(), []string{"b"}, func(c store.Conn) error { return add(c, "b") }))
		}},
	}
}

// race runs a change 100 times under a key, on two drivers at once.
func (k *desk) race(run func(store.Conn) error, key string) {
	var wg sync.WaitGroup
	for _, d := range []store.Driver{k.d, k.again()} {
		for range 5 {
			wg.Go(func() {
				for range 10 {
					if err := k.update(d, []string{key}, run); err != nil {
						k.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}

// writeSkew: two accounts may together hold no less than 0; each change reads both and
// writes one. Only the lock of the key makes the second one see the first.
func writeSkew(k *desk) {
	other := k.again()
	for range 20 {
		k.must(k.update(k.d, []string{"pair"}, func(c store.Conn) error {
			return c.Exec(`INSERT INTO counter (name, n) VALUES ('left', 1), ('right', 1) ON CONFLICT (name) DO UPDATE SET n = 1`)
		}))
		var wg sync.WaitGroup
		for name, d := range map[string]store.Driver{"left": k.d, "right": other} {
			wg.Go(func() {
				if err := k.update(d, []string{"pair"}, func(c store.Conn) error { return take(c, name) }); err != nil {
					k.Error(err)
				}
			})
		}
		wg.Wait()
		if sum := k.count("left") + k.count("right"); sum != 1 {
			k.Fatalf("the two hold %d, want 1: both saw the other's", sum)
		}
	}
}

// take takes one from name, if the pair still has two.
func take(c store.Conn, name string) error {
	left, err := read(c, "left")
	if err != nil {
		return err
	}
	right, err := read(c, "right")
	if err != nil || left+right < 2 {
		return err
	}
	return c.Exec(`UPDATE counter SET n = n - 1 WHERE name = $1`, name)
}

func manyKeys(k *desk) {
	const workers, rounds, keys = 4, 8, 30
	all := ids("key", 2*keys)
	var wg sync.WaitGroup
	k.within(10*time.Second, func() {
		for _, d := range []store.Driver{k.d, k.again()} {
			for range workers {
				wg.Go(func() {
					for range rounds {
						mine := shuffled(all)[:keys]
						err := k.update(d, mine, func(c store.Conn) error {
							for _, key := range mine {
								if err := c.Exec(`INSERT INTO counter (name, n) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET n = counter.n + 1`, key); err != nil {
									return err
								}
							}
							return nil
						})
						if err != nil {
							k.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
	})
	sum := int64(0)
	for _, key := range all {
		sum += k.count(key)
	}
	if want := int64(2 * workers * rounds * keys); sum != want {
		k.Errorf("counted %d, want %d", sum, want)
	}
}

func shuffled(all []string) []string {
	mine := append([]string(nil), all...)
	rand.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
	return mine
}
