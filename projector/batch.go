package projector

import (
	"encoding/json"

	"parley/domain"
)

// Batch is what a run of events of one shard makes of the rows. In each list a key stands at most once. Times are in
// milliseconds since 1970.
type Batch struct {
	Shard    int
	From, To domain.Position // the checkpoint before and after; the zero From is none

	Erased *ApplyKey // whose everything in a topic is taken away before all else; nil for nobody

	People   []PersonRow    // put whole
	Seen     []SeenRow      // put whole
	Groups   []GroupRow     // put, without the conversation's tail
	Members  []MemberRow    // put whole
	Met      []ApplyKey     // put as members who are not present, where they have no row yet
	Blocks   []BlockRow     // put whole
	Answered []ApplyKey     // taken away
	Ended    []domain.Topic // of these all applications are taken away
	Applies  []ApplyRow     // put whole
	Messages []MessageRow   // added
	Edits    []EditRow      // put over messages, after that, the last of each message; the others are kept, too, with what it said at first
	Reacted  []ReactionRow  // put or taken away, after that
	Recalls  []RecallRow    // put over messages, of which all that they said and the reactions are taken away, after that
	Tails    []TailRow      // put, without what is the group's
	Own      []MarkRow      // put as how far they have read by sending and joining
	Read     []MarkRow      // put as how far they say that they have read
}

// The rows of the read models.
type (
	// PersonRow is a profile.
	PersonRow struct {
		UID                    domain.UserID
		Username, Name, Avatar string
		Erased                 Erased
	}

	// SeenRow says when somebody was seen online last.
	SeenRow struct {
		UID  domain.UserID
		Date int64
	}

	// GroupRow is what a group is called, looks like and lets be read, and how large it is. One that has ended has no owner and no members.
	GroupRow struct {
		Topic                     domain.Topic
		Name, Avatar, Description string
		History                   domain.History
		Owner                     domain.UserID
		Size                      int
	}

	// MemberRow ties a person to a conversation.
	MemberRow struct {
		UID     domain.UserID
		Topic   domain.Topic
		Present bool        // a member of the group, or a friend
		Role    domain.Role // in the group; "" in direct conversations
		Answers bool        // is to answer those who apply to join the group
		Since   int64       // when they joined the group or became friends; 0 for neither
		Joined  uint64      // where they joined the group, this time or the last; 0 in direct conversations
		Left    uint64      // where they left the group, up to which they may read; 0 for the others
		Hidden  uint64      // up to which it was hidden from them when they left; 0 for the others
	}

	// BlockRow says whether By blocks UID.
	BlockRow struct {
		By, UID domain.UserID
		Blocks  bool
	}

	// ApplyKey names what UID waits for, or what waits for UID's answer.
	ApplyKey struct {
		UID   domain.UserID
		Topic domain.Topic
	}

	// ApplyRow is an application or an invitation. Of type ApplyGroup, it is UID who applies; the group's owner and admins are to answer.
	ApplyRow struct {
		ApplyKey
		Type domain.ApplyType
		From domain.UserID
		Data json.RawMessage // the greeting; nil for none
		Date int64
		Seq  uint64
	}

	// MessageKey is what no two messages share.
	MessageKey struct {
		Topic domain.Topic
		From  domain.UserID
		ID    string
	}

	// MessageRow is a message that counts.
	MessageRow struct {
		MessageKey
		Seq, Number uint64
		Date        int64
		Msg         json.RawMessage
	}

	// EditRow is what a message says from a place on.
	EditRow struct {
		Place
		At   uint64
		Msg  json.RawMessage
		Date int64
	}

	// RecallRow says that a message was taken back.
	RecallRow struct {
		Place
		By   domain.UserID
		Date int64
	}

	// ReactionKey is what no two reactions share.
	ReactionKey struct {
		Place
		Emoji string
		UID   domain.UserID
	}

	// ReactionRow says whether there is a reaction, and from where on.
	ReactionRow struct {
		ReactionKey
		On bool
		At uint64
	}

	// SaidRow is a message that counts, as those see it who would change it.
	SaidRow struct {
		Place
		domain.Said
	}

	// TailRow is where a conversation ends: its last message.
	TailRow struct {
		Topic       domain.Topic
		Seq, Number uint64
		Date        int64
	}

	// MarkRow says that UID has read up to Seq, where the messages had come to Number.
	MarkRow struct {
		UID         domain.UserID
		Topic       domain.Topic
		Seq, Number uint64
	}

	// Place is a place in a conversation.
	Place struct {
		Topic domain.Topic
		Seq   uint64
	}
)

