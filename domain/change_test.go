package domain

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// changeRule says whether a change of a message counts, by the role of who makes it.
type changeRule struct {
	rule  string
	given Said
	when  Change
	by    Role
	code  Code
}

// byAnn is said by ann, in a direct conversation or a group.
var byAnn = Said{From: ann}

var changeRules = []changeRule{
	{"who has said it may edit it", byAnn, MessageEdited{By: ann}, "", OK},
	{"in a group as well", byAnn, MessageEdited{By: ann}, RoleMember, OK},
	{"the other may not", byAnn, MessageEdited{By: bob}, "", Forbidden},
	{"nor may a member", byAnn, MessageEdited{By: bob}, RoleMember, Forbidden},
	{"nor an admin", byAnn, MessageEdited{By: bob}, RoleAdmin, Forbidden},
	{"nor the owner", byAnn, MessageEdited{By: bob}, RoleOwner, Forbidden},
	{"nobody edits what was taken back", Said{ann, true}, MessageEdited{By: ann}, RoleOwner, Conflict},
	{"which all are told alike", Said{ann, true}, MessageEdited{By: bob}, "", Conflict},

	{"who has said it may take it back", byAnn, MessageRecalled{By: ann}, "", OK},
	{"a member's own as well", byAnn, MessageRecalled{By: ann}, RoleMember, OK},
	{"the other may not take it back", byAnn, MessageRecalled{By: bob}, "", Forbidden},
	{"nor may another member", byAnn, MessageRecalled{By: bob}, RoleMember, Forbidden},
	{"an admin may", byAnn, MessageRecalled{By: bob}, RoleAdmin, OK},
	{"the owner may", byAnn, MessageRecalled{By: bob}, RoleOwner, OK},
	{"a role that does not exist is none", byAnn, MessageRecalled{By: bob}, "king", Forbidden},
	{"once", Said{ann, true}, MessageRecalled{By: ann}, RoleOwner, Conflict},
	{"an admin, too", Said{ann, true}, MessageRecalled{By: bob}, RoleAdmin, Conflict},

	{"anyone may react", byAnn, MessageReacted{By: bob, Emoji: "👍", On: true}, "", OK},
	{"also to what is one's own", byAnn, MessageReacted{By: ann, Emoji: "👍", On: true}, RoleMember, OK},
	{"and take that back", byAnn, MessageReacted{By: bob, Emoji: "👍"}, RoleMember, OK},
	{"nobody reacts to what was taken back", Said{ann, true}, MessageReacted{By: bob, Emoji: "👍", On: true}, RoleOwner, Conflict},
	{"nor takes a reaction to it away", Said{ann, true}, MessageReacted{By: bob, Emoji: "👍"}, "", Conflict},
}

func TestSaidMay(t *testing.T) {
	for _, c := range changeRules {
		t.Run(c.rule, func(t *testing.T) {
			if err := c.given.May(c.when, c.by); codeOf(err) != c.code {
				t.Errorf("%+v by %q of %+v: %v, want code %d", c.when, c.by, c.given, err, c.code)
			}
		})
	}
}

// timeRules say how late something may be changed.
var timeRules = []struct {
	rule  string
	after time.Duration
	limit time.Duration
	code  Code
}{
	{"at once", 0, day, OK},
	{"at the limit", day, day, OK},
	{"beyond it", day + 1, day, Forbidden},
	{"without a limit", 10_000 * day, 0, OK},
	{"by a clock that is behind the log's", -time.Hour, time.Second, OK},
	{"beyond the shortest", 2, 1, Forbidden},
}

func TestInTime(t *testing.T) {
	for _, c := range timeRules {
		if err := InTime(noon, noon.Add(c.after), c.limit); codeOf(err) != c.code {
			t.Errorf("%s: %v, want code %d", c.rule, err, c.code)
		}
	}
	if err := InTime(noon, noon.Add(time.Hour), 90*time.Second); err == nil || !strings.Contains(err.Error(), "1m30s") {
		t.Errorf("%v does not name the limit", err)
	}
}

