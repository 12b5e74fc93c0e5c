package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"parley/domain/journal/journaltest"
	"parley/projector/mysql/mysqltest"
)

// twoEdges runs two edges and a projector inside this process, over a NATS server and a database, and gives the edges' URLs. The first edge
// has settings of its own.
func twoEdges(t *testing.T, nats string, first ...string) []string {
	t.Helper()
	shared := []string{"--nats", nats, "--mysql", mysqltest.DSN(t), "--data", t.TempDir(), "--auth.secret", strings.Repeat("s", 32),
		"--http.drain", "0s", "--chat.commands", "0"} // the stage's crew come and go after each step
	start(t, append([]string{"projector"}, shared...)...)
	return []string{
		start(t, slices.Concat([]string{"edge"}, shared, first)...).url,
		start(t, append([]string{"edge"}, shared...)...).url,
	}
}

// TestWhoHearsWhat goes through every command and every event over two edges: each step says which devices hear what, and nobody hears
// anything else, least of all eve, who is nobody's friend and in no group, and is connected to both edges by both libraries.
func TestWhoHearsWhat(t *testing.T) {
	nats := journaltest.Start(t, 1).URL()
	s := newStage(t, twoEdges(t, nats), map[string]place{
		"annA": {"ann", today, 0}, "annB": {"ann", old, 1}, "bobA": {"bob", old, 0}, "bobB": {"bob", today, 1}, "catA": {"cat", old, 0},
		"gusB": {"gus", today, 1}, "halA": {"hal", today, 0},
		"eveA": {"eve", today, 0}, "eveAold": {"eve", old, 0}, "eveB": {"eve", today, 1}, "eveBold": {"eve", old, 1},
	})
	s.log = openLog(t, strings.TrimPrefix(nats, "nats://"))
	s.play(step{what: "all come", do: s.come("annA", "annB", "bobB", "catA", "gusB", "halA", "eveA", "eveAold", "eveB", "eveBold"), hear: hear{
		"annA annB":                 "open\nuserin [ann] ann",
		"bobB":                      "open\nuserin [bob] bob",
		"catA":                      "open\nuserin [cat] cat",
		"gusB":                      "open\nuserin [gus] gus",
		"halA":                      "open\nuserin [hal] hal",
		"eveA eveAold eveB eveBold": "open\nuserin [eve] eve",
	}})
	s.play(becomingFriends(s)...)
	s.play(talking(s)...)
	s.play(comingAndGoing(s)...)
	s.play(fallingOut(s)...)
	s.play(inAGroup(s)...)
	s.play(whoRunsAGroup(s)...)
}

