package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// target is what is put under load.
type target struct {
	name  string   // "server", or of which relay it is
	urls  []string // http://host:port
	pids  []int    // of the processes of which it is told what they spend
	relay bool
}

// stage is where a scenario is played once, with people of its own.
type stage struct {
	target
	settings
	scenario string
	screen   *screen
	dialer   *websocket.Dialer
	mark     []byte // what the texts of its messages begin with

	devices []*device
	senders []*sender
	echo    bool // senders hear what they say themselves beside the audience, and it does not count
	recalls bool // devices remember offsets
	placed  atomic.Int64

	meter   *meter
	stopped atomic.Bool // nothing more is sent

	refused, cutOff, stray, reset atomic.Uint64

	heardBefore   uint64  // what the meter said before anything was said
	due           int64   // when what all do at once was due
	perConnection float64 // bytes of the server's memory

	before []usage  // when the window was opened
	spent  []usage  // while it was
	own    [2]usage // the generator's
}

func newStage(scenario string, t target, s settings, screen *screen) *stage {
	mark := "load" + strings.ToLower(rand.Text()[:markLength-4])
	return &stage{target: t, settings: s, scenario: scenario, screen: screen, dialer: newDialer(4096), mark: []byte(mark), meter: newMeter()}
}

// maxComplaints is how many faults of a kind are told of; the others are counted.
const maxComplaints = 5

// fault counts one, and tells of it.
func (s *stage) fault(counter *atomic.Uint64, format string, args ...any) {
	if n := counter.Add(1); n <= maxComplaints {
		s.screen.say("%s: "+format, append([]any{s.scenario}, args...)...)
	}
}

// enter makes the people and connects them; signs says whether they sign as well.
func (s *stage) enter(ctx context.Context, n int, signs bool) error {
	s.screen.say("%s: %d people come", s.title(), n)
	var people []person
	switch {
	case s.relay || s.secret != "":
		people = invent(s.prefix, n, s.secret)
	default:
		var err error
		if people, err = register(ctx, s.urls[0], s.prefix, n); err != nil {
			return err
		}
	}
	for i, p := range people {
		s.devices = append(s.devices, &device{stage: s, number: i, person: p})
	}
	return each(ctx, n, 64, func(ctx context.Context, i int) error {
		if err := s.devices[i].join(ctx, false); err != nil || !signs {
			return err
		}
		return s.devices[i].sign(ctx)
	})
}

func (s *stage) title() string { return s.scenario + " (" + s.name + ")" }

// leave takes all devices away, upon which what they have heard may be looked at.
func (s *stage) leave() {
	_ = each(context.Background(), len(s.devices), 64, func(_ context.Context, i int) error { // leaving does not fail
		s.devices[i].leave()
		return nil
	})
}

// circle lets some devices hear one another: those of the first speakers among them speak, by a command that ends in their text, to an audience of so many.
func (s *stage) circle(members []*device, speakers, audience int, command func(speaker *device) string) {
	first := len(s.senders)
	for _, d := range members[:speakers] {
		d.sender = newSender(s, d, len(s.senders), audience, command(d))
		s.senders = append(s.senders, d.sender)
	}
	for _, d := range members {
		d.first, d.ledgers = first, make([]ledger, speakers)
	}
}

// pairs makes friends of each two neighbours, who speak to one another. Where the echo comes, too, it is no delivery.
func (s *stage) pairs(ctx context.Context) error {
	s.screen.say("%s: they make friends", s.title())
	s.echo = true
	for i := 0; i+1 < len(s.devices); i += 2 {
		a, b := s.devices[i], s.devices[i+1]
		s.circle([]*device{a, b}, 2, 1, func(d *device) string {
			peer := a
			if d == a {
				peer = b
			}
			return fmt.Sprintf(`["send",%q,`, peer.id)
		})
	}
	return each(ctx, len(s.devices)/2, 64, func(ctx context.Context, i int) error { return befriend(ctx, s.devices[2*i], s.devices[2*i+1]) })
}

