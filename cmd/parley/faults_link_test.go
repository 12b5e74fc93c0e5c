//go:build linux

package main

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// network is the wires between the processes of an installation. Each is a small proxy, so that a process can be cut off from the others, or have
// nothing come through, without rights on the machine.
type network struct {
	tb    testing.TB
	links []*link
}

// link is a wire from one process to another, and all that is connected through it.
type link struct {
	from, to string
	target   string // host:port, or the path of a socket
	mu       sync.Mutex
	changed  *sync.Cond
	cuts     int // while there are any, who is connected is thrown out, and nobody comes in
	stalls   int // while there are any, nothing comes through
	conns    map[net.Conn]bool
}

// wire makes one and gives the address at which it begins.
func (n *network) wire(from, to, target string) string {
	n.tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(n.tb, err)
	l := &link{from: from, to: to, target: target, conns: map[net.Conn]bool{}}
	l.changed = sync.NewCond(&l.mu)
	n.links = append(n.links, l)
	n.tb.Cleanup(func() {
		listener.Close()
		l.change(func() { l.cuts++ })
	})
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(c)
		}
	}()
	return listener.Addr().String()
}

// cut takes a process off the network, and back with -1; stall has its wires stand still.
func (n *network) cut(process string, by int) { n.touch(process, func(l *link) { l.cuts += by }) }

func (n *network) stall(process string, by int) { n.touch(process, func(l *link) { l.stalls += by }) }

func (n *network) touch(process string, do func(*link)) {
	for _, l := range n.links {
		if l.from == process || l.to == process {
			l.change(func() { do(l) })
		}
	}
}

// change changes how a wire is.
func (l *link) change(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
	if l.cuts > 0 {
		for c := range l.conns {
			c.Close()
		}
	}
	l.changed.Broadcast()
}

// passes waits while nothing comes through; false where the wire is cut.
func (l *link) passes() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.stalls > 0 && l.cuts == 0 {
		l.changed.Wait()
	}
	return l.cuts == 0
}

func (l *link) carry(near net.Conn) {
	defer near.Close()
	if !l.passes() {
		return
	}
	kind := "tcp"
	if strings.HasPrefix(l.target, "/") {
		kind = "unix"
	}
	far, err := net.DialTimeout(kind, l.target, 5*time.Second)
	if err != nil {
		return
	}
	defer far.Close()
	l.change(func() { l.conns[near], l.conns[far] = true, true })
	defer l.change(func() { delete(l.conns, near); delete(l.conns, far) })
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			l.pump(way[0], way[1])
			near.Close()
			far.Close()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}

func (l *link) pump(from, to net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && l.passes() {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil || !l.passes() {
			return
		}
	}
}
