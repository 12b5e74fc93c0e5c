package domain

import "encoding/json"

// Account is how a person signs in with a name and a password. Accounts are kept beside the log, since a password's hash must be
// erasable.
type Account struct {
	Username string `json:"username"`
	ID       UserID `json:"id"`
	Password string `json:"password"` // its hash, in the PHC string format
	Revision uint64 `json:"-"`        // of the stored account, for a change to name what it changes
}

// The shapes in which the read models answer. Dates are as Date writes them.
type (
	// PersonView is what anyone may know of a person.
	PersonView struct {
		ID       UserID `json:"id"`
		Username string `json:"username,omitempty"`
		Name     string `json:"name"`
		Avatar   string `json:"avatar"`
		Deleted  bool   `json:"deleted,omitempty" doc:"This person has deleted the account; name is a place holder"`
	}

	// FriendView is what a friend may know of a person beyond that.
	FriendView struct {
		PersonView
		Seen string `json:"seen,omitempty" doc:"When the friend was last seen online, as far as that was while not online now"`
	}

	// ApplyView is something that waits for the reader's answer.
	ApplyView struct {
		Type  ApplyType       `json:"type" enum:"friend,invite,group"`
		From  PersonView      `json:"from"`
		Group *GroupView      `json:"group,omitempty"` // but for friendship
		Data  json.RawMessage `json:"data,omitempty"`  // the greeting of an application
		Date  string          `json:"date"`
		Seq   uint64          `json:"seq"`
	}

	// GroupView is what a member may know of a group.
	GroupView struct {
		ID          GroupID `json:"id"`
		Name        string  `json:"name"`
		Avatar      string  `json:"avatar"`
		Description string  `json:"description"`
		History     History `json:"history" enum:"all,joined"`
		Owner       UserID  `json:"owner"`
		Members     int     `json:"members"` // how many
		Role        Role    `json:"role,omitempty"`
	}

	// MemberView is somebody in a group.
	MemberView struct {
		PersonView
		Role   Role   `json:"role"`
		Joined string `json:"joined"`
	}

	// MessageView is something that was said.
	MessageView struct {
		Seq  uint64          `json:"seq"`
		ID   string          `json:"id"`
		From UserID          `json:"from"`
		Date string          `json:"date"`
		Msg  json.RawMessage `json:"msg" doc:"As it was edited last; an empty string where it was recalled"`

		Edited    string         `json:"edited,omitempty" doc:"When it was edited last"`
		Recalled  *RecalledView  `json:"recalled,omitempty" doc:"By whom and when it was taken back"`
		Reactions []ReactionView `json:"reactions,omitempty" doc:"By emoji; not in a list of conversations"`
	}

	// RecalledView says that a message was taken back.
	RecalledView struct {
		By   UserID `json:"by"`
		Date string `json:"date"`
	}

	// ReactionView is how many have reacted to a message with an emoji.
	ReactionView struct {
		Emoji string `json:"emoji"`
		Count int    `json:"count"`
		Mine  bool   `json:"mine,omitempty" doc:"The reader is among them"`
	}

	// FoundView is a message that a search has found.
	FoundView struct {
		Conversation string `json:"conversation"` // "u:<uid>" or "g:<gid>"
		MessageView
	}

	// ConversationView is one line of a person's list of conversations.
	ConversationView struct {
		ID     string       `json:"id"` // "u:<uid>" or "g:<gid>"
		Name   string       `json:"name"`
		Avatar string       `json:"avatar"`
		Last   *MessageView `json:"last,omitempty"`
		Unread uint64       `json:"unread"` // how many messages after the mark
		Read   uint64       `json:"read"`   // the seq up to which the reader has read
	}
)

// ApplyType says what an answer is waited for to.
type ApplyType string

// The types. They are part of the protocol.
const (
	ApplyFriend ApplyType = "friend" // an application for friendship
	ApplyInvite ApplyType = "invite" // an invitation to a group
	ApplyGroup  ApplyType = "group"  // an application to join a group, which its owner and admins are to answer
)