// gatherings makes groups of each so many neighbours, in which the first speakers speak to an audience of so many.
func (s *stage) gatherings(ctx context.Context, members, speakers, audience int) error {
	s.screen.say("%s: they make groups", s.title())
	n := len(s.devices) / members
	gids := make([]string, n)
	err := each(ctx, n, 32, func(ctx context.Context, i int) (err error) {
		gids[i], err = gather(ctx, fmt.Sprintf("%s group %d", s.prefix, i), s.devices[i*members:(i+1)*members])
		return err
	})
	if err != nil {
		return err
	}
	for i, gid := range gids {
		s.circle(s.devices[i*members:(i+1)*members], speakers, audience, func(*device) string { return fmt.Sprintf(`["groupSend",{"gid":%q},`, gid) })
	}
	return nil
}

// open begins the steady state.
func (s *stage) open() (err error) {
	if s.before, err = usageOfAll(s.pids); err != nil {
		return err
	}
	s.own[0], _ = usageOf(os.Getpid()) // where there is no /proc, it is not told
	s.meter.open()
	return nil
}

// close ends it.
func (s *stage) close() error {
	s.meter.close()
	s.own[1], _ = usageOf(os.Getpid())
	now, err := usageOfAll(s.pids)
	if err == nil {
		s.spent = since(s.before, now)
	}
	return err
}

// steady is the steady state: for so long everything is measured.
func (s *stage) steady(ctx context.Context, unit string) error {
	if err := s.open(); err != nil {
		return err
	}
	last, end := time.Now(), time.Now().Add(s.steadyFor)
	s.screen.begin(s.title()+": steady", s.steadyFor)
	for time.Now().Before(end) {
		if err := pause(ctx, min(time.Second, time.Until(end))); err != nil {
			return err
		}
		now := time.Now()
		sec := s.meter.collect(now.Sub(last))
		last = now
		s.screen.tell("%.0f %s/s, p50 %.1f ms, p99 %.1f ms", sec.Rate, unit, sec.P50, sec.P99)
	}
	return s.close()
}

// warm lets things run for as long as nothing is measured.
func (s *stage) warm(ctx context.Context) error {
	s.screen.begin(s.title()+": warm-up", s.warmFor)
	for end := time.Now().Add(s.warmFor); time.Now().Before(end); s.screen.tell("") {
		if err := pause(ctx, min(time.Second, time.Until(end))); err != nil {
			return err
		}
	}
	return nil
}

// drain waits until all that was said has been acknowledged and heard, for as long as it may take.
func (s *stage) drain(ctx context.Context, all func() bool) error {
	s.screen.begin(s.title()+": drain", s.drainFor)
	for end := time.Now().Add(s.drainFor); !all() && time.Now().Before(end); s.screen.tell("") {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// settled says whether all that was said has been acknowledged, and heard by all of the audience and, where it comes, as the echo.
func (s *stage) settled() bool {
	var want uint64
	for _, t := range s.senders {
		sent, answered, refused := t.counts()
		if answered < sent {
			return false
		}
		heard := uint64(t.audience)
		if s.echo && !s.relay {
			heard++
		}
		want += (sent - refused) * heard
	}
	return s.meter.heard()-s.heardBefore >= want
}

// audit says what went wrong. All devices must have left.
func (s *stage) audit() (f faults) {
	f = faults{Stray: s.stray.Load(), Refused: s.refused.Load(), CutOff: s.cutOff.Load(), Reset: s.reset.Load()}
	for _, t := range s.senders {
		sent, answered, _ := t.counts()
		f.Unanswered += sent - answered
	}
	for _, d := range s.devices {
		for i := range d.ledgers {
			l, t := &d.ledgers[i], s.senders[d.first+i]
			f.Doubled += l.doubled
			f.Disordered += l.disordered
			if s.echo && s.relay && t.device == d {
				continue // a relay does not say to people what they said
			}
			f.Lost += t.lost(l)
		}
	}
	return f
}

// count gives what has been sent.
func (s *stage) count() (sent uint64) {
	for _, t := range s.senders {
		n, _, _ := t.counts()
		sent += n
	}
	return sent
}

// pause is a sleep that ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return errors.Join(errors.New("interrupted"), ctx.Err())
	case <-time.After(d):
		return nil
	}
}
