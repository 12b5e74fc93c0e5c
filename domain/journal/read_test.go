package journal_test

import (
	"testing"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

func openOne(t *testing.T) *journal.Journal { return journaltest.Open(t) }

// all reads the whole log, shard by shard.
func all(t *testing.T, j *journal.Journal) (records []domain.Record) {
	t.Helper()
	for shard := range j.Shards() {
		_, err := j.Read(within(t), shard, domain.Position{}, func(batch []domain.Record) error {
			records = append(records, batch...)
			return nil
		})
		if err != nil {
			t.Fatalf("read shard %d: %v", shard, err)
		}
	}
	return records
}
