// Command load puts Parley under load, as many people would, and says what it bears: any number of real Socket.IO connections from one process, to one
// or more edges.
//
// A scenario is played on a stage: people whose devices connect, in groups and pairs that hear one another (stage.go). What each device hears is held against
// what was said, by a counter for each sender (account.go), so that a figure is never one of a server that loses, doubles or mixes up messages: where
// there is any of that, the exit code is not 0. The one thing to know: latencies count from when a message was due, also where the generator or the
// server was late to take it, and only of messages that were due in the steady state. Warm-up and drain are not measured.
//
// # Chosen, refused, because
//
// Chosen: a client of our own, that scans frames for a mark and a few numbers, on gorilla/websocket. Refused: a Socket.IO library, and encoding/json for each
// message. Because: the generator shares the machine with the server, and what it spends is missing there.
//
// Chosen: a bare relay (relay.go) that speaks just as much of the protocol, and forwards without storing anything. Because: a figure of one machine says little about
// another, and a ratio in one run does.
//
// Chosen: github.com/HdrHistogram/hdrhistogram-go for latencies: MIT, by the authors of the format, and without modules below it but for its tests. Plots are our own
// SVG: two curves need no library.
//
// Chosen: one goroutine keeps the time of an open loop, and sleeps the last two milliseconds in the system. Refused: a timer of Go's for each sender. Because: those are up
// to a millisecond late where a process waits for the network, which was more than all else that a bare relay takes.
//
// Chosen: the sender of a closed loop sends the next message when the last one has been acknowledged and heard by all who are to hear it. Refused: by the ack alone.
// Because: then what waits to be delivered may grow without bounds while the figures shine.
package main
