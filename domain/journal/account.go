package journal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/nats-io/nats.go/jetstream"

	"parley/domain"
)

const (
	accountBucket   = "ACCOUNTS"
	accountStream   = "KV_" + accountBucket
	accountSubjects = "$KV." + accountBucket + "."
)

// accountKey is where the account of a name lies: base64url of the name with each letter replaced by the first of those that differ only
// in case. It can be read back, and any name fits.
func accountKey(username string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Map(firstCase, username)))
}

func firstCase(r rune) rune {
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return first
}

// accountConfig is the bucket as other tools know buckets, but for one thing: what lies in it may be deleted for good.
func accountConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              accountStream,
		Subjects:          []string{accountSubjects + ">"},
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          replicas,
		MaxMsgsPerSubject: 8, // an old one stays until it is overwritten; more than one only after failures
		MaxMsgSize:        2 * maxAccount,
		Duplicates:        dedupWindow,
		AllowRollup:       true,
		AllowDirect:       true,
	}
}

// settleAccounts finds or makes the bucket; a log that was written to had one.
func (j *Journal) settleAccounts(ctx context.Context, replicas int, written bool) error {
	s, err := j.findStream(ctx, accountStream)
	if err != nil {
		return err
	}
	if s == nil && written {
		return fmt.Errorf("stream %s, which holds the accounts, is missing from a log that was written to: restore it from a backup", accountStream)
	}
	if s == nil {
		if s, err = j.create(ctx, accountConfig(replicas)); err != nil {
			return err
		}
	}
	return sameStream(s.Config, accountConfig(replicas))
}

// maxAccount is the most that an account may take in bytes.
const maxAccount = 4096

// CreateAccount keeps a new account. The error is Conflict where the name is taken, in whatever case, or Unavailable.
func (j *Journal) CreateAccount(ctx context.Context, a domain.Account) error {
	last, err := j.askAccount(ctx, a.Username)
	if err != nil {
		return err
	}
	if err = domain.Refuse(domain.Conflict, "the username %s is taken", a.Username); last.holds() {
		return err
	}
	if stale := j.putAccount(ctx, a, last.revision()); !errors.Is(stale, domain.ErrRaced) {
		return stale
	}
	return err
}

// Account finds the account of a name, in whatever case. The error is NotFound or Unavailable.
func (j *Journal) Account(ctx context.Context, username string) (domain.Account, error) {
	var a domain.Account
	last, err := j.askAccount(ctx, username)
	if err != nil {
		return a, err
	}
	if !last.holds() {
		return a, domain.Refuse(domain.NotFound, "there is no user %s", username)
	}
	if err := json.Unmarshal(last.Data, &a); err != nil {
		return a, fmt.Errorf("account %d of stream %s: %w", last.Seq, accountStream, err)
	}
	a.Revision = last.Seq
	return a, nil
}

// ChangeAccount replaces the account of a.Username, which must still be the one of a.Revision, and overwrites the old one where it lies.
// The error is ErrRaced or Unavailable.
func (j *Journal) ChangeAccount(ctx context.Context, a domain.Account) error {
	if err := j.putAccount(ctx, a, a.Revision); err != nil {
		return err
	}
	if err := j.erase(ctx, accountStream, a.Revision); err != nil { // the change is made; EraseAccount overwrites what is left now
		j.log.Warn("an account's old password hash could not be overwritten", "stream", accountStream, "seq", a.Revision, "error", err)
	}
	return nil
}

// EraseAccount deletes the account of a name, if it is that person's, and overwrites it where it lies; the name is free again. That there is none, or
// that it is another's, is no error, so that it can be repeated, and done by several at once; the error is Unavailable.
func (j *Journal) EraseAccount(ctx context.Context, username string, of domain.UserID) error {
	subject := accountSubjects + accountKey(username)
	for { // from the oldest on: what is left in between must not count again
		last, err := j.askAccount(ctx, username)
		if err != nil || last == nil {
			return err
		}
		var a domain.Account
		if last.holds() && json.Unmarshal(last.Data, &a) == nil && a.ID != of {
			return nil
		}
		oldest, err := j.askLeader(ctx, accountStream, lookup{Seq: 1, Next: subject})
		if err == nil && oldest != nil && oldest.Seq <= last.Seq { // else the name has become another's meanwhile
			err = j.erase(ctx, accountStream, oldest.Seq)
		}
		if err != nil {
			return unavailable(fmt.Errorf("erase account: %w", err))
		}
	}
}

func (j *Journal) askAccount(ctx context.Context, username string) (*stored, error) {
	s, err := j.askLeader(ctx, accountStream, lookup{Last: accountSubjects + accountKey(username)})
	if err != nil {
		return nil, unavailable(err)
	}
	return s, nil
}

// holds says whether there is an account: an operator's deletion by the nats tool leaves a mark that is none.
func (s *stored) holds() bool { return s != nil && len(s.Data) > 0 }

func (s *stored) revision() uint64 {
	if s == nil {
		return 0
	}
	return s.Seq
}

func (j *Journal) putAccount(ctx context.Context, a domain.Account, revision uint64) error {
	b, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode account: %w", err)
	}
	if len(b) > maxAccount {
		return domain.Refuse(domain.TooLarge, "an account must be at most %d bytes, this one has %d", maxAccount, len(b))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = j.js.Publish(ctx, accountSubjects+accountKey(a.Username), b, jetstream.WithExpectLastSequencePerSubject(revision))
	switch {
	case raced(err):
		return fmt.Errorf("account: %w (%w)", domain.ErrRaced, err)
	case err != nil:
		return unavailable(err)
	}
	return nil
}
