// Package projector folds the log into the read models: every event in order, in batches, each committed together with the
// checkpoint that says how far it went.
//
// It answers no queries, it decides nothing that the log has not decided, and it knows no database: the stores are
// projector/memory and projector/mysql, which put down what the fold says and know no rules.
//
// The one thing to know: the rows are a function of the log and of nothing else. Whatever happens to a store, it is emptied and
// the log is folded again, and the rows come back identical.
//
// # The rules of the fold
//
// They must give the same rows whether the log is read live or years later, when of each reader's marks in a conversation, and of each
// person's statuses, only the latest is left. So no rule may look at a mark or a status, except the one that puts it down; and that one
// replaces what an earlier one said instead of keeping the larger of the two, which a replay could not know. Marks move forward only
// because whoever appends them sees to it.
//
//   - A message counts if its sender may send by the state folded from the events before it, and if there is no message before it of
//     the same conversation, sender and id. One that does not count leaves no trace.
//   - Messages that count are numbered 1, 2, 3 … in each conversation. What somebody has not read is the conversation's last number
//     less the number at that person's mark, so that a message costs the same in a group of ten and of ten thousand; less those after the mark
//     that were taken back, which have a list of their own.
//   - What changes a message counts if its speaker may write there by the state before it, the message counts, and domain.Said.May says so. Nothing
//     changes what was taken back. How late it comes is not asked: the edge has, and its setting is not in the log.
//   - The number at a mark is that of the last message at or before the smaller of what the mark says and its own place in the log.
//     All of those come before the mark, so the number never changes afterwards.
//   - Who sends, or joins a group, has read everything up to that place. This is put down beside the mark, and the further one counts.
//   - A mark is put down whoever made it, member or not: a judgement would depend on when it was made.
//   - Who leaves a group may read what was said until then. All leave where it is dissolved.
//   - What a message said before it was edited is kept for them: who has left sees what it said, and the reactions that it had, until then. What was taken
//     back is so for everybody.
//   - Beside that, a group's history says how far back: from the beginning, or each from where they joined. Who comes back has joined there.
//     What the group says now counts, for everybody alike, so that everybody's row has the place where they joined, whatever it said then.
//     Only who has left sees no more later than then: their row has also what was hidden from them when they left.
//   - An application to join a group waits for those who may answer at the time, whoever they were when it was made: it has one row, which is
//     the applicant's, and theirs say that they may. The last event of those that ask the same person is the one that waits.
//   - Who blocks whom is put down beside that. What it hides is seen when somebody asks: an invitation that waits is in another topic, maybe of
//     another shard, and waits again when the block is taken back.
//   - Who is gone for good has said nothing: where that is in the log of a conversation, all of that person's messages, reactions and marks there are
//     taken away, and they are nobody's unread ones any more. For they are taken out of the log itself then, and a replay finds
//     some of them or none. That others' rows come out the same either way is why a mark's place is that of the event, not of a message, and why
//     whoever has to do with a conversation has a row there, whatever is left of it.
//   - A status is put down as the date at which somebody was seen, whatever it is.
//
// # Chosen, refused, because
//
// Chosen: the fold in one place, for all stores, handing over rows. Refused: SQL that computes. Because: two stores with rules would
// be two sets of rules.
//
// Chosen: folded states and the ends of conversations in memory, bounded, read again from the log's state lanes when missing. Refused:
// states in the read models. Because: then a verdict would depend on a table, and tables may vanish.
//
// Chosen: committing as if no message were there twice, and folding the batch again with the known ones looked up when the unique
// key says otherwise. Refused: looking up each id. Because: what is sent twice is mostly caught before it is in the log, and a
// look-up costs about as much as the insert.
//
// Chosen: batches of as much as waits, up to 10,000 events, and 20,000 where tables are made anew. Refused: more, or smaller ones. Because: a batch has
// one row for each reader's mark and each conversation's end, however often they move in it. With a thousand conversations of five, marks and ends take
// the database 12 µs an event in batches of 2,000, and 5 in batches of 10,000; what is beyond is a longer wait for whoever reads.
//
// Chosen: where tables are made anew, to fold a batch while the one before is on its way into the store. Refused: that for tables that serve. Because:
// what is not certain to be there must be found out before the next event is acknowledged by a checkpoint, also while nothing comes; and live there is
// mostly nothing to overlap.
//
// Chosen: gaps in the numbers where messages were erased, which are not unread. Refused: to number the rest anew, or to keep a place holder for each
// message. Because: a million rows took minutes, in one transaction, and a place holder in the log would be what was to be erased. A replay, which
// finds them erased, has neither numbers nor gaps for them; what is compared are the numbers less the gaps before them.
//
// Chosen: a search that reads messages, newest first, as many as one answer may, and goes on where it stopped. Refused: an index of words, as a FULLTEXT
// column or as rows. Because: it finds parts of words in any script exactly, looks at nothing but one's own conversations, and costs nothing when
// messages are written. FULLTEXT took seven times as long to write as the row itself (100,000 rows: 7.6 s instead of 1.1 s), finds no Chinese on
// MariaDB by itself, and looks through everybody's messages before it throws away those of other conversations.
//
// Chosen: what is hidden from a member is seen when a page is read, by the place in the member's row and the setting in the group's. Refused:
// bounds that are put down for each member when the setting changes. Because: it changes for ten thousand by one row, and back.
//
// Chosen: emptying the read models when the log is another one than they were made from. Refused: stopping. Because: they hold
// nothing of their own.
//
// Chosen: read models made anew beside those that serve, compared with them as of one moment, and swapped (Rebuild); the same without the swap tells whether they
// are what the log says (Verify). Refused: dropping what serves; tables that are mended. Because: people ask meanwhile, and what is wrong in one place was
// made wrong by something that may have been in others.
//
// Chosen: a difference is one that stays while both go on. Refused: comparing once. Because: of marks and statuses the log keeps the latest, and of who is erased
// nothing: what the tables had of them at that moment may be gone from the log before it is read.
//
// Chosen: two projectors of one shard race for the checkpoint, and the loser stands by for as long as what there is gets folded. Refused:
// leases and elections. Because: the compare-and-set is needed anyhow, and is enough; a death shows by what nobody folds.
package projector
