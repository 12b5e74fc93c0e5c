package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// person is somebody whose token is good.
type person struct{ id, token string }

// invent makes people of tokens that are signed with the server's secret: it gets to know them when they first connect.
func invent(prefix string, n int, secret string) []person {
	people := make([]person, n)
	for i := range people {
		id := fmt.Sprintf("%s-%06d", prefix, i)
		people[i] = person{id, sign(id, secret)}
	}
	return people
}

// sign makes a JSON Web Token (RFC 7519) that is good for a day.
func sign(sub, secret string) string {
	b64 := base64.RawURLEncoding
	said := b64.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		b64.EncodeToString(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, sub, time.Now().Add(24*time.Hour).Unix()))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(said))
	return said + "." + b64.EncodeToString(mac.Sum(nil))
}

// register makes accounts over the API, or signs in to those that are there.
func register(ctx context.Context, url, prefix string, n int) ([]person, error) {
	people := make([]person, n)
	err := each(ctx, n, 8, func(ctx context.Context, i int) (err error) {
		name := fmt.Sprintf("%s-%06d", prefix, i)
		people[i], err = account(ctx, url+"/api/register", name)
		if refused := (*refusal)(nil); errors.As(err, &refused) && refused.code == 6 {
			people[i], err = account(ctx, url+"/api/login", name)
		}
		return err
	})
	return people, err
}

func account(ctx context.Context, url, username string) (p person, err error) {
	body, _ := json.Marshal(map[string]string{"username": username, "password": "the password of " + username}) // strings can be encoded
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return p, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, err
	}
	defer res.Body.Close()
	var a struct {
		User   struct{ ID string }
		Token  string
		Code   int
		Detail string
	}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		return p, fmt.Errorf("%s: %s: %w", url, res.Status, err)
	}
	if a.Token == "" {
		return p, &refusal{strings.TrimPrefix(url[strings.LastIndex(url, "/"):], "/"), a.Code, a.Detail}
	}
	return person{a.User.ID, a.Token}, nil
}

// each does something n times, so many of them at once, 0 for all; the first error ends it.
func each(ctx context.Context, n, atOnce int, do func(ctx context.Context, i int) error) error {
	if atOnce <= 0 || atOnce > n {
		atOnce = n
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var workers sync.WaitGroup
	next := make(chan int)
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				if err := do(ctx, i); err != nil {
					fail(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// befriend makes friends of two people, who may be friends already.
func befriend(ctx context.Context, a, b *device) error {
	if _, err := a.ask(ctx, "sendApply", b.id); err != nil && !already(err) {
		return tooMany(err)
	}
	if _, err := b.ask(ctx, "acceptFriend", a.id); err != nil && !already(err) {
		return tooMany(err)
	}
	return nil
}

func already(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == 6
}

func tooMany(err error) error {
	var r *refusal
	if errors.As(err, &r) && r.code == 5 {
		return fmt.Errorf("%w; start the server as load help says, for these people are programs", err)
	}
	return err
}

// gather makes a group of people, of whom the first one owns it, and gives its id. They become the owner's friends first, who may bring friends alone in.
func gather(ctx context.Context, name string, members []*device) (gid string, err error) {
	owner := members[0]
	uids := []string{}
	for _, m := range members[1:] {
		if err := befriend(ctx, owner, m); err != nil {
			return "", err
		}
		uids = append(uids, m.id)
	}
	data, err := owner.ask(ctx, "createGroup", map[string]any{"name": name, "members": uids})
	if err != nil {
		return "", tooMany(err)
	}
	var made struct{ GID string }
	err = json.Unmarshal(data, &made)
	return made.GID, err
}
