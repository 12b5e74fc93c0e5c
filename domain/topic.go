package domain

import (
	"fmt"
	"strings"
)

// Kinds of topics, as they stand in subjects and keys.
const (
	kindDirect = "user"
	kindGroup  = "group"
	kindPerson = "person"
)

// Topic is what an event is about: the conversation of two people, a group, or one person. It is comparable; the zero Topic
// is no topic.
type Topic struct {
	kind string
	a, b string
}

// Direct is the conversation of two people; the order in which they are given does not matter.
func Direct(x, y UserID) Topic {
	if y < x {
		x, y = y, x
	}
	return Topic{kindDirect, string(x), string(y)}
}

// InGroup is a group with all that is said in it.
func InGroup(g GroupID) Topic { return Topic{kindGroup, string(g), ""} }

// About is a person's own: profile and settings.
func About(u UserID) Topic { return Topic{kindPerson, string(u), ""} }

// Key is the topic in one word: "user.<lo>.<hi>", "group.<gid>" or "person.<uid>". It is the middle of the topic's subjects, what
// its shard is computed from, and its name in the read models.
func (t Topic) Key() string {
	if t.kind == kindDirect {
		return t.kind + "." + t.a + "." + t.b
	}
	return t.kind + "." + t.a
}

func (t Topic) String() string { return t.Key() }

// ParseTopic is the reverse of Key. Its error is for operators: keys are written by Parley, not by people.
func ParseTopic(key string) (Topic, error) {
	kind, rest, _ := strings.Cut(key, ".")
	lo, hi, _ := strings.Cut(rest, ".")
	switch {
	case kind == kindDirect && validID(lo) && validID(hi) && lo < hi:
		return Topic{kindDirect, lo, hi}, nil
	case (kind == kindGroup || kind == kindPerson) && validID(rest):
		return Topic{kind, rest, ""}, nil
	}
	return Topic{}, fmt.Errorf("topic %q is none of user.<lo>.<hi>, group.<gid>, person.<uid>", key)
}

// Pair gives the two people of a direct conversation, lower id first; ok is false for other topics.
func (t Topic) Pair() (lo, hi UserID, ok bool) {
	return UserID(t.a), UserID(t.b), t.kind == kindDirect
}

// Group gives the group of a group topic; ok is false for other topics.
func (t Topic) Group() (g GroupID, ok bool) { return GroupID(t.a), t.kind == kindGroup }

// Person gives the person of a person topic; ok is false for other topics.
func (t Topic) Person() (u UserID, ok bool) { return UserID(t.a), t.kind == kindPerson }

// Peer gives the other one of a direct conversation; "" where me is not in it.
func (t Topic) Peer(me UserID) UserID {
	lo, hi, ok := t.Pair()
	switch {
	case ok && me == lo:
		return hi
	case ok && me == hi:
		return lo
	}
	return ""
}

// ConversationID is what me calls this conversation: "u:<the other's uid>" or "g:<gid>"; "" where it is not one of me's.
func (t Topic) ConversationID(me UserID) string {
	if g, ok := t.Group(); ok {
		return "g:" + string(g)
	}
	if peer := t.Peer(me); peer != "" {
		return "u:" + string(peer)
	}
	return ""
}

// ParseConversationID is the reverse of ConversationID for the same me. It refuses with code Malformed.
func ParseConversationID(me UserID, id string) (Topic, error) {
	kind, rest, _ := strings.Cut(id, ":")
	switch {
	case kind == "u" && validID(rest) && rest != string(me):
		return Direct(me, UserID(rest)), nil
	case kind == "g" && validID(rest):
		return InGroup(GroupID(rest)), nil
	}
	return Topic{}, Refuse(Malformed, "conversation must be u:<another's uid> or g:<gid>")
}

// Lane separates what a topic's decisions are made from from what is merely said. Each event has its one lane.
type Lane string

// The lanes. A read lane ends in the reader's id; it and a person's status lane keep only the latest event.
const (
	LaneState  Lane = "state"
	LaneTalk   Lane = "talk"
	LaneRead   Lane = "read"
	LaneStatus Lane = "status"
)
