package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidewire/tidewire/toolkit/store"
)

// exchanges are about an Exchanger. What one can do is asked of every driver.
func exchanges() []test {
	return []test{
		// Nothing is missing from the copy that the table was made with.
		{"a shadow is made as its table", func(k *desk) {
			k.indexed()
			k.must(k.shadow("counter"))
			k.must(k.exec(`INSERT INTO counter_shadow (name, n) VALUES ('a', 1)`))
			for _, wrong := range []string{`INSERT INTO counter_shadow (name, n) VALUES ('a', 2)`, `INSERT INTO counter_shadow (name, n) VALUES ('b', -1)`,
				`INSERT INTO counter_shadow (name, n) VALUES ('c', 1)`, `INSERT INTO counter_shadow (name) VALUES ('d')`} {
				if k.exec(wrong) == nil {
					k.Errorf("the shadow takes %s", wrong)
				}
			}
			k.wantCount("a", 0)
		}},
		{"there is no shadow of nothing", func(k *desk) {
			if k.shadow("nobody") == nil {
				k.Error("nobody has a shadow")
			}
		}},
		// Table and shadow change places, as often as one likes.
		{"an exchange gives each the name of the other", func(k *desk) {
			k.indexed()
			for i := range int64(4) {
				k.must(k.exec(`INSERT INTO counter (name, n) VALUES ('old', $1) ON CONFLICT (name) DO UPDATE SET n = excluded.n`, 100+i))
				k.must(k.shadow("counter"))
				k.must(k.exec(`INSERT INTO counter_shadow (name, n) VALUES ('new', $1)`, 200+i))
				k.must(k.exchange(k.d, "counter"))
				k.wantCount("new", 200+i)
				k.wantCount("old", 0)
				k.must(k.exec(`UPDATE counter_shadow SET n = n + 1 WHERE name = 'old'`))
				k.clear("counter", 1)
				if err := k.exec(`INSERT INTO counter (name, n) VALUES ('twice', $1)`, 200+i); err == nil {
					k.Error("the index of the table is not there any more")
				}
			}
		}},
		// Those who have the statement prepared are not told of what became of the table.
		{"who comes after it finds the other", func(k *desk) {
			other := k.again()
			k.must(k.update(other, nil, func(c store.Conn) error { return add(c, "a") }))
			k.must(k.shadow("counter"))
			k.must(k.exchange(k.d, "counter"))
			k.must(k.update(other, nil, func(c store.Conn) error { return add(c, "b") }))
			k.wantCount("a", 0)
			k.wantCount("b", 1)
		}},
		// What cannot be committed has exchanged nothing.
		{"an exchange that is undone", func(k *desk) {
			k.must(k.update(k.d, nil, func(c store.Conn) error { return add(c, "a") }))
			k.must(k.shadow("counter"))
			k.want(k.update(k.d, nil, func(c store.Conn) error {
				e := c.(store.Exchanger)
				return errors.Join(e.Seize("counter"), e.Exchange("counter"), errOwn)
			}), errOwn)
			k.wantCount("a", 1)
		}},
		// A View whose snapshot is older than the exchange does not meet the shadow, whether
		// it has read the table before or not.
		{"a View finds what its snapshot has", func(k *desk) {
			other := k.again()
			for _, before := range []bool{true, false} {
				name := fmt.Sprint("before", before)
				k.must(k.update(k.d, nil, func(c store.Conn) error { return add(c, name) }))
				k.must(k.shadow("counter"))
				ended := make(chan error, 1)
				var once sync.Once
				k.must(k.d.View(k.ctx, func(c store.Conn) error {
					if before {
						if n, err := read(c, name); err != nil || n != 1 {
							k.Errorf("read %d, %v before", n, err)
						}
					} else if err := c.Query(`SELECT count(*) FROM thing`, nil, func(func(...any) error) error { return nil }); err != nil {
						return err
					}
					once.Do(func() { go func() { ended <- k.exchange(other, "counter") }() })
					settle()
					n, err := read(c, name)
					if n != 1 {
						k.Errorf("read %d after, %v; want what was there", n, err)
					}
					return err
				}))
				k.must(<-ended)
				k.wantCount(name, 0)
				k.clear("counter", 10)
			}
		}},
		// A large shadow goes a little at a time.
		{"a shadow is cleared", func(k *desk) {
			k.must(k.shadow("counter"))
			for i := range 25 {
				k.must(k.exec(`INSERT INTO counter_shadow (name, n) VALUES ($1, 1)`, fmt.Sprint(i)))
			}
			if times := k.clear("counter", 10); times > 3 {
				k.Errorf("cleared in %d parts of 10, of 25 rows", times)
			}
			if k.exec(`SELECT n FROM counter_shadow`) == nil {
				k.Error("it is still there")
			}
			k.clear("counter", 10) // nothing
			k.must(k.shadow("counter"))
		}},
		{"a View exchanges nothing", func(k *desk) {
			k.want(store.Open("suite", k.d).View(k.ctx, func(tx *store.Tx) error {
				_, err := tx.Exchanger()
				return err
			}), store.ErrNoExchange)
		}},
	}
}

// indexed gives counter an index that refuses two of the same number.
func (k *desk) indexed() {
	k.Helper()
	k.must(k.exec(`CREATE UNIQUE INDEX counter_n ON counter (n) WHERE n > 0`))
}

func (k *desk) exec(query string, args ...any) error {
	return k.update(k.d, nil, func(c store.Conn) error { return c.Exec(query, args...) })
}

// exchanging runs do with what exchanges.
func (k *desk) exchanging(d store.Driver, do func(store.Exchanger) error) error {
	_, err := store.Open("suite", d).Update(k.ctx, nil, func(tx *store.Tx) error {
		e, err := tx.Exchanger()
		if err != nil {
			return err
		}
		return do(e)
	})
	return err
}

func (k *desk) shadow(table string) error {
	return k.exchanging(k.d, func(e store.Exchanger) error { return e.Shadow(table) })
}

// exchange tries as long as somebody is in the way.
func (k *desk) exchange(d store.Driver, table string) (err error) {
	for k.ctx.Err() == nil {
		err = k.exchanging(d, func(e store.Exchanger) error { return errors.Join(e.Seize(table), e.Exchange(table)) })
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		<-time.After(time.Millisecond)
	}
	return err
}

// clear clears a shadow, and returns how many changes that took.
func (k *desk) clear(table string, most int) (times int) {
	k.Helper()
	for gone := false; !gone; times++ {
		k.must(k.exchanging(k.d, func(e store.Exchanger) (err error) {
			gone, err = e.Clear(table, most)
			return err
		}))
	}
	return times
}