// becomingFriends makes ann, bob and cat friends of one another.
func becomingFriends(s *stage) []step {
	return []step{
		{what: "ann signs once more", do: s.signs("annA"), hear: hear{"annA": "userin [ann] ann"}},
		{what: "ann applies to bob", do: s.does("annA", "sendApply", id("bob"), m{"greeting": "hello", "from": "somebody else", "seq": 1}), hear: hear{
			"annA annB": `friend {"by":"ann","state":"requested","uid":"bob"}`,
			"bobB":      `friend {"by":"ann","state":"requested","uid":"ann"}` + "\n" + `apply {"from":"ann","greeting":"hello"}`,
		}},
		{what: "ann applies again", do: s.fails(6, "annB", "sendApply", id("bob"))},
		{what: "bob has it in his list", do: func() {
			s.applies("bob", "friend ann  hello")
			s.applies("ann")
			s.applies("eve")
		}},
		{what: "eve would accept it", do: s.fails(6, "eveB", "acceptFriend", id("ann"))},
		{what: "bob accepts ann", do: s.does("bobB", "acceptFriend", id("ann")), hear: hear{
			"annA annB": "refresh [ann bob]\n" + `friend {"by":"bob","state":"accepted","uid":"bob"}`,
			"bobB":      "checkStatus [ann bob]\n" + `friend {"by":"bob","state":"accepted","uid":"ann"}`,
		}},
		{what: "bob goes", do: s.goes("bobB"), hear: hear{"annA annB": "userout [ann] bob"}},
		{what: "cat applies to bob, who is away", do: s.does("catA", "sendApply", id("bob"), m{"greeting": "hi"}), hear: hear{
			"catA": `friend {"by":"cat","state":"requested","uid":"bob"}`,
		}},
		{what: "bob comes back", do: s.come("bobB"), hear: hear{
			"annA annB": "userin [ann bob] bob",
			"bobB":      "open\nuserin [ann bob] bob\n" + `apply {"from":"cat","greeting":"hi","seq":"cat applies to bob, who is away"}`,
		}},
		{what: "bob signs again", do: s.signs("bobB"), hear: hear{"bobB": "userin [ann bob] bob"}},
		{what: "bob turns cat down", do: s.does("bobB", "rejectFriend", id("cat"), "not now"), hear: hear{
			"bobB": `friend {"by":"bob","reply":"not now","state":"rejected","uid":"cat"}`,
			"catA": `friend {"by":"bob","reply":"not now","state":"rejected","uid":"bob"}`,
		}},
		{what: "cat applies too soon", do: s.fails(5, "catA", "sendApply", id("bob"))},
		{what: "bob applies to cat", do: s.does("bobB", "sendApply", id("cat")), hear: hear{
			"bobB": `friend {"by":"bob","state":"requested","uid":"cat"}`,
			"catA": `friend {"by":"bob","state":"requested","uid":"bob"}` + "\n" + `apply {"from":"bob"}`,
		}},
		{what: "cat applies to bob, who has applied", do: s.does("catA", "sendApply", id("bob")), hear: hear{
			"bobB": "refresh [ann bob cat]\n" + `friend {"by":"cat","state":"accepted","uid":"cat"}`,
			"catA": "checkStatus [bob cat]\n" + `friend {"by":"cat","state":"accepted","uid":"bob"}`,
		}},
		{what: "one of ann's devices goes for a moment", do: s.goes("annB")},
		{what: "it connects and does not sign yet", do: s.connects("annB"), hear: hear{"annB": "open"}},
		{what: "cat applies to ann", do: s.does("catA", "sendApply", id("ann")), hear: hear{
			"annA annB": `friend {"by":"cat","state":"requested","uid":"cat"}` + "\n" + `apply {"from":"cat"}`,
			"catA":      `friend {"by":"cat","state":"requested","uid":"ann"}`,
		}},
		{what: "the device signs, and has heard of it already", do: s.signs("annB"), hear: hear{"annB": "userin [ann bob] ann"}},
		{what: "ann accepts cat", do: s.does("annB", "acceptFriend", id("cat")), hear: hear{
			"annA annB": "checkStatus [ann bob cat]\n" + `friend {"by":"ann","state":"accepted","uid":"cat"}`,
			"catA":      "refresh [ann bob cat]\n" + `friend {"by":"ann","state":"accepted","uid":"ann"}`,
		}},
	}
}

