package mysqltest

import (
	"database/sql"
	"testing"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	one, two := DSN(t), DSN(t)
	if one == two {
		t.Fatalf("twice %s", one)
	}
	for _, dsn := range []string{one, two} {
		db, err := sql.Open("mysql", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("CREATE TABLE t (i INT)"); err != nil {
			t.Errorf("the database is not empty: %v", err)
		}
	}
}

func TestDatabaseOfDSN(t *testing.T) {
	for dsn, want := range map[string]string{
		"root@unix(/tmp/s)/":                   "root@unix(/tmp/s)/x",
		"u:p/w@tcp(h:1)/old?tls=true&loc=A%2F": "u:p/w@tcp(h:1)/x?tls=true&loc=A%2F",
		"u:p@tcp([::1]:1)/old":                 "u:p@tcp([::1]:1)/x",
	} {
		if got := in(dsn, "x"); got != want {
			t.Errorf("%s: %s, want %s", dsn, got, want)
		}
	}
}
