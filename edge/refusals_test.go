package edge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/domain"
)

// Each refusal has its code and a sentence, whether an ack was asked for or not, and leaves nothing in the log.
func TestRefusals(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann", "bob", "cat", "eve")
	w.befriend("ann", "bob")
	w.group("g", "bob", "cat")
	w.group("own", "ann")
	n := w.edge()
	a := n.device("ann")
	before, err := w.journal.Ends(t.Context())
	must(t, err)
	long := strings.Repeat("x", 64<<10)
	for _, c := range []struct {
		code  domain.Code
		event string
		args  []any
	}{
		{domain.Forbidden, "send", []any{"eve", "hello"}},
		{domain.NotFound, "send", []any{"nobody", "hello"}},
		{domain.Malformed, "send", []any{"ann", "hello"}},
		{domain.Malformed, "send", []any{"a.b", "hello"}},
		{domain.Malformed, "send", []any{"*", "hello"}},
		{domain.Malformed, "send", []any{">", "hello"}},
		{domain.Malformed, "send", []any{"", "hello"}},
		{domain.Malformed, "send", []any{strings.Repeat("a", 10_000), "hello"}},
		{domain.Malformed, "send", []any{7, "hello"}},
		{domain.Malformed, "send", []any{nil, "hello"}},
		{domain.Malformed, "send", []any{"bob"}},
		{domain.Malformed, "send", []any{"bob", "hello", "again"}},
		{domain.Malformed, "send", []any{"bob", ""}},
		{domain.Malformed, "send", []any{"bob", "  "}},
		{domain.Malformed, "send", []any{"bob", "\u200b"}},
		{domain.Malformed, "send", []any{"bob", nil}},
		{domain.Malformed, "send", []any{"bob", map[string]any{"text": "x"}}},
		{domain.Malformed, "send", []any{"bob", map[string]any{"txt": "x", "id": "a b"}}},
		{domain.TooLarge, "send", []any{"bob", long}},
		{domain.Forbidden, "groupSend", []any{gid("g"), "hello"}},
		{domain.NotFound, "groupSend", []any{gid("nothing"), "hello"}},
		{domain.Malformed, "groupSend", []any{gid("g.*"), "hello"}},
		{domain.Malformed, "groupSend", []any{"g", "hello"}},
		{domain.Malformed, "groupSend", []any{map[string]any{"gid": 7}, "hello"}},
		{domain.Malformed, "groupSend", []any{map[string]any{}, "hello"}},
		{domain.Malformed, "read", []any{"u:bob", 0}},
		{domain.Malformed, "read", []any{"u:bob", -1}},
		{domain.Malformed, "read", []any{"u:bob", 1.5}},
		{domain.Malformed, "read", []any{"u:ann", 1}},
		{domain.Malformed, "read", []any{"x", 1}},
		{domain.Forbidden, "read", []any{"u:eve", 1}},
		{domain.Forbidden, "read", []any{"g:g", 1}},
		{domain.NotFound, "read", []any{"g:nothing", 1}},
		{domain.Conflict, "sendApply", []any{"bob"}},
		{domain.NotFound, "sendApply", []any{"nobody"}},
		{domain.Malformed, "sendApply", []any{"eve", "hello"}},
		{domain.TooLarge, "sendApply", []any{"eve", map[string]any{"x": long[:5000]}}},
		{domain.Conflict, "acceptFriend", []any{"eve"}},
		{domain.Conflict, "rejectFriend", []any{"eve"}},
		{domain.Malformed, "rejectFriend", []any{"eve", 7}},
		{domain.TooLarge, "rejectFriend", []any{"eve", long[:300]}},
		{domain.Conflict, "removeFriend", []any{"eve"}},
		{domain.Conflict, "unblock", []any{"eve"}},
		{domain.Malformed, "block", []any{"ann"}},
		{domain.Malformed, "createGroup", []any{map[string]any{"name": ""}}},
		{domain.Malformed, "createGroup", []any{map[string]any{"name": "\u202e"}}},
		{domain.NotFound, "createGroup", []any{map[string]any{"name": "x", "members": []string{"nobody"}}}},
		{domain.Malformed, "createGroup", []any{map[string]any{"name": "x", "members": []string{"a.b"}}}},
		{domain.Malformed, "createGroup", []any{map[string]any{"name": "x", "members": "bob"}}},
		{domain.TooLarge, "createGroup", []any{map[string]any{"name": "x", "members": make([]string, domain.MaxMembers)}}},
		{domain.Forbidden, "invite", []any{"g", "bob"}},
		{domain.NotFound, "invite", []any{"nothing", "bob"}},
		{domain.Forbidden, "acceptGroup", []any{"g"}},
		{domain.Forbidden, "acceptGroup", []any{"g", "bob"}},
		{domain.Malformed, "acceptGroup", []any{"g", "a.b"}},
		{domain.Malformed, "acceptGroup", []any{"g", nil}},
		{domain.Forbidden, "rejectGroup", []any{"g", "bob"}},
		{domain.NotFound, "applyGroup", []any{"nothing"}},
		{domain.Malformed, "applyGroup", []any{"g.*"}},
		{domain.Malformed, "applyGroup", []any{"g", "let me in"}},
		{domain.TooLarge, "applyGroup", []any{"g", map[string]any{"x": long[:5000]}}},
		{domain.NotFound, "sendApply", []any{"bob", map[string]any{"type": 1, "gid": "nothing"}}},
		{domain.Malformed, "sendApply", []any{"bob", map[string]any{"type": 1, "gid": "g.*"}}},
		{domain.Malformed, "sendApply", []any{"bob", map[string]any{"type": 1, "gid": 7}}},
		{domain.Forbidden, "updateGroup", []any{"g", map[string]any{"name": "x"}}},
		{domain.NotFound, "updateGroup", []any{"nothing", map[string]any{"name": "x"}}},
		{domain.Malformed, "updateGroup", []any{"own", map[string]any{}}},
		{domain.Malformed, "updateGroup", []any{"own", "x"}},
		{domain.Malformed, "updateGroup", []any{"own", map[string]any{"name": 7}}},
		{domain.Malformed, "updateGroup", []any{"own", map[string]any{"name": " "}}},
		{domain.TooLarge, "updateGroup", []any{"own", map[string]any{"name": long[:65]}}},
		{domain.TooLarge, "updateGroup", []any{"own", map[string]any{"avatar": long[:1025]}}},
		{domain.TooLarge, "updateGroup", []any{"own", map[string]any{"description": long[:1025]}}},
		{domain.Malformed, "updateGroup", []any{"own", map[string]any{"description": "a\rb"}}},
		{domain.Malformed, "updateGroup", []any{"own", map[string]any{"history": "none"}}},
		{domain.Forbidden, "setRole", []any{"g", "cat", "admin"}},
		{domain.Malformed, "setRole", []any{"own", "bob", "king"}},
		{domain.Malformed, "setRole", []any{"own", "bob", 7}},
		{domain.Malformed, "setRole", []any{"own", "ann", "member"}},
		{domain.Conflict, "setRole", []any{"own", "bob", "admin"}},
		{domain.Forbidden, "dissolveGroup", []any{"g"}},
		{domain.NotFound, "dissolveGroup", []any{"nothing"}},
		{domain.Malformed, "typing", []any{"x"}},
		{domain.Forbidden, "typing", []any{"u:eve"}},
		{domain.Malformed, "setStatus", []any{"away"}},
		{domain.Malformed, "setStatus", []any{7}},
		{domain.Forbidden, "rejectGroup", []any{"g", "ann"}},
		{domain.Forbidden, "leaveGroup", []any{"g"}},
		{domain.Forbidden, "removeMember", []any{"g", "cat"}},
		{domain.Malformed, "sendApply", nil},
		{domain.Malformed, "sendApply", []any{"eve", nil, nil}},
		{domain.Malformed, "nonsense", nil},
		{domain.Malformed, strings.Repeat("n", 10_000), nil},
	} {
		t.Run(fmt.Sprintf("%.20s %.20v", c.event, fmt.Sprint(c.args)), func(t *testing.T) {
			refused := a.no(c.code, c.event, c.args...)
			a.tell(c.event, c.args...)
			var fail struct {
				Event   string
				Code    domain.Code
				Message string
			}
			a.expect("fail").arg(t, 0, &fail)
			if fail.Code != c.code || fail.Message != refused.Message || !strings.HasPrefix(c.event, fail.Event) {
				t.Errorf("fail %+v, the ack says %+v", fail, refused)
			}
		})
	}
	after, err := w.journal.Ends(t.Context())
	must(t, err)
	if !slices.Equal(before, after) {
		t.Errorf("the log went from %v to %v", before, after)
	}
	if n.e.Keeps(domain.Direct("ann", "eve")) || n.e.Keeps(domain.InGroup("nothing")) || n.e.Keeps(domain.InGroup("g")) {
		t.Error("conversations are kept in which she may say nothing")
	}
}

// What a command takes is said whole: what may be left out, too.
func TestArgumentsAreNamed(t *testing.T) {
	w := newWorld(t, 1)
	w.people("ann")
	a := w.edge().device("ann")
	for command, want := range map[string]string{
		"sendApply": "sendApply takes (uid, data?), not 0 of them", "rejectFriend": "rejectFriend takes (uid, reply?), not 0 of them",
		"acceptGroup": "acceptGroup takes (gid, uid?), not 0 of them", "setRole": "setRole takes (gid, uid, role), not 0 of them",
	} {
		if got := a.no(domain.Malformed, command); got.Message != want {
			t.Errorf("%s is refused by %q, want %q", command, got.Message, want)
		}
	}
	if got := a.no(domain.Malformed, "rejectFriend", "bob", 7); got.Message != "reply must be a string" {
		t.Errorf("refused by %q", got.Message)
	}
}
