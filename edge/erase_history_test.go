package edge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/domain"
	"parley/domain/journal/journaltest"
	"parley/projector/memory"
	"parley/projector/projectortest"
)

// However people have lived together, and whoever of them is erased, what the read models say is the same before what those have said is out of the log and
// after it, but for what those themselves would be told; and it is what they say that are made anew from what is left.
func TestErasuresLeaveTheReadModelsAsTheyAre(t *testing.T) {
	for _, shards := range []int{1, 3} {
		for seed := range 6 {
			t.Run(fmt.Sprint(shards, " shards, history ", seed), func(t *testing.T) {
				w := newLog(t, journaltest.Open(t, journaltest.Shards(shards), quiet))
				w.live(rapid.Custom(func(t *rapid.T) *projectortest.Log {
					log := projectortest.NewLog(shards)
					h := projectortest.NewHistory(log)
					h.Go(t, 70)
					for _, u := range projectortest.People[:1+seed%3] {
						log.Append(domain.About(u), domain.PersonErased{}, time.Hour)
						h.Go(t, 10)
					}
					return log
				}).Example(seed))
				w.project()
				w.fold()
				gone, err := w.views.Erasing(t.Context())
				must(t, err)
				slices.Sort(gone)
				if len(gone) == 0 {
					t.Fatal("nobody is being erased")
				}
				for _, u := range gone {
					w.part(u)
				}
				for _, u := range gone {
					if seed%2 > 0 {
						w.late(u)
					}
				}
				w.fold()
				before := projectortest.Answers(t, w.views)
				w.edge(erasing)
				eventually(t, "all are erased", func() bool {
					w.fold()
					left, err := w.views.Erasing(t.Context())
					return err == nil && len(left) == 0
				})
				w.fold() // what was said in other shards before that
				after := projectortest.Answers(t, w.views)
				anew := memory.New()
				projectortest.Fold(t, w.journal, anew, projectortest.Quick())
				projectortest.Same(t, after, projectortest.Answers(t, anew))
				for _, answers := range []map[string]string{before, after} {
					for question := range answers {
						if me := strings.TrimSuffix(strings.Fields(question)[1], ","); slices.Contains(gone, domain.UserID(me)) {
							delete(answers, question)
						}
					}
				}
				projectortest.Same(t, before, after)
				for _, topic := range projectortest.Topics() {
					w.nothingLeft(topic, gone)
				}
			})
		}
	}
}

// live stores what is in another log, whose sequences may be others.
func (w *world) live(from *projectortest.Log) {
	type place struct {
		topic domain.Topic
		seq   uint64
	}
	places := map[place]uint64{}
	for shard := range from.Shards() {
		for _, r := range from.Records(shard) {
			at := func(seq uint64) uint64 {
				if now := places[place{r.Topic, seq}]; now > 0 {
					return now
				}
				return seq
			}
			switch e := r.Event.(type) {
			case domain.MessageEdited:
				e.Seq = at(e.Seq)
				r.Event = e
			case domain.MessageRecalled:
				e.Seq = at(e.Seq)
				r.Event = e
			case domain.MessageReacted:
				e.Seq = at(e.Seq)
				r.Event = e
			case domain.ReadMarked:
				e.Seq = at(e.Seq)
				r.Event = e
			}
			places[place{r.Topic, r.Seq}] = w.append(r.Topic, r.Event)
		}
	}
}

// part says in the log that somebody is gone from all that they have to do with.
func (w *world) part(u domain.UserID) {
	w.Helper()
	topics, err := w.views.Topics(w.Context(), u)
	must(w, err)
	for _, t := range topics {
		state, err := w.journal.State(w.Context(), t, 0)
		must(w, err)
		var event domain.Event
		if _, isGroup := t.Group(); isGroup {
			var g domain.Group
			for _, r := range state {
				g.Evolve(r.Event, r.Time)
			}
			event, err = g.Decide(domain.EraseMember{UID: u})
		} else {
			f := domain.NewFriendship(t)
			for _, r := range state {
				f.Evolve(r.Event, r.Time)
			}
			event, err = f.Decide(domain.EraseFriend{By: u})
		}
		must(w, err)
		if event != nil {
			w.append(t, event)
		}
	}
}

// late lets reach the log what somebody has done who is gone.
func (w *world) late(u domain.UserID) {
	w.Helper()
	for _, topic := range projectortest.Topics() {
		if w.knows(u, topic) {
			at := w.say(topic, u, "late")
			w.append(topic, domain.MessageReacted{By: u, Seq: at - 1, Emoji: "👋", On: true, Open: true})
			w.append(topic, domain.ReadMarked{By: u, Seq: at})
		}
	}
}

// knows says whether somebody has to do with a topic.
func (w *world) knows(u domain.UserID, t domain.Topic) bool {
	w.Helper()
	topics, err := w.views.Topics(w.Context(), u)
	must(w, err)
	return slices.Contains(topics, t)
}

// nothingLeft fails where something is left of what those have said who are gone from a topic.
func (w *world) nothingLeft(t domain.Topic, gone []domain.UserID) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	records, err := w.journal.Since(ctx, t, 0)
	must(w, err)
	for _, u := range gone {
		for _, r := range records {
			if w.knows(u, t) && domain.Erasable(r.Event, u) {
				w.Errorf("%s still holds %d, %s of %s", t, r.Seq, r.Event.EventName(), u)
			}
		}
	}
}