// What every event of the talk lane says of who speaks and what it is about, and no other does.
func TestSpeakers(t *testing.T) {
	for _, e := range samples {
		spoken, is := e.(Spoken)
		if is != (e.Lane() == LaneTalk) {
			t.Errorf("%s is in the lane %s, and is spoken: %t", e.EventName(), e.Lane(), is)
		}
		if !is {
			continue
		}
		want := reflect.ValueOf(e)
		by := want.FieldByName("By")
		if !by.IsValid() {
			by = want.FieldByName("From")
		}
		if got, open := spoken.Speaker(); string(got) != by.String() || open != want.FieldByName("Open").Bool() {
			t.Errorf("%s is spoken by %s, open: %t", e.EventName(), got, open)
		}
		change, changes := e.(Change)
		if seq := want.FieldByName("Seq"); changes != seq.IsValid() || changes && change.Of() != seq.Uint() {
			t.Errorf("%s changes something: %t", e.EventName(), changes)
		}
	}
}

func TestParseEmoji(t *testing.T) {
	longest := strings.Repeat("👍", MaxEmoji/len("👍"))
	for _, s := range []string{"👍", "👍🏽", "❤️", "❤", "🇫🇷", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👩‍👩‍👧‍👦", "1️⃣", "+1", "a", ":smile:", "→", longest} {
		if got, err := ParseEmoji(s); err != nil || got != s {
			t.Errorf("ParseEmoji(%q) = %q, %v", s, got, err)
		}
	}
	for _, c := range emojiRules() {
		if got, err := ParseEmoji(c.emoji); codeOf(err) != c.code || got != "" {
			t.Errorf("%s: %q, %v, want code %d", c.rule, got, err, c.code)
		}
	}
	for _, s := range hostile {
		if got, err := ParseEmoji(s); err == nil && (got != s || len(s) > MaxEmoji) {
			t.Errorf("ParseEmoji(%.40q) = %q", s, got)
		}
	}
}

type emojiRule struct {
	rule, emoji string
	code        Code
}

func emojiRules() []emojiRule {
	return []emojiRule{
		{"no emoji", "", Malformed},
		{"an emoji of a space", " ", Malformed},
		{"an emoji with a space", "👍 ", Malformed},
		{"two emoji with a line end between", "👍\n👍", Malformed},
		{"an emoji with NUL", "👍\x00", Malformed},
		{"an emoji with a space of another kind", "👍\u3000", Malformed},
		{"an emoji with a line separator", "👍\u2028", Malformed},
		{"an emoji of what joins others", "\u200d", Malformed},
		{"an emoji of what says how others are shown", "\ufe0f", Malformed},
		{"an emoji of a filler", "\u3164", Malformed},
		{"an emoji that turns the text", "👍\u202e", Malformed},
		{"an emoji that isolates the text", "\u2066👍", Malformed},
		{"an emoji that is no UTF-8", "👍\xff", Malformed},
		{"an emoji cut off", "👍"[:3], Malformed},
		{"an emoji one byte too long", strings.Repeat("👍", MaxEmoji/len("👍")) + "x", TooLarge},
		{"an emoji of 10 kB", strings.Repeat("x", 10_000), TooLarge},
	}
}

// Who is gone for good leaves nothing behind that one decides by: without what may be taken out of the log then, all that was said by others counts
// as before, and the end is the same.
func TestWhatIsErasableChangesNothingForOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := team(admin(bob))
		g := groupOver(history)
		for range steps(t) {
			if e, err := g.Decide(draw(t, g)); err == nil && e != nil {
				history = append(history, e)
				g = groupOver(history)
			}
		}
		gone := map[UserID]bool{}
		for _, u := range everybody {
			if rapid.Bool().Draw(t, "gone") {
				gone[u] = true
				e, err := g.Decide(EraseMember{u})
				if err != nil {
					t.Fatal(err)
				}
				if e == nil { // has been taken away before
					continue
				}
				history = append(history, e)
				g = groupOver(history)
			}
		}
		var whole, cleaned Group
		for i, e := range history {
			whole.Evolve(e, hour(i))
			erased := false
			for u := range gone {
				erased = erased || Erasable(e, u)
			}
			if !erased {
				cleaned.Evolve(e, hour(i))
			}
			for _, u := range everybody {
				if whole.Role(u) != cleaned.Role(u) {
					t.Fatalf("after %#v %s is %q, and %q without what was erased", e, u, whole.Role(u), cleaned.Role(u))
				}
			}
		}
		if x, y := state(&whole), state(&cleaned); x != y || answers(&whole) != answers(&cleaned) {
			t.Fatalf("cleaned:\n%s\nwas\n%s", y, x)
		}
		for u := range gone {
			if whole.Role(u) != "" || whole.Invited(u) || whole.Applied(u) {
				t.Fatalf("%s is gone and something in the group: %s", u, state(&whole))
			}
		}
	})
}

