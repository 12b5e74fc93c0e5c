package edge

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// Log is what an edge asks of the event log. Its errors that people may see are *domain.Error, with code Unavailable where
// the log cannot be reached.
type Log interface {
	// Append stores a draft and says where. A lost expectation is domain.ErrRaced.
	Append(ctx context.Context, d domain.Draft) (domain.Stored, error)
	// AppendAsync stores drafts in the order of the calls and calls done once for each, within seconds, from another goroutine.
	AppendAsync(d domain.Draft, done func(domain.Stored, error))
	// State reads a topic's state lane in order: the events before a sequence, or all of them where it is 0.
	State(ctx context.Context, t domain.Topic, before uint64) ([]domain.Record, error)
	// Since reads all lanes of a topic in order: what has been stored after a sequence.
	Since(ctx context.Context, t domain.Topic, after uint64) ([]domain.Record, error)
	// Talk gives the events of a topic's talk lane in order, what has been stored after a sequence, until fn says false.
	Talk(ctx context.Context, t domain.Topic, after uint64, fn func(domain.Record) bool) error
	// Last reads the latest event of a lane; reader is whose read lane it is.
	Last(ctx context.Context, t domain.Topic, lane domain.Lane, reader domain.UserID) (r domain.Record, found bool, err error)
	// At reads the event of a topic at a place; found is false where there is none of it.
	At(ctx context.Context, t domain.Topic, seq uint64) (r domain.Record, found bool, err error)
	// Ends says where each shard ends now.
	Ends(ctx context.Context) ([]domain.Position, error)
	// Read gives what is stored in a shard after a position of an epoch, in order, up to where the shard ends now. It waits for a log that is
	// away.
	Read(ctx context.Context, shard int, after domain.Position, fn func([]domain.Record) error) (domain.Position, error)
	// Erase takes those events out of a topic for good that goes says so of, of those after one sequence and before another, or where that is 0 all that
	// there are now. It gives how far it has come, with an error, too.
	Erase(ctx context.Context, t domain.Topic, after, before uint64, goes func(domain.Event) bool) (upTo uint64, err error)
	// FirstSince gives the place of the first event of a shard that was stored at an instant or later; found is false where there is none.
	FirstSince(ctx context.Context, shard int, at time.Time) (seq uint64, found bool, err error)
	// Shards is how many shards there are, Shard the one that a topic is in, and Epoch names the life of one.
	Shards() int
	Shard(t domain.Topic) int
	Epoch(shard int) string
}

// Live is the feed of live copies. Whoever follows twice must unfollow twice.
type Live interface {
	// FollowPerson adds all topics of a person; when it returns, no later event is missed.
	FollowPerson(u domain.UserID) error
	UnfollowPerson(u domain.UserID)
	// FollowGroup adds a group; when it returns, no later event is missed.
	FollowGroup(g domain.GroupID) error
	UnfollowGroup(g domain.GroupID)
	// Fence returns when all copies of what had been stored when it was called have been delivered.
	Fence(ctx context.Context) error
	Close()
}

// Signals carry to all edges, this one too, what is never stored. A signal may be lost.
type Signals interface {
	Broadcast(subject string, payload []byte) error
	Hear(subject string, fn func(payload []byte)) (stop func(), err error)
}

// Accounts are how people sign in with a password, by username without regard to case.
type Accounts interface {
	CreateAccount(ctx context.Context, a domain.Account) error
	Account(ctx context.Context, username string) (domain.Account, error)
	// EraseAccount takes the account of a name away for good, if there is one and it is that person's.
	EraseAccount(ctx context.Context, username string, of domain.UserID) error
}

