package audit

import "time"

const promiseSaga = "every saga goes on, or has ended"

// conducted are sagas of the order service: one that waits, one in the middle of being
// undone, and one for each end.
func (p *platform) conducted() {
	p.command("Book", "saga-runs")
	p.saga("saga-runs", "running", "book", "", "")
	p.job("order", "order_sagas", "deadline", "saga-runs", time.Hour)
	for _, kind := range []string{"Book", "Pay", "Unbook"} {
		p.command(kind, "saga-undoes")
		p.command(kind, "saga-undone")
	}
	p.saga("saga-undoes", "undoing", "book", "pay", "CalledOff")
	p.job("order", "order_sagas", "deadline", "saga-undoes", time.Hour)
	p.say("payment", "Declined", "saga-undone", 0, nil)
	p.saga("saga-undone", "undone", "", "pay", "Declined")
	p.command("Book", "saga-completed")
	p.saga("saga-completed", "completed", "", "", "")
	p.command("Book", "saga-closed")
	p.say("payment", "Stopped", "saga-closed", 0, nil)
	p.saga("saga-closed", "closed", "", "book", "Stopped")
}

// command sends one from the order service.
func (p *platform) command(kind, key string) {
	p.say("order", kind, key, 0, nil)
	p.exec("order", `UPDATE journal SET class = 'command' WHERE seq = $1`, p.seqs["order"])
}

// saga writes where a saga stands, since the last command.
func (p *platform) saga(id, state, step, turned, why string) {
	p.exec("order", `INSERT INTO saga (id, saga, state, step, turned, why, tries, started, since)
		SELECT $1, 'journey', $2, $3, $4, $5, 1, MIN(time), MAX(time) FROM journal WHERE key = $6`, id, state, step, turned, why, id)
}

func sagaPlants() []plant {
	plants := []plant{
		{name: "a saga without a deadline", example: "saga-runs of order waits for book and has no deadline", do: in("order", `DELETE FROM job WHERE id = 'deadline-saga-runs'`)},
		{name: "an undo without a deadline", example: "saga-undoes of order waits for book and has no deadline", do: in("order", `DELETE FROM job WHERE id = 'deadline-saga-undoes'`)},
		{name: "a deadline of a saga that has ended", example: "saga-completed of order is completed and still has a deadline", do: func(p *platform) {
			p.job("order", "order_sagas", "deadline", "saga-completed", time.Hour)
		}},
		{name: "a saga in no state", example: "saga-runs of order is lost", do: in("order", `UPDATE saga SET state = 'lost' WHERE id = 'saga-runs'`)},
		{name: "a saga that has ended and waits", example: `saga-closed of order is closed at step "book"`, do: in("order", `UPDATE saga SET step = 'book' WHERE id = 'saga-closed'`)},
		{name: "a saga that waits for nothing", example: `saga-runs of order is running at step ""`, do: in("order", `UPDATE saga SET step = '' WHERE id = 'saga-runs'`)},
		{name: "undone and never turned back", example: `saga-undone of order is undone at step "", turned back at "" by ""`, do: in("order", `UPDATE saga SET turned = '', why = '' WHERE id = 'saga-undone'`)},
		{name: "turned back by nothing", example: `saga-undone of order is undone at step "", turned back at "pay" by ""`, do: in("order", `UPDATE saga SET why = '' WHERE id = 'saga-undone'`)},
		{name: "completed and turned back", example: `saga-completed of order is completed at step "", turned back at "pay"`, do: in("order", `UPDATE saga SET turned = 'pay', why = 'CalledOff' WHERE id = 'saga-completed'`)},
		{name: "a saga that waits since before it began", example: "saga-runs of order waits since", do: in("order", `UPDATE saga SET since = started - 1 WHERE id = 'saga-runs'`)},
		{name: "a saga that nobody was asked for", example: "saga-runs of order waits for book since", do: in("order", `DELETE FROM journal WHERE key = 'saga-runs'`)},
		{name: "a saga whose last command is lost", example: "and nobody was asked", do: in("order", `DELETE FROM journal WHERE key = 'saga-undoes' AND kind = 'Unbook'`)},
		{name: "a step in doubt that was not undone", example: "saga-undoes of order turned back at pay by CalledOff, and undid nothing", do: in("order", `DELETE FROM journal WHERE key = 'saga-undoes' AND kind <> 'Book'`)},
		{name: "a step before a refusal that was not undone", example: "saga-undone of order turned back at pay by Declined, and undid nothing", do: in("order", `DELETE FROM journal WHERE key = 'saga-undone' AND kind = 'Unbook'`)},
		{name: "closed somewhere by nothing", example: `saga-closed of order is closed at step "", turned back at "book" by ""`, do: in("order", `UPDATE saga SET why = '' WHERE id = 'saga-closed'`)},
		{name: "closed by what nobody has said", example: "saga-closed of order turned back by Stopped, which nobody has said of it", do: in("payment", `DELETE FROM journal WHERE key = 'saga-closed'`)},
		{name: "a refusal that nobody has said", example: "saga-undone of order turned back by Declined, which nobody has said of it", do: in("payment", `DELETE FROM journal WHERE key = 'saga-undone'`)},
	}
	for i := range plants {
		plants[i].promise = promiseSaga
	}
	return plants
}
