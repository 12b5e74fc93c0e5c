// Package domain says what people may do in Parley and what then happened: ids, commands, events, Friendship, Group, Message,
// read marks and the one error that says no to people.
//
// It does not read clocks, make ids, talk to a network or a database; time, ids and sequences come in as arguments, so
// that every rule can be run again and gives the same answer. It imports nothing but the standard library.
//
// The one thing to know: the log decides. A message counts if and only if Friendship.MaySend or Group.MaySend says so for the
// state folded from the events before it in the log; the edge asks before it appends, and edge and projector ask again when
// they read it. State never depends on anything outside the log.
//
// What was said is changed by events of its own, beside the messages. Such a change counts if its speaker may write there at its place, and Said.May
// says so of the message that it names.
//
// # Chosen, refused, because
//
// Chosen: a command is a struct and Decide a method on folded state; Evolve cannot fail and ignores what it does not know.
// Refused: command buses, handlers, registries by reflection. Because: the rules are to be read top to bottom.
//
// Chosen: a message sent under the setting "anyone may write to anyone" says so itself (Message.Open). Refused: asking the
// setting when the log is read. Because: a setting that changes later must not change what was said.
//
// Chosen: the date of an event is the instant at which the log stored it. Refused: a time in the event. Because: one clock orders
// better than one for each edge, and nobody can send a message from tomorrow.
//
// Chosen: what depends on time, such as how long who was turned down waits, is told when it is decided, and the log's instants are folded. Refused: a
// clock. Because: a decision can be made again.
//
// Chosen: a message that was taken back stays so, and what changes it afterwards does not count. Refused: to let the later one win, as among edits.
// Because: who takes something back must be able to rely on it.
//
// Chosen: how late something may be changed is asked when it is decided. Refused: to ask it when the log is read. Because: it is a setting, as above.
//
// Chosen: who is gone for good is so in each topic, by an event there. Refused: to look it up elsewhere. Because: a topic's state lane says all that one
// decides by, and what such a person has said may be taken out of the log then (Erasable).
//
// Chosen: a read mark counts as the smaller of what it says and its own place in the log. Refused: trusting its number.
// Because: nobody has read what was not yet written.
//
// Chosen: JSON with one golden file for each event. Refused: a schema compiler. Because: a dozen events, readable in the log by eye.
// The usual message is read without encoding/json, in a ninth of the time; a fuzz test holds the two against each other.
package domain
