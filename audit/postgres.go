package audit

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openServer connects to a PostgreSQL that has a schema for each service.
func (a *audit) openServer() (err error) {
	config, err := pgx.ParseConfig(a.Database)
	if err != nil {
		return fmt.Errorf("the database is not one of PostgreSQL: %w", err)
	}
	// What the platform allows itself is too short for whoever looks at everything.
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	config.RuntimeParams["jit"] = "off"
	config.RuntimeParams["synchronous_commit"] = "off" // only its own temporary tables are written
	a.db = stdlib.OpenDB(*config)
	if a.conn, err = a.db.Conn(a.ctx); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	a.dialect = dialect{
		text: func(body, member string) string {
			return fmt.Sprintf("(convert_from(%s, 'UTF8')::json ->> '%s')", body, member)
		},
		member: func(text, member string) string { return fmt.Sprintf("(%s::json ->> '%s')", text, member) },
		rows: func(list string, members ...string) string {
			return fmt.Sprintf("(SELECT json_agg(json_build_array(v.value ->> '%s') ORDER BY v.n)::text FROM json_array_elements(%s::json) WITH ORDINALITY v(value, n))",
				strings.Join(members, "', v.value ->> '"), list)
		},
		second: func(time string) string {
			return fmt.Sprintf("CAST(FLOOR(EXTRACT(EPOCH FROM CAST(%s AS timestamptz))) AS BIGINT)", time)
		},
		lines: `json_array_elements(o.lines::json) l(value)`,
		line:  func(member string) string { return fmt.Sprintf("(l.value ->> '%s')", member) },
		goods: `analytics.sale s, json_each_text(s.lines::json) g(key, value)`, good: "g.key", quantity: "g.value",
		found: `SELECT w.word, p.seq FROM (SELECT DISTINCT word FROM spoken) w
			JOIN product.product p ON array_to_tsvector(string_to_array(p.words, ' ')) @@ CAST(w.word || ':*' AS tsquery)`,
		remote: true,
	}
	for _, ddl := range simulated {
		if err := a.exec(ddl); err != nil {
			return err
		}
	}
	return nil
}

// simulated are the provider's tables, of which a copy is made.
var simulated = [...]string{
	`CREATE TEMP TABLE simulator_call (n BIGINT, key TEXT, kind TEXT, answer TEXT)`,
	`CREATE TEMP TABLE simulator_charge (key TEXT PRIMARY KEY, n BIGINT, order_id TEXT, amount BIGINT, currency TEXT, status TEXT, reference TEXT, at BIGINT)`,
	`CREATE TEMP TABLE simulator_hold (key TEXT PRIMARY KEY, n BIGINT, order_id TEXT, amount BIGINT, currency TEXT, method TEXT, reference TEXT, at BIGINT)`,
	`CREATE TEMP TABLE simulator_refund (key TEXT PRIMARY KEY, n BIGINT, charge_key TEXT, order_id TEXT, amount BIGINT, currency TEXT, reference TEXT, at BIGINT)`,
}
