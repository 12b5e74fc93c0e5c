package main

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/projector/mysql/mysqltest"
)

// TestTablesDroppedWhileRunning drops every table under a running server: the read models come back by themselves, row for row.
func TestTablesDroppedWhileRunning(t *testing.T) {
	dsn := mysqltest.DSN(t)
	p := start(t, "--data", t.TempDir(), "--mysql", dsn, "--log.sync", "100ms")
	said := converse(t, []string{p.url}, []string{"websocket"})
	before := dump(t, dsn)
	dropAll(t, dsn)
	sameRows(t, dsn, before)
	said.inHistory(t)
}

// TestMemoryIsMadeAgain restarts a server whose read models are in memory.
func TestMemoryIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "--data", dir, "--log.sync", "100ms")
	said := converse(t, []string{p.url}, []string{"websocket"})
	must(t, p.stop())
	p = start(t, "--data", dir, "--log.sync", "100ms")
	for _, u := range said.users {
		u.url = p.url
	}
	said.inHistory(t)
}

// dump gives all rows of all tables, by table.
func dump(t *testing.T, dsn string) map[string][]string {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	tables := map[string][]string{}
	for _, name := range tableNames(t, db) {
		rows, err := db.Query("SELECT * FROM `" + name + "`")
		if err != nil {
			return map[string][]string{} // dropped, or being made
		}
		columns, err := rows.Columns()
		must(t, err)
		tables[name] = []string{}
		for rows.Next() {
			values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			must(t, rows.Scan(into...))
			row := make([]string, len(columns))
			for i, v := range values {
				row[i] = fmt.Sprintf("%s=%q", columns[i], v)
			}
			tables[name] = append(tables[name], strings.Join(row, " "))
		}
		rows.Close()
		if rows.Err() != nil {
			return map[string][]string{} // dropped meanwhile
		}
		slices.Sort(tables[name])
	}
	return tables
}

func tableNames(t *testing.T, db *sql.DB) (names []string) {
	t.Helper()
	rows, err := db.Query("SHOW TABLES")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		names = append(names, name)
	}
	return names
}

func dropAll(t *testing.T, dsn string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	defer db.Close()
	names := tableNames(t, db)
	if len(names) < 5 {
		t.Fatalf("only %d tables to drop: %v", len(names), names)
	}
	_, err = db.Exec("DROP TABLE `" + strings.Join(names, "`, `") + "`")
	must(t, err)
}

// sameRows waits until the tables hold what they held.
func sameRows(t *testing.T, dsn string, want map[string][]string) {
	t.Helper()
	if len(want["messages"]) == 0 || len(want["members"]) == 0 || len(want["checkpoints"]) == 0 {
		t.Fatalf("nothing to compare with: %v", want)
	}
	var differs string
	defer func() {
		if differs != "" {
			t.Log(differs)
		}
	}()
	eventually(t, "the tables are what they were", func() bool {
		differs = difference(dump(t, dsn), want)
		return differs == ""
	})
}

func difference(got, want map[string][]string) string {
	for name, rows := range want {
		if !slices.Equal(got[name], rows) {
			return fmt.Sprintf("%s has %d rows, want %d\ngot  %v\nwant %v", name, len(got[name]), len(rows), got[name], rows)
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d tables, want %d", len(got), len(want))
	}
	return ""
}