// Erased says how far somebody has been erased.
type Erased int

// The numbers stand in tables.
const (
	ErasedNot   Erased = 0
	ErasedBegun Erased = 1
	ErasedDone  Erased = 2
)

// changes gathers a batch; a later row replaces an earlier one of its key.
type changes struct {
	erased   *ApplyKey
	people   rows[domain.UserID, PersonRow]
	seen     rows[domain.UserID, SeenRow]
	groups   rows[domain.Topic, GroupRow]
	members  rows[ApplyKey, MemberRow]
	met      rows[ApplyKey, ApplyKey]
	blocks   rows[[2]domain.UserID, BlockRow]
	applies  rows[ApplyKey, waiting]
	ended    []domain.Topic
	messages rows[saying, MessageRow]
	edits    []EditRow
	reacted  rows[ReactionKey, ReactionRow]
	recalls  rows[Place, RecallRow]
	longer   []*topic // those in which something was said
	own      rows[reader, MarkRow]
	read     rows[reader, MarkRow]
}

// Keys of what there is the most of: a topic's address takes less time than its name.
type (
	saying struct {
		*topic
		from domain.UserID
		id   string
	}
	reader struct {
		*topic
		uid domain.UserID
	}
)

// rows keeps the latest row of each key, in the order in which the keys came.
type rows[K comparable, R any] struct {
	at   map[K]int
	list []R
}

// expect makes room for n rows.
func (r *rows[K, R]) expect(n int) { r.at, r.list = make(map[K]int, n), make([]R, 0, n) }

func (r *rows[K, R]) put(key K, row R) {
	if i, ok := r.at[key]; ok {
		r.list[i] = row
		return
	}
	if r.at == nil {
		r.at = make(map[K]int)
	}
	r.at[key] = len(r.list)
	r.list = append(r.list, row)
}

// waiting is an application, or that there is none any more.
type waiting struct {
	ApplyRow
	answered bool
}

func (c *changes) answer(key ApplyKey) {
	c.applies.put(key, waiting{ApplyRow{ApplyKey: key}, true})
}

// end takes away all that waits for an answer in a topic.
func (c *changes) end(t domain.Topic) {
	c.ended = append(c.ended, t)
	for i := range c.applies.list {
		if c.applies.list[i].Topic == t {
			c.applies.list[i].answered = true
		}
	}
}

func (c *changes) batch(shard int, from, to domain.Position) Batch {
	b := Batch{
		Shard: shard, From: from, To: to, Erased: c.erased,
		People: c.people.list, Seen: c.seen.list, Groups: c.groups.list, Members: c.members.list, Met: c.met.list,
		Blocks: c.blocks.list, Ended: c.ended, Messages: c.messages.list, Edits: c.edits, Reacted: c.reacted.list, Recalls: c.recalls.list,
		Own: c.own.list, Read: c.read.list,
	}
	for _, t := range c.longer {
		b.Tails = append(b.Tails, t.tail)
	}
	for _, w := range c.applies.list {
		if w.answered {
			b.Answered = append(b.Answered, w.ApplyKey)
		} else {
			b.Applies = append(b.Applies, w.ApplyRow)
		}
	}
	return b
}
