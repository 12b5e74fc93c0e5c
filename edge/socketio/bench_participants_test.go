package socketio_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// participate is what the test binary does when it was started to be a crowd.
func participate(text string) {
	var p participants
	if err := json.Unmarshal([]byte(text), &p.orders); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p.run()
	os.Exit(0)
}

// participants are the crowd's own side.
type participants struct {
	orders                 orders
	clients                []*participant
	joined, heard, refused atomic.Int64
}

// participant is one of them.
type participant struct {
	lean
	window chan struct{} // one for each event that has yet to be sent, or has been acknowledged
}

const (
	// doorway is how many join at a time, at first.
	doorway = 64
	// window is how many events wait for their acknowledgement, for one client.
	window = 256
)

// run does what is ordered until stdin ends.
func (p *participants) run() {
	turn := make(chan struct{}, doorway)
	for i := range p.orders.Clients {
		c := &participant{window: make(chan struct{}, window)}
		c.address, c.namespace = p.orders.Address, p.orders.Namespace
		c.protocol = p.orders.Protocols[i%len(p.orders.Protocols)]
		for range window {
			c.window <- struct{}{}
		}
		p.clients = append(p.clients, c)
		go p.attend(c, turn)
	}
	fmt.Println("ready")
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		word, number, _ := strings.Cut(s.Text(), " ")
		n, _ := strconv.Atoi(number)
		switch word {
		case "beat":
			p.beat()
		case "visit":
			p.visit(n)
		case "pump":
			p.pump(n)
		}
	}
}

// count adds to a count of what the clients do, and says when each of them has done it once more.
func (p *participants) count(of *atomic.Int64, n int, said string) {
	now := of.Add(int64(n))
	all := int64(p.orders.Clients)
	for before := now - int64(n); before/all < now/all; before += all {
		fmt.Println(said, p.refused.Load())
	}
}

// attend is one client's life.
func (p *participants) attend(c *participant, turn chan struct{}) {
	turn <- struct{}{}
	err := c.join(p.orders.By)
	<-turn
	for {
		for err != nil {
			p.refused.Add(1)
			fmt.Fprintln(os.Stderr, "refused:", err)
			time.Sleep(100 * time.Millisecond)
			err = c.join(p.orders.By)
		}
		p.count(&p.joined, 1, "joined")
		switch p.orders.By {
		case byPolling:
			return
		case byWaitingGET:
			p.listenByPolling(c)
		default:
			p.listen(c)
		}
		c.close()
		if !p.orders.Again {
			return
		}
		c.sid = ""
		err = c.join(p.orders.By)
	}
}

// listen counts what comes by WebSocket, until its end. Data with an attachment has come when that has.
func (p *participants) listen(c *participant) {
	for {
		text, data, err := c.receive()
		switch {
		case err != nil:
			return
		case !text || bytes.HasPrefix(data, []byte("42")):
			p.count(&p.heard, 1, "heard")
		case bytes.HasPrefix(data, []byte("43")):
			c.window <- struct{}{}
		}
	}
}

// listenByPolling does the same by long-polling, for text.
func (p *participants) listenByPolling(c *participant) {
	for {
		body, err := c.poll()
		if err != nil {
			return
		}
		p.count(&p.heard, strings.Count(body, `["news"`), "heard")
	}
}

// beat sends a sign of life for each client, one after the other, and an event that nobody answers.
func (p *participants) beat() {
	for _, c := range p.clients {
		life := "3"
		if c.protocol == 3 {
			life = "2"
		}
		c.send(life, `42["here"]`)
	}
}

// visit has a client come, get an answer to a first event and go, so many times.
func (p *participants) visit(times int) {
	for range times {
		c := lean{address: p.orders.Address, protocol: p.orders.Protocols[0], namespace: "/"}
		err := c.join(p.orders.By)
		if err == nil {
			c.send(question(0))
			err = c.await(`430`)
			c.close()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "a visit:", err)
			os.Exit(1)
		}
	}
	fmt.Println("visited")
}

// pump sends so many events, the clients by turns and each in batches, and waits for their acknowledgements.
func (p *participants) pump(events int) {
	done := make(chan bool)
	for i, c := range p.clients {
		share := events / len(p.clients)
		if i < events%len(p.clients) {
			share++
		}
		go func() {
			c.pump(share)
			done <- true
		}()
	}
	for range p.clients {
		<-done
	}
	fmt.Println("pumped")
}

func (c *participant) pump(events int) {
	batch := make([]string, 0, window/4)
	for i := range events {
		<-c.window
		batch = append(batch, question(i))
		if len(batch) == cap(batch) || i == events-1 {
			c.send(batch...)
			batch = batch[:0]
		}
	}
	for range window {
		<-c.window
	}
	for range window {
		c.window <- struct{}{}
	}
}

// question is an event that attendants answer.
func question(id int) string {
	return `42` + strconv.Itoa(id) + `["ask",{"to":"9f1c2d3e4b5a6978","text":"Shall we meet at the station at eight?"}]`
}
