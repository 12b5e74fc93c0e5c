package socketio

import "sync"

// Packet is an event that has been encoded once, to be sent to any number of sockets. It does not change and may be kept
// and shared freely; the queues of all connections that it waits for hold the same bytes.
//
// It is made for the main namespace "/". For a socket of another namespace, whose name is part of the packet, a second form is
// made when it is first sent there, and kept with it.
type Packet struct {
	main unit

	mu     sync.Mutex
	others map[string]unit // by namespace
}

// NewPacket encodes an event. It is an error if the arguments do not encode as JSON or if the name is reserved.
func NewPacket(event string, args ...any) (*Packet, error) {
	u, err := encodeEvent("/", noID, event, args)
	if err != nil {
		return nil, err
	}
	return &Packet{main: u}, nil
}

// in gives the packet's form for a namespace.
func (p *Packet) in(namespace string) unit {
	if namespace == "/" {
		return p.main
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.others[namespace]
	if u == nil {
		text, _ := p.main.cut()
		b := make([]byte, headroom, headroom+len(text)+len(namespace)+1)
		b = append(b, text[:2]...) // message, event
		b = appendAddress(b, namespace)
		u = frame(append(b, text[2:]...), frameText)
		if p.others == nil {
			p.others = make(map[string]unit)
		}
		p.others[namespace] = u
	}
	return u
}