// talking is between friends.
func talking(s *stage) []step {
	return []step{
		{what: "ann writes to bob", do: s.does("annA", "send", id("bob"), "hi bob"), hear: hear{
			"annA annB": `reply {"id":"bob","self":true} {"msg":"hi bob"}`,
			"bobB":      `reply {"id":"ann","self":false} {"msg":"hi bob"}`,
		}},
		{what: "bob writes to ann", do: s.does("bobB", "send", id("ann"), m{"txt": "<b>& 你好", "id": "x-1", "type": 2}), hear: hear{
			"annA annB": `reply {"id":"bob","self":false} {"msg":{"id":"x-1","txt":"<b>& 你好","type":2}}`,
			"bobB":      `reply {"id":"ann","self":true} {"msg":{"id":"x-1","txt":"<b>& 你好","type":2}}`,
		}},
		{what: "bob sends the same again", do: s.does("bobB", "send", id("ann"), m{"txt": "<b>& 你好", "id": "x-1"})},
		{what: "cat writes to bob", do: s.does("catA", "send", id("bob"), "hi from cat"), hear: hear{
			"bobB": `reply {"id":"cat","self":false} {"msg":"hi from cat"}`,
			"catA": `reply {"id":"bob","self":true} {"msg":"hi from cat"}`,
		}},
		{what: "eve writes to ann", do: s.fails(3, "eveA", "send", id("ann"), "hi from eve")},
		{what: "eve writes to ann and asks for no ack", do: func() {
			s.d.tell(m{"do": "emit", "c": "eveBold", "event": "send", "args": []any{s.people["ann"].ID, "hi from eve"}})
		}, hear: hear{"eveBold": `fail {"code":3,"data":null,"event":"send","message":"you may not write to this person"}`}},
		{what: "ann has read what bob wrote", do: s.does("annB", "read", id("u:bob"), seq("<b>& 你好")), hear: hear{
			"annA annB": `read {"conversation":"u:bob","seq":"<b>& 你好","uid":"ann"}`,
			"bobB":      `read {"conversation":"u:ann","seq":"<b>& 你好","uid":"ann"}`,
		}},
		{what: "ann has read less", do: s.does("annA", "read", id("u:bob"), seq("hi bob"))},
		{what: "eve has read what she may not", do: s.fails(3, "eveA", "read", id("u:ann"), seq("hi bob"))},
		{what: "ann would have written otherwise", do: s.does("annA", "edit", id("u:bob"), seq("hi bob"), m{"txt": "<i>& 再见", "id": "x-2"}), hear: hear{
			"annA annB": `edited {"by":"ann","conversation":"u:bob","msg":{"id":"x-2","txt":"<i>& 再见"},"seq":"hi bob"}`,
			"bobB":      `edited {"by":"ann","conversation":"u:ann","msg":{"id":"x-2","txt":"<i>& 再见"},"seq":"hi bob"}`,
		}},
		{what: "ann says the same once more, on her other device", do: s.does("annB", "edit", id("u:bob"), seq("hi bob"), m{"txt": "<i>& 再见"})},
		{what: "bob reacts", do: s.does("bobB", "react", id("u:ann"), seq("hi bob"), "👍🏽", true), hear: hear{
			"annA annB": `reacted {"by":"bob","conversation":"u:bob","emoji":"👍🏽","on":true,"seq":"hi bob"}`,
			"bobB":      `reacted {"by":"bob","conversation":"u:ann","emoji":"👍🏽","on":true,"seq":"hi bob"}`,
		}},
		{what: "bob reacts so once more", do: s.does("bobB", "react", id("u:ann"), seq("hi bob"), "👍🏽", true)},
		{what: "bob does so no longer", do: s.does("bobB", "react", id("u:ann"), seq("hi bob"), "👍🏽", false), hear: hear{
			"annA annB": `reacted {"by":"bob","conversation":"u:bob","emoji":"👍🏽","on":false,"seq":"hi bob"}`,
			"bobB":      `reacted {"by":"bob","conversation":"u:ann","emoji":"👍🏽","on":false,"seq":"hi bob"}`,
		}},
		{what: "cat takes back what she wrote", do: s.does("catA", "recall", id("u:bob"), seq("hi from cat")), hear: hear{
			"bobB": `recalled {"by":"cat","conversation":"u:cat","seq":"hi from cat"}`,
			"catA": `recalled {"by":"cat","conversation":"u:bob","seq":"hi from cat"}`,
		}},
		{what: "bob would react to that", do: s.fails(6, "bobB", "react", id("u:cat"), seq("hi from cat"), "👍", true)},
		{what: "bob would edit what ann wrote", do: s.fails(3, "bobB", "edit", id("u:ann"), seq("hi bob"), "hi me")},
		{what: "bob would take it back", do: s.fails(3, "bobB", "recall", id("u:ann"), seq("hi bob"))},
		{what: "eve would edit it, too", do: s.fails(3, "eveA", "edit", id("u:ann"), seq("hi bob"), "hi eve")},
		{what: "eve reacts to it", do: s.fails(3, "eveBold", "react", id("u:ann"), seq("hi bob"), "👍", true)},
		{what: "ann edits what was said elsewhere", do: s.fails(2, "annB", "edit", id("u:bob"), seq("hi from cat"), "x")},
		{what: "ann types to bob", do: s.types("annA", "u:bob"), typed: true, hear: hear{"bobB": `typing {"conversation":"u:ann","uid":"ann"}`}},
		{what: "bob types to ann", do: s.types("bobB", "u:ann"), typed: true, hear: hear{"annA annB": `typing {"conversation":"u:bob","uid":"bob"}`}},
		{what: "eve types to ann", do: s.fails(3, "eveB", "typing", id("u:ann")), typed: true},
		{what: "the history has it", do: func() {
			s.history("ann", "u:bob", "hi bob", "<b>& 你好")
			s.history("bob", "u:ann", "hi bob", "<b>& 你好")
			s.history("cat", "u:bob", "hi from cat")
			s.refused(403, "cat", "/api/conversations/u:"+s.people["gus"].ID+"/messages")
			s.refused(403, "eve", "/api/conversations/u:"+s.people["ann"].ID+"/messages")
		}},
	}
}

