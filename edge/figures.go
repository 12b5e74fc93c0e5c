package edge

// Figures are what an edge holds for those who are connected to it: all are zero when nobody is.
type Figures struct {
	Connections   int // that have signed in by their token
	People        int // whose they are
	Conversations int // that are followed for them
}

// Figures gives how many of each there are now.
func (e *Edge) Figures() (f Figures) {
	h := e.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, p := range h.people {
		f.Connections += len(*p.sessions.Load())
	}
	f.People, f.Conversations = len(h.people), len(h.conversations)
	return f
}
