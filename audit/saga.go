package audit

import (
	"fmt"
	"strings"
)

// sagas checks that no saga stands still, and that each is where its messages say. What a
// saga's steps are, only its owner knows: that they were asked for, and undone where they
// had to be, shows in the commands of its owner's journal, as long as those are kept.
func sagas() promise {
	const which = `'saga ' || s.saga || ' ' || s.id || ' of %[2]s`
	waiting, ended := "s.state IN ('running', 'undoing')", "s.state NOT IN ('running', 'undoing')"
	job := "EXISTS (SELECT 1 FROM %[1]s.job j WHERE j.id = 'deadline-' || s.id)"
	// By key: the last command, and how many kinds of commands there are.
	asked := "LEFT JOIN (SELECT key, COUNT(DISTINCT kind) AS kinds, MAX(time) AS last FROM %[1]s.journal WHERE class = 'command' GROUP BY key) c ON c.key = s.id"
	unsaid := ""
	for _, s := range services {
		unsaid += " AND NOT EXISTS (SELECT 1 FROM fact_" + s + " f WHERE f.kind = s.why AND f.key = s.id)"
	}
	return promise{name: "every saga goes on, or has ended", probes: []probe{
		{of: "SELECT SUM(n) FROM (" + everyService("SELECT COUNT(*) AS n FROM %[1]s.saga") + ") counted",
			bad: everyService(`SELECT ` + which + ` waits for ' || s.step || ' and has no deadline' FROM %[1]s.saga s WHERE ` + waiting + ` AND NOT ` + job)},
		{bad: everyService(`SELECT ` + which + ` is ' || s.state || ' and still has a deadline' FROM %[1]s.saga s WHERE ` + ended + ` AND ` + job)},
		{bad: everyService(`SELECT ` + which + ` is ' || s.state || ' at step "' || s.step || '", turned back at "' || s.turned || '" by "' || s.why || '"' FROM %[1]s.saga s
			WHERE s.state NOT IN ('running', 'undoing', 'completed', 'undone', 'closed') OR (s.step = '') = (` + waiting + `)
				OR (s.turned = '') <> (s.why = '') OR s.state IN ('undoing', 'undone') AND s.turned = '' OR s.state IN ('running', 'completed') AND s.turned <> ''`)},
		{bad: everyService(`SELECT ` + which + ` waits since ' || s.since || ', after ' || s.tries || ' tries, and began at ' || s.started FROM %[1]s.saga s WHERE s.since < s.started OR s.tries < 1`)},
		{bad: everyService(`SELECT ` + which + ` waits for ' || s.step || ' since ' || s.since || ', and nobody was asked' FROM %[1]s.saga s ` + asked + `
			WHERE ` + waiting + ` AND s.since > {day} AND (c.last IS NULL OR c.last < s.since)`)},
		// In doubt, a step is asked for and undone. Of one that was refused, those before it are
		// undone: there are none, or one was asked for, this one, and the undo of the other.
		{bad: everyService(`SELECT ` + which + ` turned back at ' || s.turned || ' by ' || s.why || ', and undid nothing' FROM %[1]s.saga s ` + asked + `
			WHERE s.state IN ('undoing', 'undone') AND s.started > {day} AND (s.why IN ('Overdue', 'CalledOff') AND COALESCE(c.kinds, 0) < 2 OR COALESCE(c.kinds, 0) IN (0, 2) AND s.why NOT IN ('Overdue', 'CalledOff'))`)},
		{bad: everyService(`SELECT ` + which + ` turned back by ' || s.why || ', which nobody has said of it' FROM %[1]s.saga s
			WHERE s.why NOT IN ('', 'Overdue', 'CalledOff') ` + unsaid)},
	}}
}

// everyService puts a query for each service together: the first of its arguments is the
// schema, the second the name.
func everyService(query string) string {
	all := make([]string, len(services))
	for i, s := range services {
		all[i] = fmt.Sprintf(query, schema(s), s)
	}
	return strings.Join(all, " UNION ALL ")
}
