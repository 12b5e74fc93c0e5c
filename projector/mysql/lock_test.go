package mysql_test

import (
	"context"
	"strings"
	"testing"

	"parley/projector/projectortest"
)

// Whose lock was lost does not swap, even right after: the tables beside may be somebody else's.
func TestNoSwapWithoutTheLock(t *testing.T) {
	s, db, log := told(t, 1)
	projectortest.Fold(t, log, s, projectortest.Quick())
	was := generation(t, db)
	fresh, err := s.Beside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	err = fresh.Swap(t.Context(), func(context.Context) error {
		var id int64
		if err := db.QueryRow("SELECT IS_USED_LOCK(CONCAT('parley.beside.', LEFT(SHA1(DATABASE()), 16)))").Scan(&id); err != nil {
			return err
		}
		_, err := db.Exec("KILL ?", id)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "the lock on the tables beside was lost") {
		t.Errorf("Swap: %v", err)
	}
	if generation(t, db) != was {
		t.Error("the tables were swapped")
	}
}
