package socketio

// WaitingPolls counts the long polls that wait in a server, for tests that depend on one being there.
func WaitingPolls(s *Server) int {
	n := 0
	for _, c := range s.all() {
		c.mu.Lock()
		if c.poll != nil {
			n++
		}
		c.mu.Unlock()
	}
	return n
}