// Views are the read models. Their refusals are *domain.Error.
type Views interface {
	Person(ctx context.Context, u domain.UserID) (domain.PersonView, error)
	People(ctx context.Context, query string, limit int) ([]domain.PersonView, error)
	Friends(ctx context.Context, me domain.UserID) ([]domain.FriendView, error)
	// CountFriends and CountGroups say how many friends and groups each of some people has; who has none may be missing.
	CountFriends(ctx context.Context, people []domain.UserID) (map[domain.UserID]int, error)
	CountGroups(ctx context.Context, people []domain.UserID) (map[domain.UserID]int, error)
	Applies(ctx context.Context, me domain.UserID, types []domain.ApplyType, after string, limit int) ([]domain.ApplyView, string, error)
	Blocked(ctx context.Context, me domain.UserID) ([]domain.PersonView, error)
	Groups(ctx context.Context, me domain.UserID) ([]domain.GroupView, error)
	Group(ctx context.Context, me domain.UserID, g domain.GroupID) (domain.GroupView, error)
	Members(ctx context.Context, me domain.UserID, g domain.GroupID, after domain.UserID, limit int) ([]domain.MemberView, error)
	Conversations(ctx context.Context, me domain.UserID, after string, limit int) ([]domain.ConversationView, string, error)
	Messages(ctx context.Context, me domain.UserID, t domain.Topic, before, after uint64, limit int) ([]domain.MessageView, bool, error)
	Search(ctx context.Context, me domain.UserID, query, after string, limit int) ([]domain.FoundView, string, error)
	// MessageSeq says where the message is that from sent with this id, 0 for nowhere, as of a place of the shard that the topic is in.
	MessageSeq(ctx context.Context, shard int, t domain.Topic, from domain.UserID, id string) (seq uint64, as domain.Position, err error)
	// Topics gives all conversations and groups that somebody ever had to do with, and Erasing those who are being erased.
	Topics(ctx context.Context, u domain.UserID) ([]domain.Topic, error)
	Erasing(ctx context.Context) ([]domain.UserID, error)
	// Wait returns when the read models hold everything up to ends, or ctx is done; behind is how many events are missing then.
	Wait(ctx context.Context, ends []domain.Position) (behind uint64, err error)
}

// Options are what an edge is made of. All but Page are required.
type Options struct {
	Log Log
	// Follow begins the feed of live copies: deliver gets one record at a time, lost is called in place where some may be missing, both on
	// one goroutine. What is missing is in the log then.
	Follow   func(deliver func(domain.Record), lost func()) (Live, error)
	Signals  Signals
	Accounts Accounts
	Views    Views
	Tokens   *Tokens
	Settings Settings
	Fail     func(error)  // is told why the edge can do no more, so that the process ends; nil: nobody
	Page     http.Handler // serves what is neither the API nor Socket.IO; nil: 404
}

// Settings are what an operator may choose.
type Settings struct {
	Anyone     bool          // anyone may write to anyone; else only friends
	MaxMessage int           // bytes of JSON of a message
	Reapply    time.Duration // how long who has applied and was not accepted waits before applying again; 0: not at all
	Edit       time.Duration // how long after it was said a message may be edited; 0: for ever
	Recall     time.Duration // how long it may be taken back; 0: for ever
	Friends    int           // of one person, at most, as far as the read models know; 0: any number
	Groups     int           // that one person may be in, at most, likewise; 0: any number
	Commands   int           // of one person in a second, other than messages, their changes and marks, for long; 50 times as many at once; 0: any number
	Messages   int           // that one person may send in a second, for long; 10 times as many at once; 0: any number
	Marks      int           // how often in a second one person may move read marks, for long; 10 times as many at once; 0: any number
	Changes    int           // how often in a second one person may edit, recall and react, for long; 10 times as many at once; 0: any number
	Typing     int           // how often in a second one person may say to be typing, for long; 5 times as many at once; 0: any number
	Searches   int           // how often in a second one person may search, for long; 10 times as many at once; 0: any number
	Connects   int           // of one person's devices in a second, for long; 30 times as many at once; 0: any number
	Requests   int           // of one person to the API in a second, for long; 10 times as many at once; 0: any number
	// From one address, or one /64 network of IPv6.
	AddressCommands int              // of all its people in a second, connecting included, for long; 10 times as many at once; 0: any number
	AddressRequests int              // to the API in a second, for long; 10 times as many at once; 0: any number
	Logins          int              // how often in a second somebody may sign in or register there, for long; 60 times as many at once; 0: any number
	Guesses         int              // how often in a minute a wrong password of one account may come from there; 10 times as often from everywhere; 0: any number
	Beat            time.Duration    // how often edges tell one another that they are alive; 1 s where it is 0
	Sweep           time.Duration    // how often it is made sure that no live copies are missing, where some may be lost without anybody being told; 0: never
	LiveWait        time.Duration    // how long a live copy may take before the log is asked instead; 2 s where it is 0
	Linger          time.Duration    // how long after somebody was erased what was on its way then may reach the log; 10 s where it is 0
	Resume          time.Duration    // how often it is looked for erasures that nobody goes on with; 1 min where it is 0
	Socket          socketio.Options // its CheckOrigin holds for the API too
	Logger          *slog.Logger
}

