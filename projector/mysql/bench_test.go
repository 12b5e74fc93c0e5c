package mysql_test

import (
	"fmt"
	"testing"

	"parley/domain"
	"parley/projector"
	"parley/projector/mysql/mysqltest"
)

// A thousand applications, of as many people, that are answered in one batch.
func BenchmarkAnswered(b *testing.B) {
	s := open(b, mysqltest.DSN(b))
	if err := s.Prepare(b.Context(), true); err != nil {
		b.Fatal(err)
	}
	asked, answered := projector.Batch{}, projector.Batch{}
	for i := range 1000 {
		row := toJoin(domain.InGroup(domain.GroupID(fmt.Sprint("g", i%50))), i)
		asked.Applies, answered.Answered = append(asked.Applies, row), append(answered.Answered, row.ApplyKey)
	}
	var at domain.Position
	commit := func(batch projector.Batch) {
		batch.From, batch.To = at, domain.Position{Epoch: "e", Seq: at.Seq + 1}
		if err := s.Commit(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		at = batch.To
	}
	for b.Loop() {
		b.StopTimer()
		commit(asked)
		b.StartTimer()
		commit(answered)
	}
}
