package audit

import (
	"fmt"
	"time"
)

const promiseLetters = "every dead letter is accounted for"

// A grave is a dead letter that is all as it should be, but for what a plant does.
type grave struct {
	service, id string
	parked      bool
	replaces    string
	said        bool // to be dead
	named       bool // its problem
}

// dig buries a letter that has just died.
func (g grave) dig(p *platform) {
	died, problem := time.Now().UnixMicro(), ""
	if g.named {
		problem = "no such thing"
	}
	if g.parked {
		p.exec(g.service, `INSERT INTO parked (subscription, log, partition, seq, id, kind, class, key, version, time, cause, trace, body, state, due, problem, died, replaces)
			VALUES ($1, 'nowhere', 1, $2, $3, 'Fact', 'public', $3, 0, 0, '', '', '{}', 'dead', 0, $4, $5, $6)`, g.service, died, g.id, problem, died, g.replaces)
	} else {
		p.exec(g.service, `INSERT INTO job (id, queue, kind, key, time, cause, trace, body, due, dead, problem, died, replaces)
			VALUES ($1, 'nowhere', 'Work', $1, 0, '', '', '{}', 0, 1, $2, $3, $4)`, g.id, problem, died, g.replaces)
	}
	if g.said {
		p.say(g.service, "DeadLettered", "dead:"+g.id, 0, map[string]any{"letter": g.service + "/" + g.id})
	}
}

// decides says what an operator did with a letter, when it is later than now.
func decides(p *platform, service, id string, body map[string]any, later time.Duration) {
	seq := p.say(service, "DeadLetterDecided", "dead:"+id, 0, body)
	p.exec(service, `UPDATE journal SET time = $1 WHERE seq = $2`, time.Now().Add(later).UnixMicro(), seq)
}

// buried are wrongs of dead letters, in every table that they lie in.
func buried() (all []plant) {
	for _, parked := range []bool{true, false} {
		good := grave{service: "shipping", id: "a-1", parked: parked, said: true, named: true}
		with := func(change func(*grave), then func(*platform)) func(*platform) {
			return func(p *platform) {
				g := good
				change(&g)
				g.dig(p)
				if then != nil {
					then(p)
				}
			}
		}
		of := func(name string) string { return fmt.Sprint(name, ", parked: ", parked) }
		edit := map[string]any{"who": "eve", "act": "edit", "became": "shipping/a-1", "body": map[string]any{"n": 1}}
		all = append(all,
			plant{name: of("died unsaid"), promise: promiseLetters, example: "a-1) died, and that was not said", do: with(func(g *grave) { g.said = false }, nil)},
			plant{name: of("has no problem"), promise: promiseLetters, example: "has nothing that it died of", do: with(func(g *grave) { g.named = false }, nil)},
			plant{name: of("was redriven, and lies there"), promise: promiseLetters, example: "was decided on, and lies there still", do: with(func(*grave) {}, func(p *platform) {
				decides(p, "shipping", "a-1", map[string]any{"who": "eve", "act": "redrive"}, time.Second)
			})},
			plant{name: of("was discarded, and lies there"), promise: promiseLetters, example: "was decided on, and lies there still", do: with(func(*grave) {}, func(p *platform) {
				decides(p, "shipping", "a-1", map[string]any{"who": "eve", "act": "discard"}, time.Second)
			})},
			plant{name: of("was edited by nobody"), promise: promiseLetters, example: "has the place of a-0, whose body nobody has kept", do: with(func(g *grave) { g.replaces = "a-0" }, nil)},
			plant{name: of("was edited, and the old body is lost"), promise: promiseLetters, example: "has the place of a-0, whose body nobody has kept", do: with(func(g *grave) { g.replaces = "a-0" }, func(p *platform) {
				decides(p, "shipping", "a-0", map[string]any{"who": "eve", "act": "edit", "became": "shipping/a-1"}, time.Second)
			})},
			plant{name: of("was edited, and another took its place"), promise: promiseLetters, example: "has the place of a-0, whose body nobody has kept", do: with(func(g *grave) { g.replaces = "a-0" }, func(p *platform) {
				decides(p, "shipping", "a-0", map[string]any{"who": "eve", "act": "edit", "became": "shipping/a-2", "body": edit["body"]}, time.Second)
			})},
			plant{name: of("was decided on by nobody"), promise: promiseLetters, example: "shipping: nobody is named for what was decided on dead:a-7", do: func(p *platform) {
				decides(p, "shipping", "a-7", map[string]any{"who": "", "act": "discard"}, time.Second)
			}})
	}
	return append(all, plant{name: "was redriven, and got lost", promise: promiseEffect, example: "PaymentProcessed of payment blocked was passed by inventory", do: func(p *platform) {
		var id string
		if err := p.dbs["payment"].QueryRow(`SELECT id FROM journal WHERE kind = 'PaymentProcessed' AND key = 'blocked'`).Scan(&id); err != nil {
			p.t.Fatal(err)
		}
		p.exec("inventory", `DELETE FROM parked WHERE key = 'blocked'`)
		decides(p, "inventory", id, map[string]any{"who": "eve", "act": "redrive"}, 0)
	}})
}
