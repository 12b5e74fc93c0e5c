package main

import (
	"encoding/json"
	"strings"
)

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
