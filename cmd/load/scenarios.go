package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// scenario is something that people do.
type scenario struct {
	name  string
	short string
	unit  string // of what is counted
	bare  bool   // a relay can do it as well
	play  func(context.Context, *stage) error
}

var scenarios = []scenario{
	{"direct", "people in pairs, each with some messages in flight to the other", "delivered", true, talk},
	{"group", "groups in which some members speak and all hear", "delivered", true, talk},
	{"idle", "connections on which nothing happens", "connected", true, idle},
	{"storm", "everybody connects at once: token, friends, groups and presence, up to the answer to sign", "connected", true, storm},
	{"resume", "everybody comes back at once and is told what was said meanwhile", "told", false, resume},
	{"history", "the list of conversations and pages of messages are asked for over HTTP", "answered", false, history},
}

func scenarioOf(name string) scenario {
	for _, s := range scenarios {
		if s.name == name {
			return s
		}
	}
	panic("no scenario " + name)
}

// talk is direct and group: in a closed loop, or an open one where there is a rate.
func talk(ctx context.Context, s *stage) error {
	n := s.people
	if s.scenario == "group" {
		n = s.groups * s.members
	}
	if err := s.enter(ctx, n, false); err != nil {
		return err
	}
	arrange := s.pairs
	if s.scenario == "group" {
		arrange = func(ctx context.Context) error { return s.gatherings(ctx, s.members, s.speakers, s.members) }
	}
	if err := arrange(ctx); err != nil {
		return err
	}
	stop := s.speak(ctx)
	defer stop()
	if err := s.warm(ctx); err != nil {
		return err
	}
	if err := s.steady(ctx, "delivered"); err != nil {
		return err
	}
	stop()
	return s.drain(ctx, s.settled)
}

