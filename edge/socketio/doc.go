// Package socketio is a Socket.IO server: it gives unmodified Socket.IO clients events with JSON and binary data, acknowledgements both ways,
// namespaces, and connection state recovery, over HTTP long-polling and WebSocket, as a plain http.Handler.
//
// It does not know what the events mean, has no rooms and keeps nothing: who gets what is up to the application, which sends one
// Packet to as many Sockets as it likes. On one path it serves Engine.IO 4 with Socket.IO protocol 5 (the clients 3.x and 4.x) and
// Engine.IO 3 with Socket.IO protocol 4 (the clients 2.x). JSONP, WebTransport and compression it does not have.
//
// The one thing to know: handlers run on the goroutine that reads from their client. A handler that blocks slows its own client and
// nobody else, and must not wait for something that this same client has yet to send. Sending never blocks: what a client does
// not read waits in a queue of bounded size, and when that overflows, the client is cut off.
//
// # Chosen, refused, because
//
//   - Chosen: one Session value for each socket, made by Connect. Refused: handlers registered by event name. A switch over
//     Event.Name is shorter, keeps a connection's state in one typed place and costs an idle connection nothing.
//   - Chosen: one connection type for both generations. They differ in the codec of long-polling, in who pings, in who asks to join the main
//     namespace and in one byte before binary data; text on a WebSocket is the same. Refused: a package for each, and a broadcast encoded for each.
//   - Chosen: frames are made once, with their WebSocket header in front, and queued as they are; long-polling takes the packets out
//     of them again. Refused: websocket.PreparedMessage, which keeps a second copy of the text and takes a lock for every
//     connection. gorilla/websocket does the upgrade, the reading and the close frames.
//   - Chosen: Binary leaves its data in the encoded JSON, marked with something that nobody else can know, and is taken out of there.
//     So it may be anywhere in any type, at no cost for text but one search. Refused: a walk over all arguments by reflection, and
//     binary data in the first level of arguments only, which clients in JavaScript do not keep to.
//   - Chosen: recovery as a replay by the application, from an offset that the client brings. Refused: what the reference implementation has, copies of recent
//     packets and of who was in which room, in the memory of one process: it ends with that process, and costs even where nobody comes back.
//   - Chosen: a writer goroutine that lives while there is something to write. Refused: one for each connection, which costs
//     every idle one a stack, and writing in the sender's goroutine, which would let one slow client hold up a broadcast.
//   - Chosen: one heap of deadlines behind one timer. Refused: timers of the connections' own, three for each.
//   - Chosen: the WebSocket's reader is a goroutine of its own and ServeHTTP returns, so that net/http's buffers and stack are freed.
//   - Chosen: a Shutdown counts what each connection still owes its client, and ends it when that is nothing. Refused: to wait for handlers alone.
//     An acknowledgement may come long after its handler has returned.
//   - Chosen: a slow reader is cut off. Refused: dropping packets, which Socket.IO clients cannot notice.
//   - Chosen: who sends too fast is read more slowly. Refused: cutting off for it, since libraries send at once what piled up while they were
//     offline; and dropping packets.
//   - Chosen: a POST is answered when its handlers have returned, so that a slow handler slows the client in polling too.
//   - Chosen: panics in handlers are caught and logged, as net/http does for requests; one fault must not disconnect everyone.
package socketio
