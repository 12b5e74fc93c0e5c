// Package memory keeps the read models in the process, for trying Parley out, for small installations and for tests.
//
// It stores nothing on disk and knows no rules. The one thing to know: after each start it is empty, and the projector fills it
// from the log before the first query should be answered (Store.Wait).
//
// # Chosen, refused, because
//
// Chosen: maps under one lock, and a look at everybody for a search. Refused: indexes. Because: it is to be read against
// projector/mysql, which has them, and the two are compared in tests.
package memory