// comingAndGoing is of friends, and of those who would not be seen.
func comingAndGoing(s *stage) []step {
	var left time.Time
	var seen string
	return []step{
		{what: "cat goes", do: func() { left = time.Now(); s.goes("catA")() }, hear: hear{"annA annB": "userout [ann bob] cat", "bobB": "userout [ann bob] cat"}},
		{what: "when cat was seen is for friends", do: func() {
			s.seenSince("ann", "cat", left)
			s.seenSince("bob", "cat", left)
			var anyone m
			s.people["eve"].get(s.t, "/api/users/"+s.people["cat"].ID, &anyone)
			if anyone["id"] == nil || anyone["seen"] != nil {
				s.t.Errorf("%s: eve is told %v", s.step, anyone)
			}
		}},
		{what: "cat comes", do: s.come("catA"), hear: hear{
			"annA annB": "userin [ann bob cat] cat", "bobB": "userin [ann bob cat] cat", "catA": "open\nuserin [ann bob cat] cat",
		}},
		{what: "one of ann's devices goes", do: s.goes("annB")},
		{what: "it comes back", do: s.come("annB"), hear: hear{"annB": "open\nuserin [ann bob cat] ann"}},
		{what: "bob would be invisible", do: s.does("bobB", "setStatus", "invisible"), hear: hear{
			"annA annB": "userout [ann cat] bob", "bobB": `status {"status":"invisible"}`, "catA": "userout [ann cat] bob",
		}},
		{what: "once more", do: s.does("bobB", "setStatus", "invisible")},
		{what: "bob would be what there is not", do: s.fails(4, "bobB", "setStatus", "away")},
		{what: "ann sees no bob", do: s.signs("annA"), hear: hear{"annA": "userin [ann cat] ann"}},
		{what: "invisible bob comes by another device", do: s.come("bobA"), hear: hear{"bobA": "open\nuserin [ann bob cat] bob\n" + `status {"status":"invisible"}`}},
		{what: "invisible bob writes", do: s.does("bobA", "send", id("ann"), "unseen"), hear: hear{
			"annA annB": `reply {"id":"bob","self":false} {"msg":"unseen"}`, "bobA bobB": `reply {"id":"ann","self":true} {"msg":"unseen"}`,
		}},
		{what: "cat goes while bob is invisible", do: s.goes("catA"), hear: hear{"annA annB": "userout [ann] cat", "bobA bobB": "userout [ann bob] cat"}},
		{what: "cat comes while bob is invisible", do: s.come("catA"), hear: hear{
			"annA annB": "userin [ann cat] cat", "bobA bobB": "userin [ann bob cat] cat", "catA": "open\nuserin [ann cat] cat",
		}},
		{what: "invisible bob goes", do: func() { seen = s.seen("ann", "bob"); s.goes("bobA", "bobB")() }},
		{what: "invisible bob comes", do: s.come("bobB"), hear: hear{"bobB": "open\nuserin [ann bob cat] bob\n" + `status {"status":"invisible"}`}},
		{what: "nobody knows that invisible bob was here", do: func() {
			if now := s.seen("ann", "bob"); now != seen {
				s.t.Errorf("%s: seen at %s, and before at %s", s.step, now, seen)
			}
		}},
		{what: "bob would be seen again", do: s.does("bobB", "setStatus", "online"), hear: hear{
			"annA annB": "userin [ann bob cat] bob", "bobB": `status {"status":"online"}`, "catA": "userin [ann bob cat] bob",
		}},
	}
}

