package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/domain"
	"parley/domain/journal"
	"parley/domain/journal/journaltest"
)

func hasCode(t *testing.T, what string, err error, code domain.Code) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s gives %v, want code %d", what, err, code)
	}
}

func TestAccounts(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		ctx := within(t)
		ann := domain.Account{Username: "Ann.Ü_王-1", ID: "u1", Password: "$argon2id$1"}
		_, err := j.Account(ctx, ann.Username)
		hasCode(t, "an unknown name", err, domain.NotFound)
		if err := j.CreateAccount(ctx, ann); err != nil {
			t.Fatal(err)
		}
		for _, taken := range []string{ann.Username, "ann.ü_王-1", "ANN.Ü_王-1"} {
			hasCode(t, "a name that is taken", j.CreateAccount(ctx, domain.Account{Username: taken, ID: "u2"}), domain.Conflict)
			got, err := j.Account(ctx, taken)
			if err != nil || got.Revision == 0 {
				t.Fatalf("account %s: %+v, %v", taken, got, err)
			}
			revision := got.Revision
			if got.Revision = 0; got != ann {
				t.Errorf("account %s is %+v, want %+v", taken, got, ann)
			}
			got.Revision = revision
			if got.Password = "$argon2id$1"; j.ChangeAccount(ctx, got) != nil {
				t.Errorf("change: not done")
			}
			if err := j.ChangeAccount(ctx, got); !errors.Is(err, domain.ErrRaced) {
				t.Errorf("a change of what has changed gives %v, want ErrRaced", err)
			}
		}
		if err := j.EraseAccount(ctx, ann.Username, "u2"); err != nil {
			t.Fatal(err)
		}
		if got, err := j.Account(ctx, ann.Username); err != nil || got.ID != ann.ID {
			t.Errorf("another's erasing leaves %+v, %v", got, err)
		}
		if err := j.EraseAccount(ctx, "ann.Ü_王-1", ann.ID); err != nil {
			t.Fatal(err)
		}
		_, err = j.Account(ctx, ann.Username)
		hasCode(t, "an erased name", err, domain.NotFound)
		if err := j.EraseAccount(ctx, ann.Username, ann.ID); err != nil {
			t.Errorf("erase again: %v", err)
		}
		if err := j.CreateAccount(ctx, domain.Account{Username: "ann.ü_王-1", ID: "u3"}); err != nil {
			t.Errorf("the name is not free again: %v", err)
		}
		if got, err := j.Account(ctx, ann.Username); err != nil || got.ID != "u3" || got.Password != "" {
			t.Errorf("the new account is %+v, %v", got, err)
		}
	})
}

func TestOneOfTwoCreationsWins(t *testing.T) {
	everywhere(t, func(t *testing.T, j *journal.Journal) {
		for round := range 10 {
			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() {
					errs[i] = j.CreateAccount(within(t), domain.Account{Username: fmt.Sprintf("ann%d", round), ID: domain.UserID(fmt.Sprint(i))})
				})
			}
			wg.Wait()
			won := -1
			for i, err := range errs {
				if err == nil && won >= 0 {
					t.Errorf("both %d and %d have it", won, i)
				}
				if err == nil {
					won = i
				} else {
					hasCode(t, "a lost race for a name", err, domain.Conflict)
				}
			}
			if won < 0 {
				t.Fatal("nobody has it")
			}
			if a, err := j.Account(within(t), fmt.Sprintf("ann%d", round)); err != nil || a.ID != domain.UserID(fmt.Sprint(won)) {
				t.Errorf("the account is %+v, %v; want %d's", a, err, won)
			}
		}
	})
}

// An account's key is fixed for ever.
func TestAccountKey(t *testing.T) {
	for name, want := range map[string]string{"ann": "QU5O", "Ann": "QU5O", "\u212Aim": "S0lN", "kim": "S0lN", "\u017Fam": "U0FN", "a.b": "QS5C"} {
		if got := journal.AccountKey(name); got != want {
			t.Errorf("the key of %q is %q, want %q", name, got, want)
		}
	}
}

// Nothing of an erased account, nor of a changed one's old password, is left in the files.
func TestErasedMeansGone(t *testing.T) {
	dir := t.TempDir()
	j := journaltest.Open(t, journaltest.Dir(dir))
	for _, name := range []string{"ann", "bob"} {
		if err := j.CreateAccount(within(t), domain.Account{Username: name, ID: domain.UserID(name), Password: "first-of-" + name}); err != nil {
			t.Fatal(err)
		}
		a, err := j.Account(within(t), name)
		if a.Password = "second-of-" + name; err != nil || j.ChangeAccount(within(t), a) != nil {
			t.Fatalf("change: %v", err)
		}
	}
	if err := j.EraseAccount(within(t), "ann", "ann"); err != nil {
		t.Fatal(err)
	}
	journaltest.Close(t, j)
	var files strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for trace, want := range map[string]bool{
		"first-of-ann": false, "second-of-ann": false, journal.AccountKey("ann"): false, "first-of-bob": false, "second-of-bob": true, journal.AccountKey("bob"): true,
	} {
		if strings.Contains(files.String(), trace) != want {
			t.Errorf("the files hold %q: %v, want %v", trace, !want, want)
		}
	}
}

func TestAccountLimit(t *testing.T) {
	j := openOne(t)
	hasCode(t, "an account too large", j.CreateAccount(within(t), domain.Account{Username: "ann", Password: strings.Repeat("x", 5000)}), domain.TooLarge)
}
