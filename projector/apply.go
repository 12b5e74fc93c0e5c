package projector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"parley/domain"
)

// folding is a batch in the making.
type folding struct {
	*fold
	changes
	known map[MessageKey]bool // messages that are in the store
	found
}

// found is what was looked up for a batch.
type found struct {
	numbers map[Place]uint64      // at marks that point before the batch
	said    map[Place]domain.Said // of the messages that the batch would change; nil where it would change none
}

// apply folds one event of a topic, nil for a person's. What stands in a topic where it means nothing changes nothing.
func (b *folding) apply(r domain.Record, t *topic) error {
	switch e := r.Event.(type) {
	case domain.Profiled:
		if u, ok := r.Topic.Person(); ok {
			b.people.put(u, PersonRow{
				UID: u, Username: clip(e.Username, domain.MaxUsername), Name: clip(e.Name, domain.MaxName), Avatar: clip(e.Avatar, domain.MaxAvatar),
			})
		}
	case domain.PersonErased:
		if u, ok := r.Topic.Person(); ok {
			b.erasePerson(u, r.Topic, e)
		}
	case domain.StatusSet:
		if u, ok := r.Topic.Person(); ok {
			b.seen.put(u, SeenRow{u, r.Time.UnixMilli()})
		}
	case domain.Message:
		if t != nil {
			b.say(t, r, e)
		}
	case domain.Change:
		if t != nil {
			b.change(t, r, e)
		}
	case domain.ReadMarked:
		if t != nil {
			b.mark(t, r, e)
		}
	case domain.FriendRequested, domain.FriendAccepted, domain.FriendRejected, domain.FriendRemoved,
		domain.FriendBlocked, domain.FriendUnblocked, domain.FriendErased:
		if t != nil && t.group == nil {
			b.befriend(t, r)
		}
	case domain.GroupCreated, domain.GroupInvited, domain.GroupDeclined, domain.GroupJoined,
		domain.GroupLeft, domain.GroupRemoved, domain.GroupDescribed, domain.GroupApplied, domain.GroupRefused,
		domain.GroupRoleSet, domain.GroupDissolved, domain.GroupErased:
		if t != nil && t.group != nil {
			b.assemble(t, r)
		}
	case nil:
		return unknown(r, "")
	default:
		return unknown(r, e.EventName())
	}
	return nil
}

