package audit

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openServer connects to a PostgreSQL that has a schema for each service.
func (a *audit) openServer() error {
	if _, err := a.folder(); err != nil {
		return err // the simulator's file is there
	}
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
		lines:  `"order".orders o, json_array_elements(o.lines::json) l(value)`,
		line:   func(member string) string { return fmt.Sprintf("(l.value ->> '%s')", member) },
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
	`CREATE TEMP TABLE simulator_charge (key TEXT PRIMARY KEY, n BIGINT, order_id TEXT, amount BIGINT, currency TEXT, status TEXT, reference TEXT)`,
	`CREATE TEMP TABLE simulator_refund (key TEXT PRIMARY KEY, n BIGINT, charge_key TEXT, order_id TEXT, amount BIGINT, currency TEXT, reference TEXT)`,
}

// columns of what is copied.
func columns(table string) []string {
	return map[string][]string{
		"call":   {"n", "key", "kind", "answer"},
		"charge": {"key", "n", "order_id", "amount", "currency", "status", "reference"},
		"refund": {"key", "n", "charge_key", "order_id", "amount", "currency", "reference"},
	}[table]
}

// beside opens the provider's file, which no PostgreSQL can see.
func (a *audit) beside() (*audit, error) {
	files := &audit{Options: Options{Data: a.Data}, ctx: a.ctx}
	folder, err := files.folder()
	if err != nil {
		return nil, err
	}
	if err := files.connectFiles(); err != nil {
		return nil, err
	}
	if err := files.attach(folder, "simulator"); err != nil {
		files.close()
		return nil, err
	}
	return files, nil
}

// copySimulator copies the provider's tables, of one moment.
func (a *audit) copySimulator(names ...string) error {
	files, err := a.beside()
	if err != nil {
		return err
	}
	defer files.close()
	if err := files.exec("BEGIN"); err != nil {
		return err
	}
	for _, name := range names {
		if err := a.copyTable(files, name); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) copyTable(files *audit, name string) error {
	in := inserter{audit: a, table: "simulator_" + name, columns: columns(name)}
	err := files.each("SELECT "+in.names()+" FROM simulator."+name, func(scan func(...any) error) error {
		row := make([]any, len(in.columns))
		for i := range row {
			row[i] = new(any)
		}
		if err := scan(row...); err != nil {
			return err
		}
		for i, v := range row {
			row[i] = *v.(*any)
		}
		return in.add(row...)
	})
	return errors.Join(err, in.close())
}
