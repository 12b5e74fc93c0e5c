// Package socketio is a Socket.IO server: it gives unmodified Socket.IO clients events, acknowledgements both ways and namespaces over
// HTTP long-polling and WebSocket, as a plain http.Handler.
//
// It does not know what the events mean, has no rooms and keeps nothing: who gets what is up to the application, which sends one
// Packet to as many Sockets as it likes. It serves Engine.IO 4 with Socket.IO protocol 5 (the clients 3.x and 4.x) for text; a
// binary packet closes the connection with "parse error".
//
// The one thing to know: handlers run on the goroutine that reads from their client. A handler that blocks slows its own client and
// nobody else, and must not wait for something that this same client has yet to send. Sending never blocks: what a client does
// not read waits in a queue of bounded size, and when that overflows, the client is cut off.
//
// # Chosen, refused, because
//
//   - Chosen: one Session value for each socket, made by Connect. Refused: handlers registered by event name. A switch over
//     Event.Name is shorter, keeps a connection's state in one typed place and costs an idle connection nothing.
//   - Chosen: frames are made once, with their WebSocket header in front, and queued as they are; long-polling takes the packets out
//     of them again. Refused: websocket.PreparedMessage, which keeps a second copy of the text and takes a lock for every
//     connection. gorilla/websocket does the upgrade, the reading and the close frames.
//   - Chosen: a writer goroutine that lives while there is something to write. Refused: one for each connection, which costs
//     every idle one a stack, and writing in the sender's goroutine, which would let one slow client hold up a broadcast.
//   - Chosen: one heap of deadlines behind one timer. Refused: timers of the connections' own, three for each.
//   - Chosen: the WebSocket's reader is a goroutine of its own and ServeHTTP returns, so that net/http's buffers and stack are freed.
//   - Chosen: a slow reader is cut off. Refused: dropping packets, which Socket.IO clients cannot notice.
//   - Chosen: a POST is answered when its handlers have returned, so that a slow handler slows the client in polling too.
//   - Chosen: panics in handlers are caught and logged, as net/http does for requests; one fault must not disconnect everyone.
package socketio
