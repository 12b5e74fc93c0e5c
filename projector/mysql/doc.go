// Package mysql keeps the read models in MySQL 8.0 and 8.4 or MariaDB from 10.11 on, and answers queries from them.
//
// It knows no rules and nothing of the log, and it never makes the database, only tables in it. The one thing to know: what is in the tables
// was folded from the log and may be dropped at any time; the tables are made when a projector starts, and until then queries are
// refused with code Unavailable. Tables whose names begin with new_ or old_, and whose comments say that they are ours, do not serve: they belong to whoever
// has the lock on them, and are dropped by the next one.
//
// Where the two servers differ: MySQL from 8.0.20 on would rather have "AS new … new.column" than VALUES(column) in an upsert, but takes both;
// MariaDB takes only the latter. "groups" is reserved in MySQL, so no table is called that. The variable for the isolation level has
// two names, so each transaction says its own.
//
// # Chosen, refused, because
//
// Chosen: SQL by hand on database/sql, parameters put in by the driver, and the rows of INSERTs written here. Refused: an ORM, prepared statements, the
// driver for rows. Because: there are some thirty statements, and one round trip each is what they cost; for rows the driver takes a copy of each value
// and of the statement, twice the time.
//
// Chosen: the messages of a batch in the order of their table. Refused: as they came. Because: each page is touched once; the database takes 0.7 to
// 0.9 of the time.
//
// Chosen: in tables that nobody reads yet, half of the rows by a second connection, which is 1.3 times as fast on two cores. Refused: that for tables
// that serve, and more connections. Because: two transactions are not one.
//
// Chosen: a thousand messages and more by LOAD DATA LOCAL INFILE, read as binary, which takes the server 0.7 of the time of INSERT, and Parley 0.85. For it a value
// that does not fit and a message that is there are warnings, and the row is changed or left out: so both are counted, and where the count is not that of
// what was sent, all is undone and inserted, and INSERT says why. Where the server lets nobody load (MySQL, unless it is told local_infile=ON; MariaDB does) it is
// asked once. Refused: CHARACTER SET utf8mb4 (1.2 times what binary takes the server, which puts binary into a column of ASCII whatever it is: so what is sent is looked
// at here); to ask before each load whether the server takes it.
//
// Refused: unique_checks=0 (no difference that could be measured), statements of more than 1000 rows (none either), tables without the unique key until
// the end (0.9 of the time: what is there twice would be found when all was counted), batches of 50,000 while tables are made anew (none in what both
// take together), and keeping marks and ends of conversations back until somebody looks (0.9 of what the server takes: all that reads, erases, compares and
// swaps would have to see to it first).
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
//
// Chosen: fresh tables beside those that serve, new_…, swapped by one RENAME TABLE that gives up after a second and is tried again. Refused: a database beside;
// a view; waiting. Because: the user of mysql.dsn may have rights in one database only; a view costs each question; and behind a RENAME that waits for a
// long question every other one waits.
//
// Chosen: a generation, the same for all tables made together, in their comments and as the default of a column of the checkpoints, which each commit names.
// Refused: the checkpoint's position alone; the generation as a value in a row. Because: the position may be the same in both, while what a projector remembers of
// the tables that were may be the very fault for which they were made anew; a half swap is noticed; and the rows stay those that the log gives.
//
// Chosen: a lock of the server's that stops commits during the swap, seen in the commit's own statement (IS_FREE_LOCK). Refused: LOCK TABLES; a mark in the
// tables. Because: MariaDB renames nothing under locked tables, and a mark would outlive whoever made it. So the fresh tables are never behind those that
// served, and nobody who asks is thrown back. Who waits to commit goes on the moment the lock is free.
//
// Chosen: what is compared is compared in pieces of the key, by count and by a sum that does not depend on the order, and row by row only where these differ. Refused:
// CHECKSUM TABLE, and reading all rows out. Because: the one reads no snapshot on MariaDB, depends on columns that only one has and may take longer than one
// answer may; the other is many times slower where nothing differs.
//
// Chosen: numbers in conversations in which messages were erased are left out of that sum, and compared here, messages and gaps read side by side. Refused: a
// look at the gaps for each row, in the sum. Because: where there are ten thousand gaps the servers read thousands of them for each row.
package mysql
