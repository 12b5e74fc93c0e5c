// Command parley is the chat server: all of it in one process, or one of its roles.
//
// It puts the other packages together and decides nothing itself; run is what main calls, and what the whole-system tests call with
// arguments of their own. The one thing to know: a process is a list of parts, started in order and stopped in the reverse one
// (node.go).
//
// # Chosen, refused, because
//
// Chosen: one binary with the roles "edge" and "projector". Refused: one binary a role. Because: they are versioned together, and
// whoever runs all in one process tries the same code.
//
// Chosen: github.com/schollz/progressbar for the bar of parley rebuild: MIT, released several times a year, and three small modules below it. Refused: cheggaaa/pb,
// which brings seven. Lines are our own, where there is no terminal.
//
// Chosen: github.com/prometheus/client_golang for /metrics: Apache-2.0, from those who made the format, with Go's figures and the process's. Refused:
// OpenTelemetry, which brings far more, and text of our own.
//
// Chosen: the first signal stops in order, within ten seconds; the second exits at once. Because: whoever presses twice means it.
//
// Chosen: an edge that is to stop says so on /readyz, and serves as ever until load balancers have noticed (http.drain). Refused: to turn away who comes from the
// first moment on. Because: that is an error which people see, for nothing. The ops port is the first part to start and the last to stop.
package main
