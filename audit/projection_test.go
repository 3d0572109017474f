package audit

const promiseAnew = "what is made anew is whole"

// halfMade are wrongs of rebuilds.
func halfMade() []plant {
	begun := func(state string) func(*platform) {
		return in("order", `INSERT INTO rebuild (projection, state, compares, who, why, asked, digest, live) VALUES ('orders', '`+state+`', 1, 'ann', '', 1, 'a', 'b')`)
	}
	at := func(log, id string, seq int64) func(*platform) {
		return in("order", `INSERT INTO rebuild_position (projection, log, partition, identity, seq, id) VALUES ('orders', '`+log+`', 3, '', $1, '`+id+`')`, seq)
	}
	both := func(do ...func(*platform)) func(*platform) {
		return func(p *platform) {
			for _, d := range do {
				d(p)
			}
		}
	}
	return []plant{
		{name: "a shadow that nobody fills", promise: promiseAnew, example: "order has a table orders_shadow", do: in("order", `CREATE TABLE orders_shadow (id TEXT)`)},
		{name: "a shadow of a rebuild that is over", promise: promiseAnew, example: "analytics has a table sale_shadow", do: both(in("analytics", `CREATE TABLE sale_shadow (id TEXT)`),
			in("analytics", `INSERT INTO rebuild (projection, state, compares, who, why, asked) VALUES ('analytics', 'done', 0, 'ann', '', 1)`))},
		{name: "positions of no rebuild", promise: promiseAnew, example: "has positions of payment, and does not go on", do: at("payment", "", 0)},
		{name: "a rebuild of one partition", promise: promiseAnew, example: "reads 1 partitions of payment", do: both(begun("folding"), at("payment", "", 0))},
		{name: "a rebuild of another log", promise: promiseAnew, example: "on message other, there is none", do: both(begun("folding"), at("shipping", "other", 999_999))},
		{name: "exchanged and not compared", promise: promiseAnew, example: "nobody knows what they were", do: both(begun("done"), in("order", `UPDATE rebuild SET live = '', compares = 0`))},
		{name: "compared and not mended", promise: promiseAnew, example: "not what their events come to", do: begun("done")},
	}
}
