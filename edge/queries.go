package edge

import (
	"context"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"parley/domain"
)

// The parameters of queries.
type (
	nothing struct{}
	ofUser  struct {
		UID string `path:"uid" maxLength:"96"`
	}
	ofGroup struct {
		GID string `path:"gid" maxLength:"96"`
	}
	search struct {
		Query string `query:"query" required:"true" minLength:"1" maxLength:"64" doc:"What the username or the name begins with"`
		Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
	}
	memberPage struct {
		GID   string `path:"gid" maxLength:"96"`
		After string `query:"after" maxLength:"96" doc:"The id of the last member of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"100" default:"100"`
	}
	applyPage struct {
		Type  []domain.ApplyType `query:"type" enum:"friend,invite,group" maxItems:"3" doc:"Those of these types alone; without it, all"`
		After string             `query:"after" maxLength:"512" doc:"The next of the page before"`
		Limit int                `query:"limit" minimum:"1" maximum:"100" default:"50"`
	}
	conversationPage struct {
		After string `query:"after" maxLength:"512" doc:"The next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
	}
	searchPage struct {
		Query string `query:"q" required:"true" minLength:"1" maxLength:"128" doc:"Up to 8 words, each of which must stand somewhere in the message, also within a word; case does not matter"`
		After string `query:"after" maxLength:"512" doc:"The next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
	}
	messagePage struct {
		ID     string `path:"id" maxLength:"128" doc:"u:<uid> or g:<gid>"`
		Before uint64 `query:"before" minimum:"1" doc:"The page that ends just before this seq"`
		After  uint64 `query:"after" minimum:"1" doc:"The page that begins just after this seq; without before or after: the newest page"`
		Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
	}
)

// answer is a query's answer, with how far behind the log it is. Its fields stand here themselves: huma passes unexported embedded ones over.
type answer[T any] struct {
	Behind string `header:"Parley-Behind" doc:"How many events the answer is behind the log, or unknown; absent where it is up to date"`
	Body   T
}

type (
	users struct {
		Users []domain.PersonView `json:"users"`
	}
	friends struct {
		Friends []domain.FriendView `json:"friends"`
	}
	applies struct {
		Applies []domain.ApplyView `json:"applies"`
		Next    string             `json:"next" doc:"The after of the next page; empty at the end"`
	}
	blocked struct {
		Blocked []domain.PersonView `json:"blocked"`
	}
	groups struct {
		Groups []domain.GroupView `json:"groups"`
	}
	members struct {
		Members []domain.MemberView `json:"members"`
	}
	conversations struct {
		Conversations []domain.ConversationView `json:"conversations"`
		Next          string                    `json:"next" doc:"The after of the next page; empty at the end"`
	}
	foundMessages struct {
		Messages []domain.FoundView `json:"messages"`
		Next     string             `json:"next" doc:"The after of the next page; empty at the end. One answer looks at 50,000 messages at most: where it is not empty there may be more, even if nothing was found so far"`
	}
	messages struct {
		Messages []domain.MessageView `json:"messages"`
		More     bool                 `json:"more" doc:"Whether there are more in the direction asked for"`
	}
)

// query adds a query that is answered from the read models, once they have caught up.
func query[In, Out any](e *Edge, api huma.API, path, id, summary string, run func(ctx context.Context, me domain.UserID, in *In) (Out, error)) {
	huma.Register(api, secured(http.MethodGet, path, id, summary), func(ctx context.Context, in *In) (*answer[Out], error) {
		out := answer[Out]{Behind: e.fresh(ctx)}
		var err error
		if out.Body, err = run(ctx, caller(ctx).id, in); err != nil {
			return nil, behind(e.problem(err), out.Behind)
		}
		return &out, nil
	})
	answers := api.OpenAPI().Paths[path].Get.Responses
	answers["default"].Headers = answers["200"].Headers // refusals say it too
}

// behind adds to a refusal how far behind the log it is, as answer does to an answer.
func behind(refusal error, by string) error {
	if by == "" {
		return refusal
	}
	return huma.ErrorWithHeaders(refusal, http.Header{"Parley-Behind": {by}})
}

