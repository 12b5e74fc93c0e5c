package main

import (
	"encoding/json"
	"fmt"
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
	shared := []string{"--nats", nats, "--mysql", mysqltest.DSN(t), "--data", t.TempDir(), "--auth.secret", strings.Repeat("s", 32)}
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

// inAGroup is ann's: with bob, her friend, and gus, who is nobody's and has to be asked.
func inAGroup(s *stage) []step {
	const members = "annA annB bobB gusB"
	return []step{
		{what: "ann makes a group", do: func() {
			var made struct{ GID string }
			members := []any{s.resolve(id("bob")), s.resolve(id("gus"))}
			must(s.t, json.Unmarshal(s.ok("annA", "createGroup", m{"name": "Ours", "members": members}), &made))
			s.names[made.GID] = "G"
		}, hear: hear{
			"annA annB bobB": `group {"by":"ann","gid":"G","name":"Ours","state":"created"}`,
			"gusB":           `group {"by":"ann","gid":"G","name":"Ours","state":"invited"}`,
		}},
		{what: "gus has the invitation in his list", do: func() {
			s.applies("gus", "invite ann Ours ")
			for _, who := range []string{"ann", "bob", "cat", "eve"} {
				s.applies(who)
			}
			s.seesGroup("gus", "Ours of 2, ")
			s.refused(403, "gus", "/api/conversations/"+s.resolve(id("g:G")).(string)+"/messages")
		}},
		{what: "an invitation is no place in it", do: s.fails(3, "gusB", "groupSend", m{"gid": id("G")}, "hello?")},
		{what: "gus declines", do: s.does("gusB", "rejectGroup", id("G")), hear: hear{members: `group {"by":"gus","gid":"G","name":"Ours","state":"declined","uid":"gus"}`}},
		{what: "bob invites gus again", do: s.does("bobB", "invite", id("G"), id("gus")), hear: hear{
			members: `group {"by":"bob","gid":"G","name":"Ours","state":"invited","uid":"gus"}`,
		}},
		{what: "before gus", do: s.does("annA", "groupSend", m{"gid": id("G"), "user": m{"id": "somebody else"}}, "before gus"), hear: hear{
			"annA annB bobB": `groupReply {"gid":"G","id":"ann"} {"msg":"before gus"}`,
		}},
		{what: "gus accepts", do: s.does("gusB", "acceptGroup", id("G")), hear: hear{members: `group {"by":"gus","gid":"G","name":"Ours","state":"joined","uid":"gus"}`}},
		{what: "gus writes to all", do: s.does("gusB", "groupSend", m{"gid": id("G")}, m{"txt": "hi all", "id": "x-1"}), hear: hear{
			members: `groupReply {"gid":"G","id":"gus"} {"msg":{"id":"x-1","txt":"hi all"}}`,
		}},
		{what: "bob has read it", do: s.does("bobB", "read", id("g:G"), seq("hi all")), hear: hear{"bobB": `read {"conversation":"g:G","seq":"hi all","uid":"bob"}`}},
		{what: "ann types to all", do: s.types("annB", "g:G"), typed: true, hear: hear{"bobB gusB": `typing {"conversation":"g:G","uid":"ann"}`}},
		{what: "gus types to all", do: s.types("gusB", "g:G"), typed: true, hear: hear{"annA annB bobB": `typing {"conversation":"g:G","uid":"gus"}`}},
		{what: "eve types to all", do: s.fails(3, "eveB", "typing", id("g:G")), typed: true},
		{what: "eve writes to all", do: s.fails(3, "eveBold", "groupSend", m{"gid": id("G"), "user": m{"id": id("ann")}}, "hi from eve")},
		{what: "eve has read it", do: s.fails(3, "eveA", "read", id("g:G"), seq("hi all"))},
		{what: "eve says that it is one of her rooms", do: s.does("eveB", "sign", m{"user": m{"id": id("eve")}, "rooms": []any{id("G")}}),
			hear: hear{"eveB": "userin [eve] eve"}},
		{what: "ann writes to all", do: s.does("annA", "groupSend", m{"gid": id("G")}, "not for eve"), hear: hear{
			members: `groupReply {"gid":"G","id":"ann"} {"msg":"not for eve"}`,
		}},
		{what: "a friend of members is told nothing", do: func() {
			for _, who := range []string{"cat", "eve"} {
				for _, path := range []string{"/api/groups/G", "/api/groups/G/members", "/api/conversations/g:G/messages"} {
					s.refused(403, who, strings.ReplaceAll(path, "G", s.resolve(id("G")).(string)))
				}
			}
		}},
		{what: "gus reads it all", do: func() { s.history("gus", "g:G", "before gus", "hi all", "not for eve") }},
	}
}

// whoRunsAGroup is ann, then bob as well, who becomes the owner and hands it on.
func whoRunsAGroup(s *stage) []step {
	return []step{
		{what: "cat applies to the group", do: s.does("catA", "applyGroup", id("G"), m{"greeting": "me too", "type": 7}), hear: hear{
			"annA annB": `group {"by":"cat","gid":"G","name":"Ours","state":"applied","uid":"cat"}` + "\n" +
				`apply {"from":"cat","gid":"G","greeting":"me too","type":1}`,
			"catA": `group {"by":"cat","gid":"G","name":"Ours","state":"applied","uid":"cat"}`,
		}},
		{what: "ann has it in her list", do: func() {
			s.applies("ann", "group cat Ours me too")
			for _, who := range []string{"bob", "gus", "cat", "eve"} {
				s.applies(who)
			}
			s.seesGroup("cat", "Ours of 3, ")
			s.refused(403, "cat", "/api/conversations/"+s.resolve(id("g:G")).(string)+"/messages")
		}},
		{what: "bob may not answer", do: s.fails(3, "bobB", "acceptGroup", id("G"), id("cat"))},
		{what: "ann makes bob an admin", do: s.does("annA", "setRole", id("G"), id("bob"), "admin"), hear: hear{
			"annA annB bobB gusB": `group {"by":"ann","gid":"G","name":"Ours","role":"admin","state":"role","uid":"bob"}`,
		}},
		{what: "now bob has it in his list, too", do: func() { s.applies("bob", "group cat Ours me too"); s.applies("gus") }},
		{what: "bob turns cat's application down", do: s.does("bobB", "rejectGroup", id("G"), id("cat")), hear: hear{
			"annA annB bobB catA": `group {"by":"bob","gid":"G","name":"Ours","state":"refused","uid":"cat"}`,
		}},
		{what: "cat applies to the group too soon", do: s.fails(5, "catA", "applyGroup", id("G"))},
		{what: "ann goes", do: s.goes("annA", "annB"), hear: hear{"bobB": "userout [bob cat] ann", "catA": "userout [bob cat] ann"}},
		{what: "hal applies to the group, as the seed's clients do", do: s.does("halA", "sendApply", id("ann"), m{"type": 1, "gid": id("G"), "txt": "let me in"}), hear: hear{
			"bobB": `group {"by":"hal","gid":"G","name":"Ours","state":"applied","uid":"hal"}` + "\n" + `apply {"from":"hal","gid":"G","txt":"let me in","type":1}`,
			"halA": `group {"by":"hal","gid":"G","name":"Ours","state":"applied","uid":"hal"}`,
		}},
		{what: "ann comes back by one device", do: s.come("annA"), hear: hear{
			"annA": "open\nuserin [ann bob cat] ann\n" +
				`apply {"from":"hal","gid":"G","seq":"hal applies to the group, as the seed's clients do","txt":"let me in","type":1}`,
			"bobB": "userin [ann bob cat] ann", "catA": "userin [ann bob cat] ann",
		}},
		{what: "ann comes back by the other", do: s.come("annB"), hear: hear{
			"annB": "open\nuserin [ann bob cat] ann\n" +
				`apply {"from":"hal","gid":"G","seq":"hal applies to the group, as the seed's clients do","txt":"let me in","type":1}`,
		}},
		{what: "ann says that one reads from when one joined", do: s.does("annB", "updateGroup", id("G"), m{"history": "joined"}), hear: hear{
			"annA annB bobB gusB": `group {"avatar":"","by":"ann","description":"","gid":"G","history":"joined","name":"Ours","state":"described"}`,
		}},
		{what: "gus does not read what was before", do: func() {
			s.history("gus", "g:G", "hi all", "not for eve")
			s.history("bob", "g:G", "before gus", "hi all", "not for eve")
		}},
		{what: "gus may not change the group", do: s.fails(3, "gusB", "updateGroup", id("G"), m{"name": "Mine"})},
		{what: "bob accepts hal", do: s.does("bobB", "acceptGroup", id("G"), id("hal")), hear: hear{
			"annA annB bobB gusB halA": `group {"by":"bob","gid":"G","name":"Ours","state":"joined","uid":"hal"}`,
		}},
		{what: "hal has nothing to read yet", do: func() {
			s.history("hal", "g:G")
			s.inList("hal", "g:G", "", 0)
			s.applies("ann")
			s.applies("bob")
		}},
		{what: "gus writes while hal is there", do: s.does("gusB", "groupSend", m{"gid": id("G")}, "welcome"), hear: hear{
			"annA annB bobB gusB halA": `groupReply {"gid":"G","id":"gus"} {"msg":"welcome"}`,
		}},
		{what: "hal reads that", do: func() { s.history("hal", "g:G", "welcome"); s.inList("hal", "g:G", "welcome", 1) }},
		{what: "bob describes the group", do: s.does("bobB", "updateGroup", id("G"), m{"name": "Theirs", "description": "not ours", "history": "all"}), hear: hear{
			"annA annB bobB gusB halA": `group {"avatar":"","by":"bob","description":"not ours","gid":"G","history":"all","name":"Theirs","state":"described"}`,
		}},
		{what: "now hal reads it all", do: func() { s.history("hal", "g:G", "before gus", "hi all", "not for eve", "welcome") }},
		{what: "ann lets cat in, her friend", do: s.does("annA", "invite", id("G"), id("cat")), hear: hear{
			"annA annB bobB catA gusB halA": `group {"by":"ann","gid":"G","name":"Theirs","state":"joined","uid":"cat"}`,
		}},
		{what: "gus may not remove hal", do: s.fails(3, "gusB", "removeMember", id("G"), id("hal"))},
		{what: "bob removes gus", do: s.does("bobB", "removeMember", id("G"), id("gus")), hear: hear{
			"annA annB bobB catA gusB halA": `group {"by":"bob","gid":"G","name":"Theirs","state":"removed","uid":"gus"}`,
		}},
		{what: "after gus", do: s.does("halA", "groupSend", m{"gid": id("G")}, "after gus"), hear: hear{
			"annA annB bobB catA halA": `groupReply {"gid":"G","id":"hal"} {"msg":"after gus"}`,
		}},
		{what: "gus writes to those who have removed him", do: s.fails(3, "gusB", "groupSend", m{"gid": id("G")}, "hello?")},
		{what: "gus types to them", do: s.fails(3, "gusB", "typing", id("g:G")), typed: true},
		{what: "hal types after gus", do: s.types("halA", "g:G"), typed: true, hear: hear{"annA annB bobB catA": `typing {"conversation":"g:G","uid":"hal"}`}},
		{what: "gus reads what was until then", do: func() {
			s.history("gus", "g:G", "before gus", "hi all", "not for eve", "welcome")
			s.refused(403, "gus", "/api/groups/"+s.resolve(id("G")).(string))
		}},
		{what: "cat leaves", do: s.does("catA", "leaveGroup", id("G")), hear: hear{
			"annA annB bobB catA halA": `group {"by":"cat","gid":"G","name":"Theirs","state":"left","uid":"cat"}`,
		}},
		{what: "ann, the owner, leaves", do: s.does("annB", "leaveGroup", id("G")), hear: hear{
			"annA annB bobB halA": `group {"by":"ann","gid":"G","name":"Theirs","owner":"bob","state":"left","uid":"ann"}`,
		}},
		{what: "bob writes after ann", do: s.does("bobB", "groupSend", m{"gid": id("G")}, "after ann"), hear: hear{
			"bobB halA": `groupReply {"gid":"G","id":"bob"} {"msg":"after ann"}`,
		}},
		{what: "ann reads up to her leaving", do: func() {
			s.history("ann", "g:G", "before gus", "hi all", "not for eve", "welcome", "after gus")
			s.inList("ann", "g:G", "none", 0)
		}},
		{what: "bob makes hal the owner", do: s.does("bobB", "setRole", id("G"), id("hal"), "owner"), hear: hear{
			"bobB halA": `group {"by":"bob","gid":"G","name":"Theirs","role":"owner","state":"role","uid":"hal"}`,
		}},
		{what: "hal makes bob a member", do: s.does("halA", "setRole", id("G"), id("bob"), "member"), hear: hear{
			"bobB halA": `group {"by":"hal","gid":"G","name":"Theirs","role":"member","state":"role","uid":"bob"}`,
		}},
		{what: "ann applies to what was hers", do: s.does("annA", "applyGroup", id("G")), hear: hear{
			"annA annB": `group {"by":"ann","gid":"G","name":"Theirs","state":"applied","uid":"ann"}`,
			"halA":      `group {"by":"ann","gid":"G","name":"Theirs","state":"applied","uid":"ann"}` + "\n" + `apply {"from":"ann","gid":"G","type":1}`,
		}},
		{what: "bob may not dissolve it", do: s.fails(3, "bobB", "dissolveGroup", id("G"))},
		{what: "hal dissolves it", do: s.does("halA", "dissolveGroup", id("G")), hear: hear{
			"bobB halA": `group {"by":"hal","gid":"G","name":"Theirs","state":"dissolved"}`,
		}},
		{what: "there is no such group any more", do: s.fails(2, "bobB", "groupSend", m{"gid": id("G")}, "anybody?")},
		{what: "nor to apply to", do: s.fails(2, "eveA", "applyGroup", id("G"))},
		{what: "what was said can be read", do: func() {
			s.history("bob", "g:G", "before gus", "hi all", "not for eve", "welcome", "after gus", "after ann")
			s.applies("hal")
			s.refused(403, "eve", "/api/conversations/"+s.resolve(id("g:G")).(string)+"/messages")
		}},
	}
}

// types is that a device says to be typing: its answer has no data, and nothing is stored.
func (s *stage) types(device, conversation string) func() {
	return func() {
		s.t.Helper()
		before := ends(s.t, s.log)
		defer func() {
			if after := ends(s.t, s.log); !equal(before, after) {
				s.t.Errorf("%s: the log grew from %v to %v", s.step, before, after)
			}
		}()
		if data := s.ok(device, "typing", s.resolve(id(conversation))); data != nil {
			s.t.Errorf("%s: the answer holds %s", s.step, data)
		}
	}
}

// applies checks what waits for somebody's answer, the newest first: type, from whom, to what group, and the greeting.
func (s *stage) applies(who string, want ...string) {
	s.t.Helper()
	var out struct {
		Applies []struct {
			Type  string
			From  user
			Group struct{ Name string }
			Data  struct{ Greeting string }
		}
	}
	s.people[who].get(s.t, "/api/applies", &out)
	var got []string
	for _, a := range out.Applies {
		got = append(got, fmt.Sprintf("%s %s %s %s", a.Type, a.From.Username, a.Group.Name, a.Data.Greeting))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: %s has the applications %q, want %q", s.step, who, got, want)
	}
}

// history checks what somebody reads of a conversation.
func (s *stage) history(who, conversation string, want ...string) {
	s.t.Helper()
	var got []string
	for _, said := range s.people[who].history(s.t, s.resolve(id(conversation)).(string)) {
		if known := s.said[said.Seq]; known.id != said.ID {
			s.t.Errorf("%s: %s reads %+v", s.step, who, said)
		}
		got = append(got, s.said[said.Seq].text)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: %s reads %q, want %q", s.step, who, got, want)
	}
}

// inList checks a line of somebody's list of conversations: the last message, "" for none, and how many are unread. Of one that is not in the
// list the last message is "none".
func (s *stage) inList(who, conversation, last string, unread int) {
	s.t.Helper()
	var out struct {
		Conversations []struct {
			ID     string
			Unread int
			Last   *message
		}
	}
	s.people[who].get(s.t, "/api/conversations", &out)
	gotLast, gotUnread := "none", 0
	for _, c := range out.Conversations {
		if c.ID != s.resolve(id(conversation)) {
			continue
		}
		if gotLast, gotUnread = "", c.Unread; c.Last != nil {
			gotLast = s.said[c.Last.Seq].text
		}
	}
	if gotLast != last || gotUnread != unread {
		s.t.Errorf("%s: %s's list has %q and %d unread, want %q and %d", s.step, who, gotLast, gotUnread, last, unread)
	}
}

// seesGroup checks what somebody is told of the group: its name, how many are in, and the reader's role.
func (s *stage) seesGroup(who, want string) {
	s.t.Helper()
	var g struct {
		Name, Role string
		Members    int
	}
	s.people[who].get(s.t, "/api/groups/"+s.resolve(id("G")).(string), &g)
	if got := fmt.Sprintf("%s of %d, %s", g.Name, g.Members, g.Role); got != want {
		s.t.Errorf("%s: %s sees %q, want %q", s.step, who, got, want)
	}
}

// refused checks that the API refuses somebody.
func (s *stage) refused(status int, who, path string) {
	s.t.Helper()
	u := s.people[who]
	if got := call(s.t, "GET", u.url+path, u.token, nil, nil); got != status {
		s.t.Errorf("%s: %s's GET %s: %d, want %d", s.step, who, path, got, status)
	}
}

// seen gives when a friend was last seen, as somebody is told.
func (s *stage) seen(who, friend string) string {
	s.t.Helper()
	return s.people[who].seen(s.t, s.people[friend])
}

// seenSince waits until somebody is told that a friend was last seen after a moment.
func (s *stage) seenSince(who, friend string, after time.Time) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%s: %s is told when %s was seen", s.step, who, friend), func() bool {
		at, err := time.Parse(time.RFC3339, s.seen(who, friend))
		return err == nil && !at.Before(after.Truncate(time.Millisecond))
	})
}

// seen gives when a friend of u's was last seen; "" where that is not said.
func (u *user) seen(tb testing.TB, friend *user) string {
	tb.Helper()
	var out struct {
		Friends []struct{ ID, Seen string }
	}
	u.get(tb, "/api/friends", &out)
	for _, f := range out.Friends {
		if f.ID == friend.ID {
			return f.Seen
		}
	}
	tb.Fatalf("%s is no friend of %s's", friend.Username, u.Username)
	return ""
}
