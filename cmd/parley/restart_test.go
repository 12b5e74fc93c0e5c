//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// TestNATSRestarts takes NATS away from two edges: for longer than one edge believes another to be alive, by a kill, and by having it stand still,
// when it does afterwards what it was asked before. Nobody is heard to come or go because of it, what is said meanwhile is refused and can be
// said again, and afterwards all goes on without anybody connecting again.
func TestNATSRestarts(t *testing.T) {
	t.Parallel()
	nats := build(t).natsServer(t)
	urls := twoEdges(t, nats.url)
	d := startDriver(t)
	ann, bob, cat, dan := register(t, urls[0], "ann"), register(t, urls[1], "bob"), register(t, urls[0], "cat"), register(t, urls[1], "dan")
	everybody := []*user{ann, bob, cat, dan}
	device := map[*user]*client{}
	for i, u := range everybody {
		library := []string{today, today, old, old}[i] // of both at each edge
		device[u] = u.deviceAt(d, library, u.Username, u.url, nil)
	}
	for _, pair := range [][2]*user{{ann, bob}, {ann, cat}, {bob, dan}} {
		befriend(t, device[pair[0]], device[pair[1]], pair[0], pair[1])
	}
	var made struct{ GID string }
	members := []string{bob.ID, cat.ID}
	must(t, json.Unmarshal(device[ann].ok("createGroup", map[string]any{"name": "The three", "members": members}).Data, &made))
	for _, u := range everybody[:3] {
		device[u].expect("group")
	}
	var watchers []*watcher
	for _, u := range everybody {
		device[u].online(u)
		watchers = append(watchers, watch(device[u], u, everybody...))
	}

	still := func(signal syscall.Signal) func() { return func() { must(t, nats.cmd.Process.Signal(signal)) } }
	t.Cleanup(func() { nats.cmd.Process.Signal(syscall.SIGCONT) })
	for round, outage := range []struct {
		name        string
		begin, end  func()
		least       time.Duration
		forgetsWhat bool // it was asked meanwhile
	}{
		{"stopped for long", func() { must(t, stopProcess(nats.cmd)) }, nats.start, 8 * time.Second, true},
		{"killed", func() { killProcess(nats.cmd) }, nats.start, 0, true},
		{"standing still", still(syscall.SIGSTOP), still(syscall.SIGCONT), 9 * time.Second, false},
	} {
		outage.begin()
		gone := time.Now()
		said := func(by string) map[string]any {
			return map[string]any{"txt": by + " while NATS is away", "id": fmt.Sprint(by, "-", round)}
		}
		group := map[string]any{"gid": made.GID}
		refused := []struct {
			by      *user
			command string
			args    []any
		}{
			{ann, "send", []any{bob.ID, said("ann")}},
			{bob, "groupSend", []any{group, said("bob")}},
			{cat, "sendApply", []any{dan.ID}},
			{dan, "setStatus", []any{"invisible"}},
		}
		if !outage.forgetsWhat {
			refused = refused[:2] // these can be repeated
		}
		acks := make([]int, len(refused))
		for i, r := range refused {
			acks[i] = device[r.by].emitLater(r.command, r.args...)
		}
		for i, r := range refused {
			if a := device[r.by].emitted(r.command, acks[i]); a.Code != 8 {
				t.Errorf("%s: %s's %s: code %d, %s; want code 8", outage.name, r.by.Username, r.command, a.Code, a.Message)
			}
		}
		if outage.forgetsWhat { // only now it is sure that the edge knows: what is never stored is never acknowledged
			if a := device[dan].emit("typing", "u:"+bob.ID); a.Code != 8 {
				t.Errorf("%s: typing: code %d, %s; want code 8", outage.name, a.Code, a.Message)
			}
		}
		t.Logf("%s: all is refused after %v", outage.name, time.Since(gone).Round(time.Millisecond))
		time.Sleep(time.Until(gone.Add(outage.least))) // nothing tells that a lease would have run out by now
		outage.end()

		begun := time.Now()
		again := func(u *user, command string, args ...any) {
			t.Helper()
			eventually(t, u.Username+" can "+command+" again", func() bool {
				a := device[u].emit(command, args...)
				if a.Code != 0 && a.Code != 8 {
					t.Fatalf("%s: %s's %s again: code %d, %s", outage.name, u.Username, command, a.Code, a.Message)
				}
				return a.Code == 0
			})
		}
		again(ann, "send", bob.ID, said("ann"))
		again(bob, "groupSend", group, said("bob"))
		t.Logf("%s: both edges store again after %v", outage.name, time.Since(begun).Round(time.Millisecond))
		again(bob, "send", ann.ID, said("bob"))
		again(ann, "groupSend", group, said("ann"))
		for _, u := range everybody[:3] {
			var heard []string
			for range 2 {
				var body reply
				device[u].expect("groupReply", nil, &body)
				heard = append(heard, body.ID)
			}
			if heard[0] != said("bob")["id"] || heard[1] != said("ann")["id"] {
				t.Errorf("%s: %s hears in the group %q", outage.name, u.Username, heard)
			}
		}
		for _, u := range everybody[:2] {
			var heard []string
			for range 2 {
				var body reply
				device[u].expect("reply", nil, &body)
				heard = append(heard, body.ID)
			}
			if heard[0] != said("ann")["id"] || heard[1] != said("bob")["id"] {
				t.Errorf("%s: %s hears %q", outage.name, u.Username, heard)
			}
		}
		device[ann].ok("typing", "u:"+bob.ID)
		device[bob].expect("typing")
		device[bob].ok("typing", "g:"+made.GID)
		device[ann].expect("typing")
		device[cat].expect("typing")
		befriend(t, device[cat], device[dan], cat, dan)
		device[dan].ok("removeFriend", cat.ID)
		for _, u := range []*user{cat, dan} {
			for range 3 { // requested, accepted, removed
				device[u].expect("friend")
			}
		}
		t.Logf("%s: all is well after %v", outage.name, time.Since(begun).Round(time.Millisecond))
		for i, u := range everybody {
			if online := device[u].online(u); len(online) != []int{3, 3, 2, 2}[i] {
				t.Errorf("%s: %s is told that online are %v", outage.name, u.Username, online)
			}
			if got := watchers[i].news(); len(got) > 0 {
				t.Errorf("%s: %s hears %q", outage.name, u.Username, got)
			}
			for event, n := range map[string]int{"disconnect": 0, "connect": 1, "groupReply": 2 * (round + 1), "reply": 2 * (round + 1)} {
				if i >= 2 && event == "reply" || i == 3 && event == "groupReply" {
					n = 0
				}
				if got := len(device[u].all(event)); got != n {
					t.Errorf("%s: %s heard %s %d times, want %d", outage.name, u.Username, event, got, n)
				}
			}
		}
	}
}