// Edge is one node that people connect to: an http.Handler with Socket.IO at /socket.io/, the API under /api and the page elsewhere.
type Edge struct {
	Options
	logger      *slog.Logger
	passwords   *passwords
	people      *pacer // what each person does
	strangers   *pacer // what comes from each address, and who signs in with each account
	sockets     *socketio.Server
	mux         *http.ServeMux
	hub         *hub
	repeats     *repeats
	presence    *presence
	erasures    erasures
	stopHearing func() // of the other edges

	ctx      context.Context // ends when the edge closes
	cancel   context.CancelCauseFunc
	spawning sync.Mutex     // taken last
	work     sync.WaitGroup // goroutines that end with ctx
}

var errClosing = errors.New("the edge is closing")

// New makes an edge and begins to listen to the log's live copies and to the other edges' signals. Shutdown releases it.
func New(o Options) (*Edge, error) {
	if o.Fail == nil {
		o.Fail = func(err error) { o.Settings.Logger.Error("the edge can do no more", "error", err) }
	}
	o.Settings.Beat = cmp.Or(o.Settings.Beat, time.Second)
	o.Settings.LiveWait = cmp.Or(o.Settings.LiveWait, 2*time.Second)
	o.Settings.Linger = cmp.Or(o.Settings.Linger, 2*patience)
	o.Settings.Resume = cmp.Or(o.Settings.Resume, time.Minute)
	e := &Edge{Options: o, logger: o.Settings.Logger, people: newPacer(o.Settings.ofPeople()), strangers: newPacer(o.Settings.ofStrangers()), mux: http.NewServeMux()}
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	var err error
	if e.passwords, err = newPasswords(); err != nil {
		return nil, err
	}
	e.hub = newHub(e)
	e.repeats = newRepeats(e)
	e.presence = newPresence(e)

	if err := e.hub.begin(); err != nil {
		e.cancel(err)
		return nil, err
	}
	if e.hub.live, err = o.Follow(e.hub.arrive, e.hub.lost); err != nil {
		e.cancel(err)
		return nil, err
	}
	if err := e.hear(); err != nil {
		e.hub.live.Close()
		e.cancel(err)
		return nil, err
	}
	e.spawn(e.resumeErasing)
	e.spawn(e.hub.keepUp)
	e.sockets = socketio.New(o.Settings.Socket)
	e.sockets.Namespace("/", e.connect)
	e.mux.Handle("/socket.io/", e.sockets)
	e.serveAPI()
	if o.Page != nil {
		e.mux.Handle("/", o.Page)
	}
	return e, nil
}

// hear begins to listen to the other edges' signals.
func (e *Edge) hear() error {
	untyped, err := e.Signals.Hear(typingSubject, e.hub.typed)
	if err != nil {
		return err
	}
	if err := e.presence.start(); err != nil {
		untyped()
		return err
	}
	e.stopHearing = func() { e.presence.stop(); untyped() }
	return nil
}

// spawn runs fn on a goroutine that Shutdown waits for, and that must end with ctx. Once the edge is closing it does nothing, and says false.
func (e *Edge) spawn(fn func()) bool {
	e.spawning.Lock()
	defer e.spawning.Unlock()
	if e.ctx.Err() != nil {
		return false
	}
	e.work.Go(fn)
	return true
}

// ServeHTTP serves Socket.IO, the API and the page.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !e.crossOrigin(w, r) {
		e.mux.ServeHTTP(w, r)
	}
}

// Drain sends every client away so that it comes back by itself, to another edge, and takes no new one; the API goes on. What clients have asked for
// before is done and answered first. It waits for them at most until ctx is done, and does no harm a second time.
func (e *Edge) Drain(ctx context.Context) error {
	e.presence.close()
	if e.hub.ledger.lossy && e.hub.gaps.Err() == nil { // so that nobody goes with an offset that says too much
		sweeping, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if err := e.hub.sweep(sweeping); err != nil {
			e.logger.Warn("cannot make sure that no live copies are missing before clients are sent away", "error", err)
		}
	}
	return e.sockets.Shutdown(ctx)
}

// Shutdown drains the edge and waits for what it has asked the log. The caller has stopped to accept connections before. A second Shutdown does no harm.
func (e *Edge) Shutdown(ctx context.Context) error {
	err := e.Drain(ctx)
	e.presence.seen.flush(ctx)
	e.stopHearing()
	e.hub.endGaps()
	e.hub.live.Close()
	e.spawning.Lock()
	e.cancel(errClosing)
	e.spawning.Unlock()
	e.work.Wait()
	return err
}

// patience bounds what is done for one command.
const patience = 5 * time.Second
