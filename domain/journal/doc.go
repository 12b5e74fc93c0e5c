// Package journal remembers events in order and hands them on: it is the log, on NATS JetStream, with accounts kept beside it.
//
// It does not decide anything: whether an event may happen is the domain's business, and what the events add up to is the
// projector's. It is the only package that knows of NATS.
//
// The one thing to know: a stream is made once or found as it must be; it is never changed, deleted or made again. What does not
// match is an error that says which setting differs.
//
// # What is kept
//
// All of it belongs to this package; nothing else writes to it.
//
//	stream CHAT-<n>      subjects chat.<n>.>     every event, until it is erased; one stream for each shard, n = 0 … shards-1
//	(republished)        live.chat.<n>.>         a copy of each event after it was stored, with its place and its subject's previous one
//	bucket ACCOUNTS      $KV.ACCOUNTS.<name>     one account for each key, base64url of the name without its case; erasable for good
//	(never stored)       signal.>                what edges tell one another of the moment
//
// An event's subject is chat.<shard>.<topic key>.<lane>, a read mark's chat.<shard>.<topic key>.read.<reader>. Of a read mark and of a person's status
// only the latest is kept. The shard is a hash of the topic's key, so that everything about one topic is in one order. A stream's metadata holds how many shards the log has and the
// stream's epoch, a random word made with it.
//
// # Chosen, refused, because
//
// Chosen: an append is published at once in the order of the calls and never repeated here, unless the server has said that nothing of it is stored. Refused: the
// client library's retry and its buffer for reconnects. Because: the one reorders, and the other stores what was long since answered with "unavailable".
//
// Chosen: where the embedded server syncs before each acknowledgement, what waits is stored as one batch of the server's, synced once, as soon as more waits than a
// batch costs; an event alone waits for nobody. Refused: to sync the server's files from here and have the server not do so. Because: it would rewrite the files of old
// events without a sync, too, and on some file systems a power cut would take events that were acknowledged long before. Elsewhere the servers group by themselves
// what comes one by one, and a batch is slower.
//
// Chosen: one short-lived consumer for each reader, watched and made again from the reader's own position. Refused: durable
// consumers. Because: who owns a position needs no second one on the server, and a consumer that dies must not die silently.
//
// Chosen: what a consumer brings is decoded as it comes, up to a batch and 16 MiB ahead of who reads, and handed over at once. Refused: a channel of
// events, and a bound by their number alone. Because: a channel took a tenth of the time that reading takes, and ten thousand of the largest
// messages are gigabytes.
//
// Chosen: an epoch for each stream. Refused: one for the whole log. Because: a single stream may be lost and restored by itself.
//
// Chosen: positions that also say when their event was stored. Refused: the epoch alone. Because: a backup of a stream carries its epoch,
// and a restored one that has grown again is as long as the one that was lost.
//
// Chosen: reads for decisions ask the stream's leader how far to read, then read from any replica until there. Refused: trusting
// whichever replica answers. Because: the others are a moment behind, and "no such user" would be said of the newest ones.
//
// Chosen: what is erased is overwritten where it lies, one event after another, with a rest between. Refused: deletions that only mark, and a purge by subject.
// Because: the bytes would stay in the files, and a subject is many people's. The server writes a whole block anew for each, of 8 MiB at most, and lets
// nobody else use the stream meanwhile; the old file goes, and what its room on the disk holds is the file system's business. In a cluster the Raft log has a copy until it is next compacted, which nobody outside can ask for; where
// the servers encrypt what they store, they only mark what is erased.
//
// Chosen: two connections, one for appends and live copies, one for bulk reading. Because: the server answers a batch of reads
// within the connection that asked, and appends would wait behind it.
package journal
