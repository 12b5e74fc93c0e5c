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
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, err := j.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: accountBucket, Storage: jetstream.FileStorage, Replicas: replicas, MaxValueSize: maxAccount})
		if err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
			return fmt.Errorf("make bucket %s: %w", accountBucket, err)
		}
		return nil
	}
	if s.Config.MaxMsgsPerSubject != 1 || s.Config.Storage != jetstream.FileStorage || s.Config.MaxAge != 0 {
		return fmt.Errorf("bucket %s is not as the accounts need it: history is %d and must be 1, storage is %v and must be File, ttl is %v and must be 0s",
			accountBucket, s.Config.MaxMsgsPerSubject, s.Config.Storage, s.Config.MaxAge)
	}
	return nil
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

// ChangeAccount replaces the account of a.Username, which must still be the one of a.Revision. The error is ErrRaced or Unavailable.
func (j *Journal) ChangeAccount(ctx context.Context, a domain.Account) error {
	return j.putAccount(ctx, a, a.Revision)
}

// EraseAccount deletes the account of a name and overwrites it where it lies; the name is free again. That there is none is no error, so
// that it can be repeated; the error is Unavailable.
func (j *Journal) EraseAccount(ctx context.Context, username string) error {
	for erased := uint64(0); ; {
		last, err := j.askAccount(ctx, username)
		if err != nil || last == nil {
			return err
		}
		if last.Seq == erased {
			return unavailable(fmt.Errorf("account %d of stream %s is still there though it was erased", erased, accountStream))
		}
		if err := j.erase(ctx, last.Seq); err != nil {
			return unavailable(fmt.Errorf("erase account: %w", err))
		}
		erased = last.Seq
	}
}

// noSuchMessage is the server's number for a deletion of what is not there.
const noSuchMessage = 10057

func (j *Journal) erase(ctx context.Context, seq uint64) error {
	s, err := j.js.Stream(ctx, accountStream)
	if err != nil {
		return err
	}
	err = s.SecureDeleteMsg(ctx, seq)
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == noSuchMessage { // it was changed meanwhile
		return nil
	}
	return err
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
