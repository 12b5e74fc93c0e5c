package socketio

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// excess is what there would be too much of if a handshake were let in, and how that is answered. Nil lets it in.
type excess struct {
	fault      *fault
	status     int
	retryAfter int // seconds, for the Retry-After header, which the client libraries do not heed but other programs do
}

// The codes are those of a handshake that the application turns away, since Engine.IO has none of its own for this.
var (
	// The first two last until somebody leaves, which nobody can foretell: what they say is a time after which it is worth a try.
	excessTotal   = &excess{&fault{Code: 4, Message: "too many connections"}, http.StatusServiceUnavailable, 10}
	excessAddress = &excess{&fault{Code: 4, Message: "too many connections from this address"}, http.StatusTooManyRequests, 10}
	// There is room for one more within a second at any rate.
	excessRate = &excess{&fault{Code: 4, Message: "too many connections at once"}, http.StatusServiceUnavailable, 1}
	// Not a limit of Options, but answered alike.
	excessClosing = &excess{&fault{Code: 4, Message: "server shutting down"}, http.StatusServiceUnavailable, 1}
)

// gate counts the connections that are open and lets no more in than Options allow.
type gate struct {
	most, mostPerAddress, rate int // zero for no limit

	mu         sync.Mutex
	open       int
	perAddress map[source]int // only of those from whom there are any; nil without a limit
	handshakes allowance
}

func newGate(o Options) *gate {
	g := &gate{most: o.MaxConnections, mostPerAddress: o.MaxPerAddress, rate: o.HandshakeRate}
	if g.mostPerAddress > 0 {
		g.perAddress = make(map[source]int)
	}
	return g
}

// enter lets a connection in, which must leave in the end, or says why not. The address is a request's RemoteAddr. One that
// is turned away counts for nothing, and takes nothing from those that come after it.
func (g *gate) enter(address string, now instant) *excess {
	var from source
	if g.mostPerAddress > 0 {
		from = sourceOf(address)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.most > 0 && g.open >= g.most:
		return excessTotal
	case g.mostPerAddress > 0 && g.perAddress[from] >= g.mostPerAddress:
		return excessAddress
	case g.rate > 0 && !g.handshakes.takeOne(g.rate, now):
		return excessRate
	}
	g.open++
	if g.mostPerAddress > 0 {
		g.perAddress[from]++
	}
	return nil
}

// leave is the end of a connection that was let in, with the same address.
func (g *gate) leave(address string) {
	var from source
	if g.mostPerAddress > 0 {
		from = sourceOf(address)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.mostPerAddress > 0 {
		if g.perAddress[from]--; g.perAddress[from] == 0 {
			delete(g.perAddress, from)
		}
	}
}

// source is whom connections are counted for: an IPv4 address, or the /64 network of an IPv6 address, as that is what one
// customer of a provider gets and may choose addresses in; or a text that is no address.
type source struct {
	addr netip.Addr
	text string // only without addr
}

// Source names whom a request's RemoteAddr counts for: an IPv4 address, or the /64 network of an IPv6 address.
func Source(remoteAddr string) string {
	s := sourceOf(remoteAddr)
	if s.addr.IsValid() {
		return s.addr.String()
	}
	return s.text
}

// sourceOf reads a request's RemoteAddr: host:port as net/http gives it, or without a port as some handlers in front of ours leave it.
func sourceOf(remote string) source {
	addrPort, err := netip.ParseAddrPort(remote)
	addr := addrPort.Addr()
	if err != nil {
		if addr, err = netip.ParseAddr(remote); err != nil {
			return source{text: remote}
		}
	}
	addr = addr.Unmap()
	if addr.Is6() {
		network, _ := addr.Prefix(64) // has so many bits
		addr = network.Addr()
	}
	return source{addr: addr}
}

// allowance is a token bucket with room for one second's worth. It counts what is missing in it, so that the zero value is full. All
// of it is in whole numbers, so that nothing is lost by rounding at any rate. It is not for several goroutines at once.
type allowance struct {
	missing int64   // billionths of a token; more than there is room for while somebody waits for one
	at      instant // when so much was missing
}

// token is one token as allowances count them: what a rate of one a second gives in a second, in nanoseconds.
const token = int64(time.Second)

// maxRate is the highest rate, one for each nanosecond. Higher ones would not fit into an allowance and limit nothing.
const maxRate = int(token)

// take takes one token, and says how long it is until that one was there to be taken. Whoever waits for so long, and then comes
// for the next, never gets more than rate×t + rate of them in any time of t seconds. A rate of zero is no limit.
func (a *allowance) take(rate int, now instant) (wait time.Duration) {
	if rate <= 0 {
		return 0
	}
	r := a.refill(rate, now)
	a.missing += token
	return time.Duration((max(a.missing-r*token, 0) + r - 1) / r)
}

// takeOne takes one token if there is one.
func (a *allowance) takeOne(rate int, now instant) bool {
	r := a.refill(rate, now)
	if a.missing+token > r*token {
		return false
	}
	a.missing += token
	return true
}

// refill puts in what has come since it was last asked, and gives the rate to count with. A moment that is already past, as a goroutine that
// was overtaken by another may bring it, changes nothing.
func (a *allowance) refill(rate int, now instant) int64 {
	r := int64(min(rate, maxRate))
	switch gone := int64(now - a.at); {
	case gone <= 0:
		return r
	case gone > a.missing/r: // the product below might not fit
		a.missing = 0
	default:
		a.missing -= gone * r
	}
	a.at = now
	return r
}
