package audit

import "strings"

// letters checks that whatever is dead was said to be, that whoever decided on it is known,
// and that what was decided was done. Facts about dead messages are kept for a day at least:
// what died earlier may have outlived them.
func letters() promise {
	dead := func(what, which string) string {
		return eachPile(`SELECT 'dead letter {service}/' || k.id || ' (' || k.kind || ' ' || k.key || ') ` + what + ` FROM {table} k WHERE k.{dead} AND ` + which)
	}
	return promise{name: "every dead letter is accounted for", probes: []probe{
		// One that an operator edited was said to be dead under the id it had.
		{of: eachPile(`SELECT COUNT(*) FROM {table} k WHERE k.{dead}`), bad: dead(`died, and that was not said'`, `k.died >= {day}
			AND NOT EXISTS (SELECT 1 FROM fact_{service} f WHERE f.kind = 'DeadLettered' AND f.key = 'dead:' || k.id)
			AND NOT EXISTS (SELECT 1 FROM fact_{service} f WHERE f.kind = 'DeadLetterDecided' AND f.key = 'dead:' || k.replaces)`)},
		{bad: dead(`has the place of ' || k.replaces || ', whose body nobody has kept'`, `k.replaces <> '' AND k.died >= {day} AND NOT EXISTS (SELECT 1 FROM fact_{service} f
			WHERE f.kind = 'DeadLetterDecided' AND f.key = 'dead:' || k.replaces AND f.word = 'edit {service}/' || k.id AND f.n = 1)`)},
		// What was decided takes it away, until it dies again.
		{bad: dead(`was decided on, and lies there still'`, `k.died > 0 AND EXISTS (SELECT 1 FROM fact_{service} f
			WHERE f.kind = 'DeadLetterDecided' AND f.key = 'dead:' || k.id AND f.word IN ('redrive ', 'discard ') AND f.time > k.died)`)},
		{bad: dead(`has nothing that it died of'`, `k.died > 0 AND k.problem = ''`)},
		{of: eachService(`SELECT COUNT(*) FROM fact_{service} WHERE kind = 'DeadLetterDecided'`), bad: eachService(`SELECT '{service}: nobody is named for what was decided on ' || f.key
			FROM fact_{service} f WHERE f.kind = 'DeadLetterDecided' AND COALESCE(f.party, '') = ''`)},
	}}
}

// eachService joins a query for each service; one that counts is summed up.
func eachService(query string) string {
	var all []string
	for _, s := range services {
		all = append(all, strings.ReplaceAll(query, "{service}", s))
	}
	return union(all)
}

// eachPile joins a query for each table of each service in which dead messages lie.
func eachPile(query string) string {
	var all []string
	for _, s := range services {
		for _, pile := range [][2]string{{"parked", "state IN ('dead', 'released')"}, {"job", "dead <> 0"}} {
			all = append(all, strings.NewReplacer("{service}", s, "{table}", schema(s)+"."+pile[0], "{dead}", pile[1]).Replace(query))
		}
	}
	return union(all)
}

func union(all []string) string {
	if strings.HasPrefix(all[0], "SELECT COUNT(*)") {
		return "SELECT (" + strings.Join(all, ") + (") + ")"
	}
	return strings.Join(all, " UNION ALL ")
}