// fallingOut is with ann: bob removes her, and then blocks her.
func fallingOut(s *stage) []step {
	return []step{
		{what: "bob removes ann", do: s.does("bobB", "removeFriend", id("ann")), hear: hear{
			"annA annB": `friend {"by":"bob","state":"removed","uid":"bob"}`, "bobB": `friend {"by":"bob","state":"removed","uid":"ann"}`,
		}},
		{what: "ann may not write to bob", do: s.fails(3, "annA", "send", id("bob"), "what is it?")},
		{what: "ann reads on and bob does not hear of it", do: s.does("annA", "read", id("u:bob"), seq("unseen")), hear: hear{
			"annA annB": `read {"conversation":"u:bob","seq":"unseen","uid":"ann"}`,
		}},
		{what: "bob goes unheard by ann", do: s.goes("bobB"), hear: hear{"catA": "userout [ann cat] bob"}},
		{what: "bob comes unheard by ann", do: s.come("bobB"), hear: hear{"bobB": "open\nuserin [bob cat] bob", "catA": "userin [ann bob cat] bob"}},
		{what: "ann applies to bob again", do: s.does("annA", "sendApply", id("bob")), hear: hear{
			"annA annB": `friend {"by":"ann","state":"requested","uid":"bob"}`,
			"bobB":      `friend {"by":"ann","state":"requested","uid":"ann"}` + "\n" + `apply {"from":"ann"}`,
		}},
		{what: "bob blocks ann", do: s.does("bobB", "block", id("ann")), hear: hear{"bobB": `friend {"by":"bob","state":"blocked","uid":"ann"}`}},
		{what: "the application is gone", do: func() { s.applies("bob") }},
		{what: "the blocked writes", do: s.fails(3, "annA", "send", id("bob"), "hello?")},
		{what: "the blocked types", do: s.fails(3, "annB", "typing", id("u:bob")), typed: true},
		{what: "the blocked applies", do: s.fails(3, "annA", "sendApply", id("bob"))},
		{what: "the one who blocks writes", do: s.fails(3, "bobB", "send", id("ann"), "never mind")},
		{what: "bob unblocks ann", do: s.does("bobB", "unblock", id("ann")), hear: hear{"bobB": `friend {"by":"bob","state":"unblocked","uid":"ann"}`}},
		{what: "they are no friends for that", do: s.fails(3, "annA", "send", id("bob"), "hello again?")},
		{what: "bob applies to ann", do: s.does("bobB", "sendApply", id("ann")), hear: hear{
			"annA annB": `friend {"by":"bob","state":"requested","uid":"bob"}` + "\n" + `apply {"from":"bob"}`,
			"bobB":      `friend {"by":"bob","state":"requested","uid":"ann"}`,
		}},
		{what: "ann accepts bob", do: s.does("annA", "acceptFriend", id("bob")), hear: hear{
			"annA annB": "checkStatus [ann bob cat]\n" + `friend {"by":"ann","state":"accepted","uid":"bob"}`,
			"bobB":      "refresh [ann bob cat]\n" + `friend {"by":"ann","state":"accepted","uid":"ann"}`,
		}},
		{what: "ann blocks cat, her friend", do: s.does("annA", "block", id("cat")), hear: hear{"annA annB": `friend {"by":"ann","state":"blocked","uid":"cat"}`}},
		{what: "blocked cat goes", do: s.goes("catA"), hear: hear{"bobB": "userout [ann bob] cat"}},
		{what: "blocked cat comes", do: s.come("catA"), hear: hear{"bobB": "userin [ann bob cat] cat", "catA": "open\nuserin [bob cat] cat"}},
		{what: "ann unblocks cat", do: s.does("annA", "unblock", id("cat")), hear: hear{"annA annB": `friend {"by":"ann","state":"unblocked","uid":"cat"}`}},
		{what: "ann applies to cat", do: s.does("annA", "sendApply", id("cat")), hear: hear{
			"annA annB": `friend {"by":"ann","state":"requested","uid":"cat"}`,
			"catA":      `friend {"by":"ann","state":"requested","uid":"ann"}` + "\n" + `apply {"from":"ann"}`,
		}},
		{what: "cat accepts ann", do: s.does("catA", "acceptFriend", id("ann")), hear: hear{
			"annA annB": "refresh [ann bob cat]\n" + `friend {"by":"cat","state":"accepted","uid":"cat"}`,
			"catA":      "checkStatus [ann bob cat]\n" + `friend {"by":"cat","state":"accepted","uid":"ann"}`,
		}},
	}
}