// The same for two people.
func TestWhatIsErasableChangesNothingForTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := []Event{}
		f := friendshipOver(history)
		for _, c := range some(t, anyFriendCommand, 40, "commands") {
			if e, err := f.Decide(c); err == nil && e != nil {
				history = append(history, e)
				f = friendshipOver(history)
			}
		}
		gone := rapid.SampledFrom([][]UserID{{ann}, {bob}, {ann, bob}, {bob, ann}}).Draw(t, "gone")
		for _, u := range gone {
			if e, err := f.Decide(EraseFriend{u}); err != nil || e == nil && !f.erased[f.side(u)] {
				t.Fatalf("%s is not taken away: %v", u, err)
			} else if e != nil {
				history = append(history, e)
				f = friendshipOver(history)
			}
		}
		whole, cleaned := friendshipOver(nil), friendshipOver(nil)
		for i, e := range history {
			whole.Evolve(e, hour(i))
			erased := false
			for _, u := range gone {
				erased = erased || Erasable(e, u)
			}
			if !erased {
				cleaned.Evolve(e, hour(i))
			}
			for _, open := range []bool{true, false} {
				for _, u := range []UserID{ann, bob} {
					if a, b := whole.MaySend(u, open), cleaned.MaySend(u, open); codeOf(a) != codeOf(b) {
						t.Fatalf("after %#v %s may send: %v, and without what was erased: %v", e, u, a, b)
					}
				}
			}
		}
		if whole != cleaned {
			t.Fatalf("cleaned: %+v, was %+v", cleaned, whole)
		}
	})
}

// What of a person's may be taken out of the log, event by event; nothing that is another's.
func TestErasable(t *testing.T) {
	mine := map[string]bool{"message": true, "message.edited": true, "message.reacted": true, "read": true, "friend.requested": true, "friend.rejected": true,
		"group.applied": true, "profile": true, "status": true}
	for _, e := range samples {
		of := func(u UserID) Event { // the same, by u alone
			v := reflect.New(reflect.TypeOf(e)).Elem()
			v.Set(reflect.ValueOf(e))
			for _, field := range []string{"By", "From", "UID"} {
				if f := v.FieldByName(field); f.IsValid() {
					f.SetString(string(u))
				}
			}
			return v.Interface().(Event)
		}
		if got := Erasable(of("ann"), "ann"); got != mine[e.EventName()] {
			t.Errorf("%s may be taken out: %t", e.EventName(), got)
		}
		own := e.EventName() == "profile" || e.EventName() == "status" // of which a topic has nobody else's
		if !own && Erasable(of("ann"), "bob") {
			t.Errorf("another's %s may be taken out", e.EventName())
		}
	}
}

func FuzzParseEmoji(f *testing.F) {
	for _, c := range emojiRules() {
		f.Add(c.emoji)
	}
	for _, s := range []string{"👍🏽", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "👩‍👩‍👧‍👦", "1️⃣", "\ufffd", "\u0301a", "<b>", `"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseEmoji(s)
		if err != nil {
			if c := codeOf(err); got != "" || c != Malformed && c != TooLarge || (c == TooLarge) != (len(s) > MaxEmoji) {
				t.Fatalf("%q gives %q, %v", s, got, err)
			}
			return
		}
		if got != s || s == "" || len(s) > MaxEmoji || strings.ContainsAny(s, " \t\r\n\x00\u3000\u2028"+turning) || !seen(s) {
			t.Fatalf("%q was taken, as %q", s, got)
		}
		e := MessageReacted{By: "ann", Seq: 1, Emoji: s, On: true}
		b, err := EncodeEvent(e)
		if err != nil || !json.Valid(b) {
			t.Fatalf("accepted and not encoded: %v", err)
		}
		if back, err := DecodeEvent(b); err != nil || back != e {
			t.Fatalf("%q came back as %#v, %v", s, back, err)
		}
	})
}
