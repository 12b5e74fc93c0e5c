package edge

import (
	"context"
	"maps"
	"slices"
	"sync"

	"parley/domain"
	"parley/edge/socketio"
)

// round is one reading of the log for devices that come back. Each has a stand-in in the conversations that are made for it: those judge and deliver as
// the live ones do, beginning with how things stood then, and each record is encoded once for all who have missed it.
type round struct {
	hub           *hub
	all           []*returning
	holed         map[spot][]*returning // for whose cursors something waited there
	people        map[domain.UserID][]*person
	conversations map[domain.Topic]*conversation // nil: none of them is in it
}

// standIn makes the one who is told in a device's place.
func (b *returning) standIn(u domain.UserID) {
	b.as = &person{id: u, back: b}
	b.as.sessions.Store(&[]*session{})
}

func newRound(h *hub, all []*returning) *round {
	r := &round{hub: h, all: all, holed: map[spot][]*returning{}, people: map[domain.UserID][]*person{}, conversations: map[domain.Topic]*conversation{}}
	for _, b := range all {
		r.people[b.as.id] = append(r.people[b.as.id], b.as)
		for _, w := range b.from.waiting {
			r.holed[w] = append(r.holed[w], b)
		}
	}
	return r
}

// deal tells of records, in order.
func (r *round) deal(ctx context.Context, records []domain.Record) error {
	if err := r.prepare(ctx, records); err != nil {
		return err
	}
	for _, rec := range records {
		for _, b := range r.holed[spot{rec.Shard, rec.Seq}] {
			b.meet(rec.Topic)
		}
		if u, ok := rec.Topic.Person(); ok {
			r.person(u, rec)
			continue
		}
		c := r.conversations[rec.Topic]
		if c == nil && r.names(rec) {
			var err error
			if c, err = r.conversation(ctx, rec); err != nil {
				return err
			}
			r.conversations[rec.Topic] = c
		}
		if c == nil {
			continue
		}
		for lacks := c.lacksOf(rec); lacks != nil; lacks = c.lacksOf(rec) {
			if err := lacks(ctx); err != nil {
				return err
			}
		}
		c.mu.Lock()
		c.process(rec)
		c.mu.Unlock()
	}
	return nil
}

// person tells of what is about one person.
func (r *round) person(u domain.UserID, rec domain.Record) {
	if e, ok := rec.Event.(domain.StatusSet); ok {
		if packet, err := socketio.NewPacket("status", shownAs{e.Status}); err == nil {
			r.publish(rec, r.people[u], packet, true)
		}
	}
}

// prepare finds out how things stood in those conversations that records are the first of, some at a time.
func (r *round) prepare(ctx context.Context, records []domain.Record) error {
	first := map[domain.Topic]domain.Record{}
	for _, rec := range records {
		if _, person := rec.Topic.Person(); person {
			continue
		}
		_, met := r.conversations[rec.Topic]
		if _, due := first[rec.Topic]; !due && !met && r.may(rec) {
			first[rec.Topic] = rec
		}
	}
	var mu sync.Mutex
	var failed error
	inTurns(slices.Collect(maps.Values(first)), func(rec domain.Record) {
		c, err := r.conversation(ctx, rec)
		mu.Lock()
		defer mu.Unlock()
		r.conversations[rec.Topic] = c
		if failed == nil {
			failed = err
		}
	})
	return failed
}

// may says whether a record can concern any of them at all: of a direct conversation, whether it is of theirs; of a group that is to be found out.
func (r *round) may(rec domain.Record) bool {
	_, _, direct := rec.Topic.Pair()
	return !direct || r.names(rec)
}

// names says whether a record names any of them itself.
func (r *round) names(rec domain.Record) bool {
	if mark, ok := rec.Event.(domain.ReadMarked); ok && r.people[mark.By] != nil {
		return true
	}
	return slices.ContainsFunc(parties(rec), func(u domain.UserID) bool { return r.people[u] != nil })
}

// conversation makes the one that tells of a record and what follows; nil where none of them is in it.
func (r *round) conversation(ctx context.Context, rec domain.Record) (*conversation, error) {
	if r.without(rec) {
		return nil, nil
	}
	s, upTo, err := r.hub.fold(ctx, rec.Topic, rec.Seq)
	if err != nil {
		return nil, err
	}
	c := &conversation{hub: r.hub, topic: rec.Topic, only: r.people, round: r, standing: s, upTo: upTo, followed: true, audience: map[*person]uint64{}}
	if live := r.hub.kept(rec.Topic); live != nil {
		live.mu.Lock()
		c.recalls = slices.Clone(live.recalls)
		live.mu.Unlock()
	}
	if g, isGroup := s.(group); isGroup {
		for u, all := range r.people {
			if g.Role(u) == "" {
				continue
			}
			for _, p := range all {
				c.audience[p] = 0 // what they were told already is left out by itself
			}
		}
		if len(c.audience) == 0 && !r.names(rec) {
			return nil, nil
		}
	}
	return c, nil
}

// without says whether it is known here that none of them was in a group at a record and since.
func (r *round) without(rec domain.Record) (sure bool) {
	c := r.hub.kept(rec.Topic)
	if c == nil || r.names(rec) {
		return false
	}
	c.look(0, func(s standing, upTo uint64) {
		g, isGroup := s.(group)
		sure = isGroup && upTo < rec.Seq
		for u := range r.people {
			sure = sure && g.Role(u) == ""
		}
	})
	return sure
}

// publish hands a packet that tells of a record to those of some stand-ins who have missed it, with the offset of those who have been told all before, too.
func (r *round) publish(rec domain.Record, to []*person, packet *socketio.Packet, last bool) {
	exact, vague := packet, packet
	if last {
		vague = packet.WithOffset(unknown)
		if exact = vague; r.hub.edge.Log.Shards() == 1 { // of other shards each has been told something else
			exact = packet.WithOffset(cursor{newest: rec.Time.UnixMilli(), reached: reached{rec.Seq}}.String())
		}
	}
	for _, p := range to {
		switch b := p.back; {
		case !b.missed(rec):
		case rec.Seq <= b.from.reached.at(rec.Shard), len(b.entry.waiting) > 0: // it was told of some that come after it, or is told later of some before
			b.tell(vague)
		default:
			b.tell(exact)
		}
	}
}
