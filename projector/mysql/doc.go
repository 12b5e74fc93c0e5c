// Package mysql keeps the read models in MySQL 8.0 and 8.4 or MariaDB from 10.11 on, and answers queries from them.
//
// It knows no rules and nothing of the log, and it never makes the database, only tables in it. The one thing to know: what is in the tables
// was folded from the log and may be dropped at any time; the tables are made when a projector starts, and until then queries are
// refused with code Unavailable.
//
// Where the two servers differ: MySQL from 8.0.20 on would rather have "AS new … new.column" than VALUES(column) in an upsert, but takes both;
// MariaDB takes only the latter. "groups" is reserved in MySQL, so no table is called that. The variable for the isolation level has
// two names, so each transaction says its own.
//
// # Chosen, refused, because
//
// Chosen: SQL by hand on database/sql, parameters put in by the driver. Refused: an ORM, prepared statements. Because: there are
// twenty statements, and one round trip each is what they cost.
//
// Chosen: topics as they are as keys. Refused: numbers for them. Because: numbers given by the database would differ after a replay.
//
// Chosen: the conversation list as one read of all of somebody's conversations, sorted here. Refused: a row for each member that
// moves with each message, and ORDER BY. Because: writing must not depend on how many read, and hundreds of rows are sorted in no time.
//
// Chosen: a page of what waits for somebody's answer as the newest keys of each list that an index has in order (friends, invitations, each group
// that they run), merged here, and read whole where they are on the page. Refused: ORDER BY over a join, OFFSET. Because: it would write them all into
// a table first, greetings and all, and there may be a thousand for each of somebody's groups.
//
// Chosen: an invitation by somebody who is blocked is left out by a join when a page is read. Refused: to take it away. Because: the block may be
// folded by another shard, before or after it, and may be taken back.
//
// Chosen: a question that is not answered within seconds is given up, with its connection; a batch waits a minute for each answer, and tries again for
// ever. Refused: one bound for both. Because: people wait for the one, and nobody for the other.
//
// Chosen: the version of the schema as each table's comment. Refused: migrations. Because: tables of another version are made anew from
// the log; and a table that has no such comment is not ours and is never dropped.
package mysql