func (e *Edge) serveQueries(api huma.API) {
	v := e.Views
	query(e, api, "/api/me", "me", "Who one is", func(ctx context.Context, me domain.UserID, _ *nothing) (domain.PersonView, error) {
		return e.hub.profiles.ensure(ctx, me, caller(ctx).profile)
	})
	query(e, api, "/api/users", "users", "People by the beginning of their name", func(ctx context.Context, _ domain.UserID, in *search) (users, error) {
		if !utf8.ValidString(in.Query) {
			return users{}, domain.Refuse(domain.Malformed, "query must be UTF-8")
		}
		found, err := v.People(ctx, in.Query, in.Limit)
		return users{list(found)}, err
	})
	query(e, api, "/api/users/{uid}", "user", "One person", func(ctx context.Context, _ domain.UserID, in *ofUser) (domain.PersonView, error) {
		u, err := domain.ParseUserID(in.UID)
		if err != nil {
			return domain.PersonView{}, err
		}
		return v.Person(ctx, u)
	})
	query(e, api, "/api/friends", "friends", "One's friends", func(ctx context.Context, me domain.UserID, _ *nothing) (friends, error) {
		found, err := v.Friends(ctx, me)
		return friends{list(found)}, err
	})
	query(e, api, "/api/applies", "applies", "What waits for one's answer, newest first, without invitations by those whom one blocks", func(ctx context.Context, me domain.UserID, in *applyPage) (applies, error) {
		found, next, err := v.Applies(ctx, me, in.Type, in.After, in.Limit)
		return applies{list(found), next}, err
	})
	query(e, api, "/api/blocked", "blocked", "Those whom one blocks, by name", func(ctx context.Context, me domain.UserID, _ *nothing) (blocked, error) {
		found, err := v.Blocked(ctx, me)
		return blocked{list(found)}, err
	})
	query(e, api, "/api/groups", "groups", "One's groups", func(ctx context.Context, me domain.UserID, _ *nothing) (groups, error) {
		found, err := v.Groups(ctx, me)
		return groups{list(found)}, err
	})
	query(e, api, "/api/groups/{gid}", "group", "One group, for members, those invited and those who have applied", func(ctx context.Context, me domain.UserID, in *ofGroup) (domain.GroupView, error) {
		g, err := domain.ParseGroupID(in.GID)
		if err != nil {
			return domain.GroupView{}, err
		}
		return v.Group(ctx, me, g)
	})
	query(e, api, "/api/groups/{gid}/members", "members", "A group's members, by id", func(ctx context.Context, me domain.UserID, in *memberPage) (members, error) {
		g, err := domain.ParseGroupID(in.GID)
		if err != nil {
			return members{}, err
		}
		var after domain.UserID
		if in.After != "" {
			if after, err = domain.ParseUserID(in.After); err != nil {
				return members{}, domain.Refuse(domain.Malformed, "after: %s", domain.Refusal(err).Message)
			}
		}
		found, err := v.Members(ctx, me, g, after, in.Limit)
		return members{list(found)}, err
	})
	query(e, api, "/api/conversations", "conversations", "One's conversations, newest first", func(ctx context.Context, me domain.UserID, in *conversationPage) (conversations, error) {
		found, next, err := v.Conversations(ctx, me, in.After, in.Limit)
		return conversations{list(found), next}, err
	})
	query(e, api, "/api/conversations/{id}/messages", "messages", "A conversation's messages, by seq", func(ctx context.Context, me domain.UserID, in *messagePage) (messages, error) {
		t, err := domain.ParseConversationID(me, in.ID)
		if err == nil && in.Before > 0 && in.After > 0 {
			err = domain.Refuse(domain.Malformed, "give before or after, not both")
		}
		if err != nil {
			return messages{}, err
		}
		found, more, err := v.Messages(ctx, me, t, in.Before, in.After, in.Limit)
		return messages{list(found), more}, err
	})
	e.serveMissed(api)
	query(e, api, "/api/search", "search", "Messages of one's conversations, by words", e.search)
}

// search looks through what was said in the caller's conversations, if the caller does not do that too often.
func (e *Edge) search(ctx context.Context, me domain.UserID, in *searchPage) (foundMessages, error) {
	if err := e.people.take(string(me), searching, 1, time.Now()); err != nil {
		return foundMessages{}, err
	}
	found, next, err := e.Views.Search(ctx, me, in.Query, in.After, in.Limit)
	return foundMessages{list(found), next}, err
}

// list is a list that is [] in JSON where it is empty, not null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