// clip keeps the first n characters. The edge lets nothing longer in; if something came in nevertheless, it must not stop the fold.
func clip(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// clipBytes keeps the characters that fit into the first n bytes.
func clipBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// valid is b where it is valid UTF-8, as the edge has seen to, else b with U+FFFD for what is not.
func valid(b json.RawMessage) json.RawMessage {
	if utf8.Valid(b) {
		return b
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

func unknown(r domain.Record, name string) error {
	return fmt.Errorf("event %d of %s: %w", r.Seq, r.Topic, &domain.UnknownEventError{Event: name})
}

func (b *folding) say(t *topic, r domain.Record, m domain.Message) {
	key, saying := MessageKey{t.Topic, m.From, m.ID}, saying{t, m.From, m.ID}
	if _, twice := b.messages.at[saying]; twice || b.known[key] || !t.maySend(m.From, m.Open) {
		return
	}
	if b.said != nil {
		b.said[Place{t.Topic, r.Seq}] = domain.Said{From: m.From}
	}
	if t.group == nil && t.tail.Number == 0 && !t.friendship.Friends() {
		b.pair(t, 0) // with its first message a direct conversation is in both lists, friends or not
	}
	t.said(r)
	if t.tail.Number == t.base.Number+1 {
		b.longer = append(b.longer, t)
	}
	b.messages.put(saying, MessageRow{key, t.tail.Seq, t.tail.Number, t.tail.Date, valid(m.Msg)})
	b.readAll(m.From, t, r.Seq)
}

// readAll says that somebody has read all that there is at a place.
func (b *folding) readAll(u domain.UserID, t *topic, seq uint64) {
	b.own.put(reader{t, u}, MarkRow{u, t.Topic, seq, t.tail.Number})
}

// change changes a message, which may be of this batch.
func (b *folding) change(t *topic, r domain.Record, e domain.Change) {
	place := Place{t.Topic, e.Of()}
	m, there := b.said[place]
	by, open := e.Speaker()
	if !there || !t.maySend(by, open) || m.May(e, t.role(by)) != nil {
		return
	}
	switch e := e.(type) {
	case domain.MessageEdited:
		b.edits = append(b.edits, EditRow{place, r.Seq, valid(e.Msg), r.Time.UnixMilli()})
	case domain.MessageReacted:
		key := ReactionKey{place, clipBytes(e.Emoji, domain.MaxEmoji), e.By}
		b.reacted.put(key, ReactionRow{key, e.On, r.Seq})
	case domain.MessageRecalled:
		m.Recalled = true
		b.said[place] = m
		b.recalls.put(place, RecallRow{place, e.By, r.Time.UnixMilli()})
	}
}

func (b *folding) mark(t *topic, r domain.Record, e domain.ReadMarked) {
	seq := e.UpTo(r.Seq)
	number, ok := t.numberAt(seq)
	if !ok {
		number = b.numbers[Place{t.Topic, seq}]
	}
	b.read.put(reader{t, e.By}, MarkRow{e.By, t.Topic, seq, number})
}

func (b *folding) befriend(t *topic, r domain.Record) {
	was := t.friendship
	t.friendship.Evolve(r.Event, r.Time)
	now := t.friendship
	e, applied := r.Event.(domain.FriendRequested)
	if was.Requested() != "" && (applied || now.Requested() == "") {
		b.answer(ApplyKey{t.Peer(was.Requested()), t.Topic})
	}
	if applied {
		key := ApplyKey{t.Peer(e.By), t.Topic}
		b.applies.put(key, waiting{ApplyRow: ApplyRow{
			ApplyKey: key, Type: domain.ApplyFriend, From: e.By, Data: valid(e.Greeting), Date: r.Time.UnixMilli(), Seq: r.Seq,
		}})
	}
	lo, hi, _ := t.Pair()
	for _, u := range []domain.UserID{lo, hi} {
		if blocks := now.Blocked(u); blocks != was.Blocked(u) {
			other := t.Peer(u)
			b.blocks.put([2]domain.UserID{u, other}, BlockRow{u, other, blocks})
		}
	}
	switch {
	case now.Friends() && !was.Friends():
		b.pair(t, r.Time.UnixMilli())
	case !now.Friends():
		b.pair(t, 0)
	}
	if gone, ok := r.Event.(domain.FriendErased); ok {
		b.erased = &ApplyKey{gone.By, t.Topic}
		b.answer(ApplyKey{lo, t.Topic}) // the log may have lost already that there was something to answer
		b.answer(ApplyKey{hi, t.Topic})
	}
}

// pair puts down how the two of a direct conversation stand to it, and since when they are friends.
func (b *folding) pair(t *topic, since int64) {
	lo, hi, _ := t.Pair()
	for _, u := range []domain.UserID{lo, hi} {
		b.members.put(ApplyKey{u, t.Topic}, MemberRow{UID: u, Topic: t.Topic, Present: t.friendship.Friends(), Since: since})
	}
}

func (b *folding) assemble(t *topic, r domain.Record) {
	if gone, ok := r.Event.(domain.GroupErased); ok {
		b.erased = &ApplyKey{gone.UID, t.Topic}
		b.met.put(*b.erased, *b.erased)
		b.answer(*b.erased) // the log may have lost already that there was something to answer
	}
	existed := t.group.Exists()
	before := t.group.evolve(r)
	if !existed && !t.group.Exists() {
		return
	}
	for _, was := range before {
		b.standing(t, r, was)
	}
	if !t.group.Exists() {
		b.end(t.Topic)
	}
	b.groups.put(t.Topic, t.group.row(t.Topic))
}

// standing puts down how somebody stands to a group now.
func (b *folding) standing(t *topic, r domain.Record, was standing) {
	key := ApplyKey{was.uid, t.Topic}
	role := t.group.Role(was.uid)
	switch {
	case role == was.role:
		b.met.put(key, key)
	case role == "":
		left := MemberRow{UID: was.uid, Topic: t.Topic, Joined: was.entry.seq, Left: r.Seq}
		if t.group.history() == domain.HistoryJoined {
			left.Hidden = left.Joined
		}
		b.members.put(key, left)
	default:
		in := t.group.entries[was.uid]
		b.members.put(key, MemberRow{
			UID: was.uid, Topic: t.Topic, Present: true, Role: role, Answers: t.group.MayAnswer(was.uid), Since: in.date, Joined: in.seq,
		})
		if was.role == "" {
			b.readAll(was.uid, t, r.Seq)
		}
	}
	asked, anew := asks(r.Event)
	switch waits := t.group.waits(was.uid); {
	case waits && asked.From != "" && (anew || !was.waits):
		asked.ApplyKey, asked.Date, asked.Seq = key, r.Time.UnixMilli(), r.Seq
		b.applies.put(key, waiting{ApplyRow: asked})
	case !waits && was.waits:
		b.answer(key)
	}
}

// asks gives what an event of a group asks somebody, without key and date; anew says that it replaces what was asked before.
func asks(e domain.Event) (row ApplyRow, anew bool) {
	switch e := e.(type) {
	case domain.GroupCreated:
		return ApplyRow{Type: domain.ApplyInvite, From: e.By}, false
	case domain.GroupInvited:
		return ApplyRow{Type: domain.ApplyInvite, From: e.By}, true
	case domain.GroupApplied:
		return ApplyRow{Type: domain.ApplyGroup, From: e.UID, Data: valid(e.Greeting)}, true
	}
	return ApplyRow{}, false
}

// erasePerson puts down that somebody is gone, or is gone from the log altogether.
func (b *folding) erasePerson(u domain.UserID, t domain.Topic, e domain.PersonErased) {
	row := PersonRow{UID: u, Erased: ErasedBegun}
	if e.Done {
		row.Erased = ErasedDone
	}
	b.people.put(u, row)
	b.erased = &ApplyKey{u, t}
}
