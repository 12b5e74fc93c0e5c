package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	driver "github.com/go-sql-driver/mysql"

	"parley/projector"
)

// many is from how many messages on a batch is worth a LOAD DATA and, in tables that nobody reads yet, two connections.
const many = 1000

// errNotLoaded says that LOAD DATA did not take all messages as they are. The transaction must not be committed.
var errNotLoaded = errors.New("mysql: not loaded")

// A putting puts rows down.
type putting func(context.Context, named, projector.Batch) error

// quickly does a transaction with the messages loaded, where they are many, and from its beginning with them inserted where that fails: then INSERT says
// what is the matter. Where it takes what LOAD DATA did not, that is the server's doing, and it is not asked again.
func (s *Store) quickly(ctx context.Context, b projector.Batch, do func(messages putting) error) error {
	if len(b.Messages) < many || s.inserts.Load() {
		return do(putMessages)
	}
	loaded := do(loadMessages)
	if !errors.Is(loaded, errNotLoaded) {
		return loaded
	}
	err := do(putMessages)
	if err == nil && !passing(loaded) || ctx.Err() != nil { // a proxy may not answer
		s.inserts.Store(true)
		s.logger.Info("mysql: the server lets nobody load; messages are inserted, which takes longer (local_infile=ON would help)", "error", loaded)
	}
	return err
}

// loadMessages is putMessages by LOAD DATA LOCAL, for which no other value or message than those that are sent is read: not a file. Where something is not as
// it should be it fails with errNotLoaded. A value that does not fit is shortened, and a message that is there left out: all that tells are a warning and
// the number of rows.
func loadMessages(ctx context.Context, tx named, b projector.Batch) error {
	for _, m := range b.Messages {
		if !fits(m) {
			return fmt.Errorf("%w: message %s of %s is not of characters that the columns take", errNotLoaded, m.ID, m.From)
		}
	}
	name := rand.Text()
	driver.RegisterReaderHandler(name, func() io.Reader { return &lines{rows: b.Messages} })
	defer driver.DeregisterReaderHandler(name)
	// Fields and lines are as they are by default. What is read as binary goes into a column of ASCII whatever it is; hence fits.
	done, err := tx.ExecContext(ctx, "LOAD DATA LOCAL INFILE 'Reader::"+name+"' INTO TABLE {messages} CHARACTER SET binary (topic,seq,number,sender,id,date,msg)")
	if err != nil {
		return fmt.Errorf("%w: %w", errNotLoaded, err)
	}
	loaded, err := done.RowsAffected()
	if err != nil {
		return err
	}
	warnings, err := collect(ctx, tx, func(r *sql.Rows) (n int64, err error) { return n, r.Scan(&n) }, "SELECT @@warning_count")
	if err != nil {
		return err
	}
	if warnings[0] > 0 || loaded != int64(len(b.Messages)) {
		return fmt.Errorf("%w: %d messages of %d, with %d warnings", errNotLoaded, loaded, len(b.Messages), warnings[0])
	}
	return nil
}

// fits says that all is of the columns' character sets.
func fits(m projector.MessageRow) bool {
	for _, s := range []string{m.Topic.Key(), string(m.From), m.ID} {
		for i := range len(s) {
			if s[i] >= utf8.RuneSelf {
				return false
			}
		}
	}
	return utf8.Valid(m.Msg)
}

// lines are messages for LOAD DATA, written while they are sent.
type lines struct {
	rows []projector.MessageRow // that are not written yet
	line []byte                 // has room for one
	left []byte                 // of the line, what is not sent yet
}

// Read fills p as far as there are messages: each call is a packet.
func (l *lines) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(l.left) == 0 && len(l.rows) == 0 {
			return n, io.EOF
		}
		if len(l.left) == 0 {
			l.line = appendLine(l.line[:0], l.rows[0])
			l.rows, l.left = l.rows[1:], l.line
		}
		sent := copy(p[n:], l.left)
		n, l.left = n+sent, l.left[sent:]
	}
	return n, nil
}

func appendLine(line []byte, m projector.MessageRow) []byte {
	line = append(appendField(line, m.Topic.Key()), '\t')
	line = append(strconv.AppendUint(line, m.Seq, 10), '\t')
	line = append(strconv.AppendUint(line, m.Number, 10), '\t')
	line = append(appendField(line, string(m.From)), '\t')
	line = append(appendField(line, m.ID), '\t')
	line = append(strconv.AppendInt(line, m.Date, 10), '\t')
	return append(appendField(line, m.Msg), '\n')
}

// appendField writes a string as it stands between tabs, for connections on which backslashes escape, as configure has it.
func appendField[S string | json.RawMessage](line []byte, s S) []byte {
	begin := 0 // of what is not written yet
	for i := range len(s) {
		if c := s[i]; c == '\t' || c == '\n' || c == '\\' {
			line = append(append(line, s[begin:i]...), '\\')
			begin = i
		}
	}
	return append(line, s[begin:]...)
}
