package edge

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/domain"
	"parley/edge/socketio"
)

// maxMissedBytes is how much of events one answer holds.
const maxMissedBytes = 2 << 20

type missedSince struct {
	After string `query:"after" maxLength:"4096" doc:"The next of an earlier answer; without it, none are given"`
}

type missedEvents struct {
	Events []json.RawMessage `json:"events" doc:"What has been told since, oldest first: each as [name, argument, …], as over Socket.IO"`
	Next   string            `json:"next" doc:"The after for what is told from now on"`
	Reset  bool              `json:"reset" doc:"That it cannot be said what was missed, or is too much: what is shown is to be asked for anew. Then events is empty"`
}

func (e *Edge) serveMissed(api huma.API) {
	huma.Register(api, secured(http.MethodGet, "/api/events", "events", "What one would have been told over Socket.IO since, of all that is stored"),
		func(ctx context.Context, in *missedSince) (*struct{ Body missedEvents }, error) {
			found, err := e.missed(ctx, caller(ctx).id, in.After)
			if err != nil {
				return nil, e.problem(err)
			}
			return &struct{ Body missedEvents }{found}, nil
		})
}

// missed gives what somebody would have been told since a cursor, for those whose library knows no recovery. It costs what it costs to connect, and counts
// as that.
func (e *Edge) missed(ctx context.Context, me domain.UserID, after string) (found missedEvents, err error) {
	if err := e.people.take(string(me), connecting, 1, time.Now()); err != nil {
		return found, err
	}
	ends, err := e.Log.Ends(ctx)
	if err != nil {
		return found, err
	}
	now := entry{}
	for shard, end := range ends {
		now.reached.set(shard, end.Seq)
	}
	found = missedEvents{Events: []json.RawMessage{}, Next: cursor{newest: newest(ends), reached: now.reached}.String() + "~" + e.hub.life}
	if after == "" {
		return found, nil
	}
	place, life, whole := strings.Cut(after, "~")
	from, err := parseCursor(place, e.Log.Shards())
	if err != nil || !whole {
		return found, errCursor
	}
	if found.Reset = life != e.hub.life; found.Reset {
		return found, nil
	}
	bytes := 0
	err = e.hub.resume(ctx, me, &returning{from: from, entry: &now, send: func(p *socketio.Packet) error {
		event := p.JSON()
		if bytes += len(event); bytes > maxMissedBytes {
			return errTooMuch
		}
		found.Events = append(found.Events, event)
		return nil
	}})
	switch {
	case errors.Is(err, errTooOld), errors.Is(err, errTooMuch), errors.Is(err, errOther), errors.Is(err, domain.ErrGone):
		found.Events, found.Reset, err = []json.RawMessage{}, true, nil
	case err != nil:
		found = missedEvents{}
	}
	return found, err
}