// speak lets the senders speak, until stop is called.
func (s *stage) speak(ctx context.Context) (stop func()) {
	s.stopped.Store(false)
	if s.rate == 0 {
		for _, t := range s.senders {
			t.begin()
		}
		return func() { s.stopped.Store(true) }
	}
	keeping, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, t := range s.senders {
		t.due = make(chan int64, maxLate)
		all.Go(t.keepTime)
	}
	all.Go(func() {
		pace(keeping, clock(), float64(time.Second)/s.rate, func(nth int, due int64) { s.senders[nth%len(s.senders)].due <- due })
		for _, t := range s.senders {
			close(t.due)
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}

// maxLate is how many messages may be due to one who cannot send because the server takes nothing; then all of them are late.
const maxLate = 1024

// say lets each sender say so many messages, and waits until all have been acknowledged, and heard by those who hear it now.
func (s *stage) say(ctx context.Context, what string, each int) error {
	s.screen.say("%s: %s", s.title(), what)
	s.heardBefore = s.meter.heard()
	for _, t := range s.senders {
		t.limit = uint64(each)
	}
	stop := s.speak(ctx)
	defer stop()
	if err := s.drain(ctx, func() bool { return s.count() == uint64(each*len(s.senders)) && s.settled() }); err != nil {
		return err
	}
	if !s.settled() {
		return fmt.Errorf("%s: %s took longer than %v (--drain)", s.title(), what, s.drainFor)
	}
	return nil
}

// idle counts what connections cost on which nothing happens.
func idle(ctx context.Context, s *stage) error {
	s.dialer = newDialer(512)
	before, err := usageOfAll(s.pids)
	if err != nil {
		return err
	}
	if err := s.enter(ctx, s.people, false); err != nil {
		return err
	}
	if err := s.warm(ctx); err != nil {
		return err
	}
	if err := s.steady(ctx, "events"); err != nil {
		return err
	}
	s.meter.total.count = uint64(len(s.devices))
	_, was := sum(before)
	_, is := sum(s.spent)
	s.perConnection = float64(is-was) / float64(len(s.devices))
	return nil
}

// storm has everybody connect at once. Friends and groups were made before; afterwards, in each group, somebody says something that all must hear.
func storm(ctx context.Context, s *stage) error {
	if err := s.enter(ctx, s.people/s.members*s.members, false); err != nil {
		return err
	}
	if err := s.gatherings(ctx, s.members, 1, s.members); err != nil {
		return err
	}
	n := len(s.devices)
	if err := each(ctx, n, 64, func(ctx context.Context, i int) error { // beside those of the groups, which are the owner's alone
		for k := 1; k <= s.friends/2 && k < n/2; k++ {
			if err := befriend(ctx, s.devices[i], s.devices[(i+k)%n]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	s.leave()
	if err := s.warm(ctx); err != nil { // until the server has noticed, too
		return err
	}
	if err := s.atOnce(ctx, func(ctx context.Context, d *device) error {
		if err := d.join(ctx, false); err != nil {
			return err
		}
		return d.sign(ctx)
	}, func() bool { return s.meter.heard() == uint64(n) }); err != nil {
		return err
	}
	return s.say(ctx, "each group says something", 1)
}

// atOnce lets everybody do something at the same time, which was due then for all of them, and waits until all is done.
func (s *stage) atOnce(ctx context.Context, do func(context.Context, *device) error, all func() bool) error {
	s.screen.say("%s: now", s.title())
	if err := s.open(); err != nil {
		return err
	}
	s.due = clock()
	err := each(ctx, len(s.devices), s.dials, func(ctx context.Context, i int) error {
		d := s.devices[i]
		if d.here { // has stayed
			return nil
		}
		err := do(ctx, d)
		switch {
		case err != nil && ctx.Err() == nil:
			s.fault(&s.cutOff, "%v", err)
		case err == nil && d.fresh == nil:
			s.meter.came(i, s.due, true)
		}
		return nil
	})
	if err == nil {
		err = s.drain(ctx, all)
	}
	if err != nil {
		return err
	}
	err = s.close()
	s.meter.collect(0)
	return err
}

// resume has everybody but those who speak come back, with the name and the offset that a client library would bring.
func resume(ctx context.Context, s *stage) error {
	s.recalls = true
	if err := s.enter(ctx, s.people/s.members*s.members, false); err != nil {
		return err
	}
	if err := s.gatherings(ctx, s.members, 1, 1); err != nil { // whoever speaks is the only one to hear it now
		return err
	}
	if err := s.drain(ctx, func() bool { return s.placed.Load() >= int64(len(s.devices)) }); err != nil {
		return err
	}
	err := each(ctx, len(s.devices), 64, func(_ context.Context, i int) error {
		if s.devices[i].sender == nil {
			s.devices[i].leave()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.say(ctx, fmt.Sprintf("%d messages in each group are missed", s.missed), s.missed); err != nil {
		return err
	}
	want := s.meter.heard() + uint64((len(s.devices)-len(s.senders))*s.missed)
	for i, d := range s.devices {
		d.fresh = func(message) { s.meter.came(i, s.due, true) }
	}
	return s.atOnce(ctx, func(ctx context.Context, d *device) error { return d.join(ctx, true) }, func() bool { return s.meter.heard() >= want })
}

// with is what a scenario is played with, in words.
func (s *stage) with() string {
	crowd := s.people / s.members * s.members
	loop := fmt.Sprintf(", %d in flight", s.inFlight)
	if s.rate > 0 {
		loop = fmt.Sprintf(", at %g a second", s.rate)
	}
	switch s.scenario {
	case "direct":
		return fmt.Sprintf("%d people in pairs", s.people) + loop
	case "group":
		return fmt.Sprintf("%d groups of %d, in each %d speak", s.groups, s.members, s.speakers) + loop
	case "idle":
		return fmt.Sprintf("%d connections", s.people)
	case "storm":
		return fmt.Sprintf("%d people with %d friends each, in groups of %d", crowd, s.friends, s.members)
	case "resume":
		return fmt.Sprintf("%d people in groups of %d, one of whom says %d messages meanwhile", crowd, s.members, s.missed)
	}
	return fmt.Sprintf("%d people, each has said %d messages", s.people, s.missed) + loop
}
