package mysql_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has random tests try less often than elsewhere, unless -rapid.checks says how often: here each try costs a second.
func TestMain(m *testing.M) {
	if often := flag.Lookup("rapid.checks"); often.Value.String() == often.DefValue {
		if err := often.Value.Set("15"); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}
