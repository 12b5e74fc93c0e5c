//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// person is somebody of the crowd.
type person struct {
	id, token string
	Friends   []string `json:"friends"`
	Groups    []string `json:"groups"`
	Strangers []string `json:"strangers"`
	devices   int
}

// circle is a group; its first member owns it and is everybody's friend.
type circle struct {
	GID     string   `json:"gid"`
	Members []string `json:"members"`
}

type deviceSettings struct {
	D          string   `json:"d"`
	Person     string   `json:"person"`
	Token      string   `json:"token"`
	Library    string   `json:"client"`
	Transports []string `json:"transports"`
	Away       bool     `json:"away"`
	Seed       uint32   `json:"seed"`
}

// crowd is the people of a test: a few Node processes that have all their devices.
type crowd struct {
	tb      testing.TB
	story   *story
	people  map[string]*person
	ids     []string
	circles []circle
	nodes   []*clients
}

// clients is one of those processes.
type clients struct {
	*kept
	url     string // where they come in
	devices []deviceSettings

	mu     sync.Mutex
	stdin  io.Writer
	acting map[string]any // what they are told to do, if they are; whoever starts anew has to be told
}

// circleOf is how many are in a group.
const circleOf = 8

// gather makes so many devices of people who do not know one another yet, in so many processes. About a third are a second or third one of somebody's, every
// third has the old library, and each tenth is away at the end.
func gather(tb testing.TB, dir, secret string, rnd *rand.Rand, devices, processes int, url func(process string) string) *crowd {
	c := &crowd{tb: tb, story: newStory(), people: map[string]*person{}}
	for i := range processes {
		name := fmt.Sprintf("clients-%d", i+1)
		c.nodes = append(c.nodes, &clients{kept: keep(tb, dir, name, "nice", "node", "testdata/faults.mjs"), url: url(name)})
	}
	for n := range devices {
		var p *person
		if n%3 == 2 {
			p = c.people[c.ids[rnd.IntN(len(c.ids))]]
		} else {
			id := fmt.Sprintf("p%d", n)
			p = &person{id: id, token: tokenFor(tb, secret, id)}
			c.people[id], c.ids = p, append(c.ids, id)
		}
		p.devices++
		node := c.nodes[n%processes]
		node.devices = append(node.devices, deviceSettings{D: fmt.Sprintf("%s.%d", p.id, p.devices), Person: p.id, Token: p.token,
			Library: []string{today, old, today}[rnd.IntN(3)], Transports: [][]string{nil, {"websocket"}, {"polling"}}[rnd.IntN(3)],
			Away: rnd.IntN(10) == 0, Seed: rnd.Uint32()})
	}
	for i := 0; i < len(c.ids); i += circleOf {
		c.circles = append(c.circles, circle{Members: slices.Clone(c.ids[i:min(i+circleOf, len(c.ids))])})
	}
	for i, g := range c.circles { // the owners know one another, too, and some are in the next circle as well
		next := c.circles[(i+1)%len(c.circles)]
		c.befriend(g.Members[0], next.Members[0])
		for j, m := range g.Members[1:] {
			c.befriend(g.Members[0], m)
			if j > 0 && j%2 == 0 {
				c.befriend(m, g.Members[j])
			}
		}
	}
	for _, n := range c.nodes {
		n.says = func(_ int, line []byte) { c.story.take(n.name, line) }
		n.talks = func(life int, stdin io.WriteCloser) { n.begins(c, life, stdin) }
	}
	return c
}

func tokenFor(tb testing.TB, secret, id string) string {
	claims := jwt.MapClaims{"sub": id, "name": id, "exp": time.Now().Add(24 * time.Hour).Unix()}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	must(tb, err)
	return token
}

func (c *crowd) befriend(a, b string) {
	if a != b && !slices.Contains(c.people[a].Friends, b) {
		c.people[a].Friends, c.people[b].Friends = append(c.people[a].Friends, b), append(c.people[b].Friends, a)
	}
}

// begins tells a process that has just started whose devices it has.
func (n *clients) begins(c *crowd, life int, stdin io.Writer) {
	c.story.mu.Lock()
	for _, d := range n.devices {
		c.story.begin(*c.people[d.Person], d, life)
	}
	c.story.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stdin = stdin
	n.write(map[string]any{"do": "come", "life": life, "url": n.url, "api": n.url, "people": c.people, "devices": n.devices})
	if n.acting != nil {
		n.write(n.acting)
	}
}

func (n *clients) write(command map[string]any) {
	b, err := json.Marshal(command)
	if err == nil {
		n.stdin.Write(append(b, '\n')) // it may just have been killed
	}
}

