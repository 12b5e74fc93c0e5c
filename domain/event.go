package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Event is something that happened. Its JSON has a golden file in testdata and never changes; a new shape is a new event with
// a new name.
type Event interface {
	// EventName is the name that the event has in the log.
	EventName() string
	// Lane is the lane that the event belongs to.
	Lane() Lane
}

// Events of two people's friendship, in the state lane of their topic.
type (
	// FriendRequested says that By would like to be friends.
	FriendRequested struct {
		By       UserID          `json:"by"`
		Greeting json.RawMessage `json:"greeting,omitempty"` // the client's own JSON object
	}
	// FriendAccepted says that By, who was asked, said yes.
	FriendAccepted struct {
		By UserID `json:"by"`
	}
	// FriendRejected says that By, who was asked, said no.
	FriendRejected struct {
		By    UserID `json:"by"`
		Reply string `json:"reply,omitempty"`
	}
	// FriendRemoved says that By ended the friendship.
	FriendRemoved struct {
		By UserID `json:"by"`
	}
	// FriendBlocked says that By blocked the other, which ends a friendship and an application.
	FriendBlocked struct {
		By UserID `json:"by"`
	}
	// FriendUnblocked says that By blocks the other no longer.
	FriendUnblocked struct {
		By UserID `json:"by"`
	}
	// FriendErased says that By is gone for good: nothing is between the two any more, and what By said here is no more.
	FriendErased struct {
		By UserID `json:"by"`
	}
)

// Events of a group, in the state lane of its topic.
type (
	// GroupCreated says that By made the group and owns it; Members are in at once, Invited may accept.
	GroupCreated struct {
		By      UserID   `json:"by"`
		Name    string   `json:"name"`
		Members []UserID `json:"members,omitempty"`
		Invited []UserID `json:"invited,omitempty"`
	}
	// GroupInvited says that By asked UID to join.
	GroupInvited struct {
		By  UserID `json:"by"`
		UID UserID `json:"uid"`
	}
	// GroupDeclined says that UID, who was invited, said no.
	GroupDeclined struct {
		UID UserID `json:"uid"`
	}
	// GroupJoined says that UID is a member now, let in by By (by UID itself where an invitation was accepted).
	GroupJoined struct {
		By  UserID `json:"by"`
		UID UserID `json:"uid"`
	}
	// GroupLeft says that UID left; where it was the owner, Owner follows. The last one to leave ends the group.
	GroupLeft struct {
		UID   UserID `json:"uid"`
		Owner UserID `json:"owner,omitempty"`
	}
	// GroupRemoved says that By put UID out.
	GroupRemoved struct {
		By  UserID `json:"by"`
		UID UserID `json:"uid"`
	}
	// GroupDescribed says what the group is called and looks like from now on, whole, as By would have it. A group that nobody has described
	// has the name it was made with, and HistoryAll.
	GroupDescribed struct {
		By          UserID  `json:"by"`
		Name        string  `json:"name"`
		Avatar      string  `json:"avatar,omitempty"`
		Description string  `json:"description,omitempty"`
		History     History `json:"history"`
	}
	// GroupApplied says that UID would like to join; the owner and the admins may answer.
	GroupApplied struct {
		UID      UserID          `json:"uid"`
		Greeting json.RawMessage `json:"greeting,omitempty"` // the client's own JSON object
	}
	// GroupRefused says that By said no to UID, who had applied.
	GroupRefused struct {
		By  UserID `json:"by"`
		UID UserID `json:"uid"`
	}
	// GroupRoleSet says that By made UID what Role says. Who hands the ownership on is an admin from then on.
	GroupRoleSet struct {
		By   UserID `json:"by"`
		UID  UserID `json:"uid"`
		Role Role   `json:"role"`
	}
	// GroupDissolved says that By, the owner, ended the group.
	GroupDissolved struct {
		By UserID `json:"by"`
	}
	// GroupErased says that UID is gone for good, as a member or not, and what UID said here is no more; where it was the owner, Owner
	// follows. A group of which it was the last member ends.
	GroupErased struct {
		UID   UserID `json:"uid"`
		Owner UserID `json:"owner,omitempty"`
	}
)

// Message is what somebody said, in the talk lane of a conversation.
type Message struct {
	From UserID          `json:"from"`
	ID   string          `json:"id"`             // the client's own id of it, or one that the edge made
	Msg  json.RawMessage `json:"msg"`            // a string or an object, as the client gave it
	Open bool            `json:"open,omitempty"` // sent where anyone may write to anyone
}

