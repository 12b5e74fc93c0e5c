package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"parley/domain"
	"parley/edge"
)

// erasing lets an edge look often for erasures to go on with, and wait for little that may be on its way.
func erasing(o *edge.Options) {
	o.Settings.Resume, o.Settings.Linger = 20*time.Millisecond, time.Millisecond
}

// resting lets an edge leave erasures to others once all have been told.
func resting(o *edge.Options) { o.Settings.Resume, o.Settings.Linger = time.Hour, time.Hour }

// register makes an account, and gives the id and a token.
func (n *node) register(username string) (domain.UserID, string) {
	n.Helper()
	var in struct {
		User  domain.PersonView
		Token string
	}
	body := fmt.Sprintf(`{"username":%q,"password":"correct horse","name":"Name of %s"}`, username, username)
	if status, _ := n.ask(http.MethodPost, "/api/register", "", body, &in); status != http.StatusCreated {
		n.Fatalf("register %s: %d", username, status)
	}
	return in.User.ID, in.Token
}

// erase asks to be erased and gives status and refusal.
func (n *node) erase(u domain.UserID, body string) (status int, p problem) {
	n.Helper()
	n.fold()
	var out json.RawMessage
	req, err := http.NewRequest(http.MethodDelete, n.url+"/api/me", strings.NewReader(body))
	must(n, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+n.token(u))
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	must(n, err)
	defer res.Body.Close()
	if res.StatusCode == http.StatusNoContent {
		return res.StatusCode, p
	}
	must(n, json.NewDecoder(res.Body).Decode(&out))
	must(n, json.Unmarshal(out, &p))
	return res.StatusCode, p
}

func (n *node) eraseOK(u domain.UserID, body string) {
	n.Helper()
	if status, p := n.erase(u, body); status != http.StatusNoContent {
		n.Fatalf("erase %s: %d, %+v", u, status, p)
	}
}

// isGone fails where somebody may still do anything at an edge.
func (n *node) isGone(u domain.UserID) {
	n.Helper()
	var p problem
	eventually(n, "the token is refused", func() bool {
		status, _ := n.ask(http.MethodGet, "/api/me", n.token(u), "", &p)
		return status == http.StatusUnauthorized && p.Code == domain.Unauthenticated
	})
	for _, path := range []string{"/api/friends", "/api/users?query=a", "/api/conversations"} {
		if status, _ := n.ask(http.MethodGet, path, n.token(u), "", &p); status != http.StatusUnauthorized || p.Code != domain.Unauthenticated {
			n.Errorf("%s: %d, %+v", path, status, p)
		}
	}
	d, refused := dial(n, n.url, fmt.Sprintf(`{"token":%q}`, n.token(u)), "", nil)
	if d != nil || refused.Code != domain.Unauthenticated || refused.Message != "authentication error" {
		n.Errorf("CONNECT: let in: %v, %+v", d != nil, refused)
	}
	if status, p := n.erase(u, ""); status != http.StatusUnauthorized {
		n.Errorf("erase again: %d, %+v", status, p)
	}
}

// isOff waits until a device is cut off.
func (d *device) isOff() {
	d.tb.Helper()
	select {
	case <-d.done:
	case <-time.After(limit):
		d.tb.Fatalf("%s is still connected after %v", d.me, limit)
	}
}

// log gives what the log holds of a topic.
func (w *world) log(t domain.Topic) []domain.Record {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	records, err := w.journal.Since(ctx, t, 0)
	must(w, err)
	return records
}

// erased waits until it is in the log that nothing of somebody's is left there, and sees whether that is so.
func (w *world) erased(u domain.UserID, topics ...domain.Topic) {
	w.Helper()
	own := func() (names []string) {
		for _, r := range w.log(domain.About(u)) {
			name := r.Event.EventName()
			if e, ok := r.Event.(domain.PersonErased); ok && e.Done {
				name = "done"
			}
			names = append(names, name)
		}
		return names
	}
	eventually(w, string(u)+" is erased", func() bool { return slices.Contains(own(), "done") })
	if got := own(); !slices.Equal(got, []string{"person.erased", "done"}) {
		w.Errorf("of %s the log holds %q", u, got)
	}
	for _, t := range topics {
		gone := false
		for _, r := range w.log(t) {
			switch e := r.Event.(type) {
			case domain.FriendErased:
				gone = gone || e.By == u
			case domain.GroupErased:
				gone = gone || e.UID == u
			}
			if domain.Erasable(r.Event, u) {
				w.Errorf("%s is left: %d %s %+v", t, r.Seq, r.Event.EventName(), r.Event)
			}
		}
		if !gone {
			w.Errorf("in %s it does not say that %s is gone", t, u)
		}
	}
}
