// Package edge is one node that people connect to: their devices over Socket.IO, accounts and queries over HTTP.
//
// It keeps nothing that is worth keeping: what people do goes into the log, what they hear comes from the log's live copies, and what they
// ask is answered from the read models. It decides no rules; package domain does.
//
// The one thing to know: an edge is hopeful before it appends, and exact afterwards. What it knows of a conversation may lag, so a yes is
// only a reason to append, and a no is believed only of the log. What became of a message is said by its place in the log, to the
// sender and to everyone who hears it alike (conversation.process, conversation.settle).
//
// Locks are taken in this order: conversation.following, ledger.mu, conversation.mu, presence.mu, hub.mu; those of profiles, of a device's applications, of
// lines, of pacers, of seen and of Edge.spawn are taken last and by themselves. None but the first is held while the log or the read models are read.
//
// # Chosen, refused, because
//
// Chosen: a conversation is followed while somebody here is concerned, and forgotten then. Refused: caching states by age. Because: what is
// followed is kept up to date by the feed, and nothing else is.
//
// Chosen: one goroutine takes in all live copies and deals with them at once where nothing is lacking; a conversation that lacks something
// gets a goroutine until it does no more. Refused: a goroutine for each conversation, or for each device. Because: most of them are idle.
//
// Chosen: a live copy names the one before it in its lane, and a hole is filled from the log. Refused: trusting the feed. Because: a
// connection that is lost loses copies. The feed says where that may have happened, too (hub.lost): then the edge reads the log from the last copy on
// and deals with all of that as if it had come live, before it goes on. Refused: to ask the read models what may have come. Because: they lag, and
// what has come and gone meanwhile is not in them.
//
// Chosen: one lock, the ledger's, while a record is dealt with, whichever goroutine does. Refused: that conversations tell their people side by side. Because: only so
// is it certain at any moment what a device has been told, without keeping that for each; and nearly all is dealt with by the feed's goroutine anyway.
//
// Chosen: a cursor names the few records that wait while later ones have been told. Refused: that those wait, too; a cursor that goes back to before them. Because: the first
// would make all wait for one request to the log, and after the second a device would be told some events twice.
//
// Chosen: a device hears nothing of what its entry covers, whoever tells it and why. Refused: to rely on when it was added to which list. Because: what is read late, from the
// log, would be told to devices that have been told it as missed.
//
// Chosen: before a device comes in, a fence makes sure that all copies of what was stored have come. Refused: to take the last copy's place as the device's. Because: what was stored
// since, in groups that were not followed then, would be told to nobody, or later as if it were new.
//
// Chosen: who comes back is told by stand-ins in conversations made for the purpose, which read from where the cursors are, all who come at about the same time together; what lies farther
// back than a second's reading is begun anew. Refused: to read each one's conversations by themselves; to keep recent events in memory. Because: after an edge has died thousands
// come at once, and what they missed is mostly the same; and memory does not outlive the edge.
//
// Chosen: what was stored lately is read again every few seconds on a cluster (hub.sweep, by keepUp). Refused: to trust that copies are lost only where somebody is told. Because:
// between servers they are not numbered.
//
// Chosen: who enters while the read models are behind, or away, is let in with what is known, and the rest follows (hub.resettle). Refused: to wait, or
// to send them away. Because: messages flow without the read models, and many clients do not come back by themselves.
//
// Chosen: who enters waits a moment for their groups to be followed, and hears the rest of them late, from the log, by themselves where others hear
// them already (conversation.admitLate). Refused: to wait for all. Because: one may be in a thousand groups, or as many as the settings say.
//
// Chosen: what somebody has used up of their pace is kept by id until it would be full again (pacer). Refused: to keep it with the person. Because:
// whoever hangs up and comes back would begin anew.
//
// Chosen: people on the one hand, addresses and accounts on the other have pacers of their own. Refused: one for all. Because: whoever comes can make up
// addresses and names until the memory for them is full, and would have people's paces forgotten.
//
// Chosen: wrong passwords count for the account and the address together, and tenfold for the account alone. Refused: to lock the account. Because: any stranger
// could lock anybody out.
//
// Chosen: what a person does too often does not count for the address. Refused: to count it for both. Because: one who floods would use up what everybody has
// who shares the address.
//
// Chosen: how many friends and groups somebody has is asked of the read models. Refused: to count in the log. Because: no topic holds it, and a few
// more than the limit do no harm.
//
// Chosen: what is to be changed is looked up in the read models, once they hold all that was in the log, and in the log where they do not. Refused: to
// find it in the log alone. Because: what it says now, and who has reacted how, is in no one place there; and a change must not wait for the read models.
//
// Chosen: of a change that is in the log, only what may have come to be otherwise since it was decided is judged again (doubtful). Refused: to look up each
// time whose the message is. Because: that cannot change, and every edge with somebody who hears it would ask.
//
// Chosen: a conversation remembers a few hundred of the last messages that were taken back, and tells nobody of changes to them. Refused: to remember
// all, or to ask. Because: only what races with a recall comes after it, and to hear of it does no harm.
//
// Chosen: edges tell one another who comes and goes, numbered, with a lease for each edge. Refused: a lease for each person, and presence in
// the log. Because: the one costs something for everyone who is idle, and the other is for ever.
//
// Chosen: an edge's lease is counted in the beats of its own that the listener hears meanwhile. Refused: a clock. Because: a NATS that is away, or a
// machine that stands still, says nothing about whether others are alive.
//
// Chosen: an edge that shuts down says nothing of its people; its lease ends soon. Refused: a goodbye. Because: they come back elsewhere within
// moments, and their friends would see each of them go and come.
//
// Chosen: an edge that is to stop does what it was asked and then ends the transport. Refused: a DISCONNECT, and to end it at once. Because: after the one
// clients do not come back by themselves, and the other leaves them in doubt about what they have just sent.
//
// Chosen: who is invisible is said in the log, and read before anybody is announced. Refused: to say it of a connection. Because: one that breaks would
// show whom it must not. The date of that event is when somebody was last seen; it is put down again when they go.
//
// Chosen: who erases themselves is gone with one event, which every edge hears; the rest is made of steps that can be repeated, and any edge takes them that
// finds in the read models that it is not done (resumeErasing). Refused: one edge's task, with a lease. Because: several at once only do some of it in vain,
// and one that dies needs no successor to be chosen.
//
// Chosen: everything is gone over twice, with a pause between. Refused: a lock on all edges. Because: a command that was under way ends within seconds, and
// what it has stored is found the second time. What comes even later does not count, but would lie in the log: only an edge that stood still has such.
//
// Chosen: only what came before the event by which somebody is gone is taken out; where something came after it, the event is put down once more first. Refused:
// to take out all at once. Because: the read models have put down a late mark, and would not have when they are made anew.
//
// Chosen: a wrong password for DELETE /api/me is Forbidden. Refused: Unauthenticated, as it is to who signs in. Because: the token is good, and clients sign
// people out who are told otherwise.
//
// Chosen: those who decide on one topic at this edge take turns. Refused: to let them race. Because: of a thousand who join one group at once, all but one
// would decide in vain each time.
//
// Chosen: in a large group only those who run it hear who comes and goes. Refused: to tell everybody. Because: a thousand who join would be told half a
// million times, and nobody reads that.
package edge