// Events that change what was said, in the talk lane of a conversation. Seq is where the message stands. Open is as that of a Message.
type (
	// MessageEdited says that By, who said it, would rather have said Msg.
	MessageEdited struct {
		By   UserID          `json:"by"`
		Seq  uint64          `json:"seq"`
		Msg  json.RawMessage `json:"msg"`
		Open bool            `json:"open,omitempty"`
	}
	// MessageRecalled says that By took it back, who had said it or runs the group. It stays taken back.
	MessageRecalled struct {
		By   UserID `json:"by"`
		Seq  uint64 `json:"seq"`
		Open bool   `json:"open,omitempty"`
	}
	// MessageReacted says that By answers it with an emoji, or, where not On, does so no longer.
	MessageReacted struct {
		By    UserID `json:"by"`
		Seq   uint64 `json:"seq"`
		Emoji string `json:"emoji"`
		On    bool   `json:"on"`
		Open  bool   `json:"open,omitempty"`
	}
)

// ReadMarked says that By has read up to Seq, in By's own read lane of a conversation. A later one replaces it.
type ReadMarked struct {
	By  UserID `json:"by"`
	Seq uint64 `json:"seq"`
}

// UpTo is how far the mark counts, which stands at a place in the log: nobody has read what was not yet written.
func (e ReadMarked) UpTo(at uint64) uint64 { return min(e.Seq, at) }

// Profiled says what a person is called and looks like, whole, in the state lane of the person's topic; the latest counts. The
// first one makes the person known.
type Profiled struct {
	Username string `json:"username,omitempty"` // "" for people of another application's
	Name     string `json:"name"`
	Avatar   string `json:"avatar,omitempty"`
}

// StatusSet says how a person would like to be seen, in the person's own status lane; a later one replaces it. It is also stored when a person
// who is seen goes: its date is when the person was last seen online.
type StatusSet struct {
	Status Status `json:"status"`
}

// PersonErased says that the person is gone for good, in the state lane of the person's topic: first when it begins, and once more, Done, when
// nothing of what the person said is left in the log. Nothing comes after it.
type PersonErased struct {
	Done bool `json:"done,omitempty"`
}

func (FriendRequested) EventName() string { return "friend.requested" }
func (FriendAccepted) EventName() string  { return "friend.accepted" }
func (FriendRejected) EventName() string  { return "friend.rejected" }
func (FriendRemoved) EventName() string   { return "friend.removed" }
func (FriendBlocked) EventName() string   { return "friend.blocked" }
func (FriendUnblocked) EventName() string { return "friend.unblocked" }
func (FriendErased) EventName() string    { return "friend.erased" }
func (GroupCreated) EventName() string    { return "group.created" }
func (GroupInvited) EventName() string    { return "group.invited" }
func (GroupDeclined) EventName() string   { return "group.declined" }
func (GroupJoined) EventName() string     { return "group.joined" }
func (GroupLeft) EventName() string       { return "group.left" }
func (GroupRemoved) EventName() string    { return "group.removed" }
func (GroupDescribed) EventName() string  { return "group.described" }
func (GroupApplied) EventName() string    { return "group.applied" }
func (GroupRefused) EventName() string    { return "group.refused" }
func (GroupRoleSet) EventName() string    { return "group.role" }
func (GroupDissolved) EventName() string  { return "group.dissolved" }
func (GroupErased) EventName() string     { return "group.erased" }
func (Message) EventName() string         { return "message" }
func (MessageEdited) EventName() string   { return "message.edited" }
func (MessageRecalled) EventName() string { return "message.recalled" }
func (MessageReacted) EventName() string  { return "message.reacted" }
func (ReadMarked) EventName() string      { return "read" }
func (Profiled) EventName() string        { return "profile" }
func (PersonErased) EventName() string    { return "person.erased" }
func (StatusSet) EventName() string       { return "status" }

