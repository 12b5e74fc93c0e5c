package projector_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
	"parley/projector/memory"
	"parley/projector/projectortest"
)

// A log that was restored from a backup has the epoch that it had. That it has grown past the checkpoint again, by other events, is noticed
// all the same, and the rows are what this log says.
func TestRestoredLogThatHasGrownAgain(t *testing.T) {
	for name, grow := range map[string]func(n int) domain.Event{
		"messages": func(n int) domain.Event { return said("ann", "other", n) },
		"marks, of which the last alone is left": func(n int) domain.Event {
			if n == 0 {
				return said("ann", "other", n)
			}
			return domain.ReadMarked{By: "bob", Seq: uint64(n)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, backup, s := t.TempDir(), filepath.Join(t.TempDir(), "backup"), memory.New()
			open := func() *journal.Journal { return journaltest.Open(t, journaltest.Dir(dir)) }
			ab := domain.Direct("ann", "bob")
			add := func(j *journal.Journal, e domain.Event) {
				t.Helper()
				if _, err := j.Append(t.Context(), domain.Draft{Topic: ab, Event: e}); err != nil {
					t.Fatal(err)
				}
			}
			j := open()
			add(j, domain.FriendRequested{By: "ann"})
			add(j, domain.FriendAccepted{By: "bob"})
			for n := range 4 {
				add(j, said("ann", "kept", n))
			}
			journaltest.Close(t, j)
			copyFolder(t, backup, dir)

			j = open()
			for n := range 5 {
				add(j, said("ann", "lost", n))
			}
			projectortest.Fold(t, j, s, projectortest.Quick())
			journaltest.Close(t, j)

			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			copyFolder(t, dir, backup)
			j = open()
			for n := range 7 {
				add(j, grow(n))
			}
			_, stop := projectortest.Start(t, j, s, projectortest.Quick())
			projectortest.Until(t, "what is not in the log is gone", func() bool {
				seq, _, err := s.MessageSeq(t.Context(), j.Shard(ab), ab, "ann", "lost-0")
				return err == nil && seq == 0
			})
			projectortest.CatchUp(t, j, s)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			fresh := memory.New()
			projectortest.Fold(t, j, fresh, projectortest.Quick())
			projectortest.Same(t, projectortest.Answers(t, fresh), projectortest.Answers(t, s))
			if seq, _, err := s.MessageSeq(t.Context(), j.Shard(ab), ab, "ann", "other-0"); err != nil || seq == 0 {
				t.Errorf("what the log holds is not there: %v", err)
			}
		})
	}
}

func said(from domain.UserID, what string, n int) domain.Message {
	return domain.Message{From: from, ID: fmt.Sprint(what, "-", n), Msg: json.RawMessage(`"x"`)}
}

func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
