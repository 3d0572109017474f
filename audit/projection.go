package audit

import (
	"fmt"
	"strings"
)

// rebuilt are the services with tables that can be made anew, and the logs these are made of.
func rebuilt() map[string][]string {
	return map[string][]string{
		"analytics": {"order", "payment", "product", "user"},
		"order":     {"order", "payment", "inventory", "shipping"},
	}
}

// projections checks that what makes tables anew leaves nothing half done: its tables beside
// those in use and its positions are there as long as it goes on, and belong together. What
// is in the tables in use is the promise of each of them.
func (a *audit) projections() promise {
	var catalogue, shadows, left, short, strange, uncompared, unlike []string
	for _, s := range services {
		logs := rebuilt()[s]
		if logs == nil {
			continue
		}
		db := schema(s) + "."
		names := `(SELECT name FROM ` + db + `sqlite_master WHERE type = 'table')`
		if a.dialect.remote {
			names = `(SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables WHERE table_schema = '` + s + `')`
		}
		const running = `state IN ('asked', 'folding', 'clearing')`
		catalogue = append(catalogue, `SELECT name FROM `+names+` t`)
		shadows = append(shadows, `SELECT '`+s+` has a table '||t.name||', and nothing is made anew there' FROM `+names+` t
			WHERE t.name LIKE '%#_shadow' ESCAPE '#' AND NOT EXISTS (SELECT 1 FROM `+db+`rebuild WHERE `+running+`)`)
		left = append(left, `SELECT DISTINCT 'the rebuild of '||p.projection||' has positions of '||p.log||', and does not go on' FROM `+db+`rebuild_position p
			WHERE NOT EXISTS (SELECT 1 FROM `+db+`rebuild r WHERE r.projection = p.projection AND r.`+running+`)`)
		short = append(short, `SELECT 'the rebuild of '||projection||' reads '||COUNT(*)||' partitions of '||log FROM `+db+`rebuild_position GROUP BY projection, log HAVING COUNT(*) <> `+fmt.Sprint(partitions))
		for _, log := range logs {
			strange = append(strange, `SELECT 'the rebuild of '||p.projection||' stands at '||p.seq||' of '||p.log||' on message '||p.id||', there is '||COALESCE(j.id, 'none')
				FROM `+db+`rebuild_position p LEFT JOIN `+schema(log)+`.journal j ON j.partition = p.partition AND j.seq = p.seq
				WHERE p.log = '`+log+`' AND p.seq > 0 AND j.id IS DISTINCT FROM p.id`)
		}
		uncompared = append(uncompared, `SELECT 'the tables of '||projection||' were exchanged, and nobody knows what they were' FROM `+db+`rebuild WHERE state = 'done' AND live = '' AND digest <> ''`)
		unlike = append(unlike, `SELECT 'the tables of '||projection||' were found to be not what their events come to' FROM `+db+`rebuild WHERE state = 'done' AND compares = 1 AND live <> digest AND live <> ''`)
	}
	all := func(of []string) string { return strings.Join(of, " UNION ALL ") }
	return promise{name: "what is made anew is whole", probes: []probe{
		{of: `SELECT COUNT(*) FROM (` + all(catalogue) + `) tables`, bad: all(shadows)},
		{bad: all(left)}, {bad: all(short)}, {bad: all(strange)}, {bad: all(uncompared)}, {bad: all(unlike)},
	}}
}