func (FriendRequested) Lane() Lane { return LaneState }
func (FriendAccepted) Lane() Lane  { return LaneState }
func (FriendRejected) Lane() Lane  { return LaneState }
func (FriendRemoved) Lane() Lane   { return LaneState }
func (FriendBlocked) Lane() Lane   { return LaneState }
func (FriendUnblocked) Lane() Lane { return LaneState }
func (FriendErased) Lane() Lane    { return LaneState }
func (GroupCreated) Lane() Lane    { return LaneState }
func (GroupInvited) Lane() Lane    { return LaneState }
func (GroupDeclined) Lane() Lane   { return LaneState }
func (GroupJoined) Lane() Lane     { return LaneState }
func (GroupLeft) Lane() Lane       { return LaneState }
func (GroupRemoved) Lane() Lane    { return LaneState }
func (GroupDescribed) Lane() Lane  { return LaneState }
func (GroupApplied) Lane() Lane    { return LaneState }
func (GroupRefused) Lane() Lane    { return LaneState }
func (GroupRoleSet) Lane() Lane    { return LaneState }
func (GroupDissolved) Lane() Lane  { return LaneState }
func (GroupErased) Lane() Lane     { return LaneState }
func (Message) Lane() Lane         { return LaneTalk }
func (MessageEdited) Lane() Lane   { return LaneTalk }
func (MessageRecalled) Lane() Lane { return LaneTalk }
func (MessageReacted) Lane() Lane  { return LaneTalk }
func (ReadMarked) Lane() Lane      { return LaneRead }
func (Profiled) Lane() Lane        { return LaneState }
func (PersonErased) Lane() Lane    { return LaneState }
func (StatusSet) Lane() Lane       { return LaneStatus }

// decoders holds one function for each event's name.
var decoders = map[string]func([]byte) (Event, error){
	"friend.requested": decode[FriendRequested],
	"friend.accepted":  decode[FriendAccepted],
	"friend.rejected":  decode[FriendRejected],
	"friend.removed":   decode[FriendRemoved],
	"friend.blocked":   decode[FriendBlocked],
	"friend.unblocked": decode[FriendUnblocked],
	"friend.erased":    decode[FriendErased],
	"group.created":    decode[GroupCreated],
	"group.invited":    decode[GroupInvited],
	"group.declined":   decode[GroupDeclined],
	"group.joined":     decode[GroupJoined],
	"group.left":       decode[GroupLeft],
	"group.removed":    decode[GroupRemoved],
	"group.described":  decode[GroupDescribed],
	"group.applied":    decode[GroupApplied],
	"group.refused":    decode[GroupRefused],
	"group.role":       decode[GroupRoleSet],
	"group.dissolved":  decode[GroupDissolved],
	"group.erased":     decode[GroupErased],
	"message":          decodeMessage,
	"message.edited":   decode[MessageEdited],
	"message.recalled": decode[MessageRecalled],
	"message.reacted":  decode[MessageReacted],
	"read":             decode[ReadMarked],
	"profile":          decode[Profiled],
	"person.erased":    decode[PersonErased],
	"status":           decode[StatusSet],
}

func decode[E Event](b []byte) (Event, error) {
	var e E
	err := json.Unmarshal(b, &e)
	return e, err
}

// UnknownEventError is DecodeEvent's answer to an event of a name that this version does not know.
type UnknownEventError struct{ Event string }

func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("unknown event %q: it was written by a newer version, or by somebody else", e.Event)
}

const eventHead = `{"event":"`

// EncodeEvent writes an event as it stands in the log: a JSON object whose first member, "event", is its name.
func EncodeEvent(e Event) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(eventHead)
	b.WriteString(e.EventName())
	b.WriteByte('"')
	head := b.Len()
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.EventName(), err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if string(out[head:]) == "{}" { // it says no more than its name
		return append(out[:head], '}'), nil
	}
	out[head] = ',' // where the event's own object began
	return out, nil
}

// DecodeEvent reads what EncodeEvent wrote. The event may keep parts of b, which must not be changed afterwards. For a name that it does not
// know the error is an *UnknownEventError.
func DecodeEvent(b []byte) (Event, error) {
	rest, ok := bytes.CutPrefix(b[:min(len(b), len(eventHead)+64)], []byte(eventHead))
	name, _, closed := bytes.Cut(rest, []byte{'"'})
	if !ok || !closed {
		return nil, fmt.Errorf("not an event: it does not begin with %s", eventHead)
	}
	dec, known := decoders[string(name)]
	if !known {
		return nil, &UnknownEventError{string(name)}
	}
	e, err := dec(b)
	if err != nil {
		return nil, fmt.Errorf("decode event %s: %w", name, err)
	}
	return e, nil
}