func (n *clients) tell(command map[string]any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.write(command)
}

// all has every process do something, and waits until it is done.
func (c *crowd) all(within time.Duration, do string) {
	c.tb.Helper()
	want := map[string]int{}
	c.story.mu.Lock()
	for _, n := range c.nodes {
		want[n.name+" "+do] = c.story.did[n.name+" "+do] + 1
	}
	c.story.mu.Unlock()
	for _, n := range c.nodes {
		n.tell(map[string]any{"do": do})
	}
	c.story.await(c.tb, within, "all clients to "+do, func() bool {
		for what, times := range want {
			if c.story.did[what] < times {
				return false
			}
		}
		return true
	})
}

// await waits until it is so, with the story's lock held.
func (s *story) await(tb testing.TB, within time.Duration, what string, so func() bool) {
	tb.Helper()
	late := time.AfterFunc(within, s.changed.Broadcast)
	defer late.Stop()
	end := time.Now().Add(within)
	s.mu.Lock()
	defer s.mu.Unlock()
	for !so() {
		if time.Now().After(end) {
			for _, f := range s.faults {
				tb.Error(f)
			}
			for name, d := range s.devices {
				if !d.away && (!d.up || !d.synced) {
					tb.Logf("%s: up %v, synced %v", name, d.up, d.synced)
				}
			}
			for k, o := range s.open {
				tb.Logf("%s waits for the answer to %s in %s since %v", k.device, o.event, o.conversation, o.at)
			}
			for _, what := range slices.Sorted(maps.Keys(s.counts)) {
				tb.Logf("%6d %s", s.counts[what], what)
			}
			tb.Fatalf("waited %v for %s", within, what)
		}
		s.changed.Wait()
	}
}

// deviceOf gives a device of a person's, and its process.
func (c *crowd) deviceOf(id string) (string, *clients) {
	for _, n := range c.nodes {
		for _, d := range n.devices {
			if d.Person == id {
				return d.D, n
			}
		}
	}
	panic(id)
}

// do has a person give a command, again and again until it is answered.
func (c *crowd) do(id, event string, args ...any) {
	d, n := c.deviceOf(id)
	n.tell(map[string]any{"do": "op", "d": d, "e": event, "a": args})
}

// meet has all come, become friends and make groups, each with those members who are not of the circle before.
func (c *crowd) meet() {
	for _, n := range c.nodes {
		n.begin(c.tb)
	}
	c.story.await(c.tb, limit, "all to come", func() bool {
		for _, n := range c.nodes {
			for _, d := range n.devices {
				if s := c.story.devices[d.D]; s == nil || !s.synced {
					return false
				}
			}
		}
		return true
	})
	friendships := 0
	for _, id := range c.ids {
		for _, f := range c.people[id].Friends {
			if id < f {
				c.do(id, "sendApply", f)
				friendships++
			}
		}
	}
	c.story.await(c.tb, limit, "all to become friends", func() bool { return c.story.times("accepted") == friendships })
	for _, g := range c.circles {
		c.do(g.Members[0], "createGroup", map[string]any{"name": g.Members[0], "members": g.Members[1:]})
	}
	c.story.await(c.tb, limit, "the groups to be made", func() bool { return c.story.times("created") == len(c.circles) })
	c.story.mu.Lock()
	defer c.story.mu.Unlock()
	for conversation, events := range c.story.stored {
		for _, e := range events {
			i := slices.IndexFunc(c.circles, func(g circle) bool { return g.Members[0] == e.by })
			if e.what != "created" {
				continue
			}
			c.circles[i].GID = conversation[len("g:"):]
			for _, m := range c.circles[i].Members {
				c.people[m].Groups = append(c.people[m].Groups, c.circles[i].GID)
			}
		}
	}
}

// act has all talk from now on, each device on average once in a while.
func (c *crowd) act(every time.Duration) {
	for _, id := range c.ids {
		p := c.people[id]
		for _, other := range c.ids {
			if other != id && !slices.Contains(p.Friends, other) && len(p.Strangers) < 5 {
				p.Strangers = append(p.Strangers, other)
			}
		}
	}
	for _, n := range c.nodes {
		n.mu.Lock()
		n.acting = map[string]any{"do": "act", "every": every.Milliseconds(), "groups": c.circles, "people": c.people}
		n.write(n.acting)
		n.mu.Unlock()
	}
}

// times is at how many places something has happened.
func (s *story) times(what string) (n int) {
	for _, events := range s.stored {
		for _, e := range events {
			if e.what == what {
				n++
			}
		}
	}
	return n
}
