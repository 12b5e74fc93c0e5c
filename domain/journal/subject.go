package journal

import (
	"fmt"
	"strconv"
	"strings"

	"parley/domain"
)

// The first tokens of subjects: of what is stored, of its live copies, and of what is never stored.
const (
	logPrefix    = "chat."
	livePrefix   = "live."
	signalPrefix = "signal."
)

// shardOf is the shard of a topic among n: FNV-1a of its key. It decides where a topic's events are for ever and must never change.
func shardOf(t domain.Topic, n int) int { return shardOfKey(t.Key(), n) }

func shardOfKey(key string, n int) int {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return int(h % uint64(n))
}

// address is what a subject of the log says.
type address struct {
	shard  int
	topic  domain.Topic
	lane   domain.Lane
	reader domain.UserID // of the read lane only
}

// topicSubject is where all subjects of a topic begin.
func topicSubject(shard int, t domain.Topic) string {
	return logPrefix + strconv.Itoa(shard) + "." + t.Key()
}

func (a address) subject() string {
	s := topicSubject(a.shard, a.topic) + "." + string(a.lane)
	if a.lane == domain.LaneRead {
		s += "." + string(a.reader)
	}
	return s
}

// addressOf gives the place of an event among n shards.
func addressOf(t domain.Topic, e domain.Event, n int) address {
	lane, reader := laneOf(e)
	return address{shardOf(t, n), t, lane, reader}
}

// laneOf gives what an event's place says besides its topic.
func laneOf(e domain.Event) (domain.Lane, domain.UserID) {
	if mark, ok := e.(domain.ReadMarked); ok {
		return domain.LaneRead, mark.By
	}
	return e.Lane(), ""
}

// takes says whether an event of the topic belongs there.
func (a address) takes(e domain.Event) bool {
	lane, reader := laneOf(e)
	return lane == a.lane && reader == a.reader
}

// parseSubject is the reverse of address.subject in a log of n shards; it takes nothing else.
func parseSubject(subject string, n int) (address, error) {
	a, ok := splitSubject(subject, n)
	if !ok {
		return address{}, fmt.Errorf("subject %q is not one of a log of %d shards", subject, n)
	}
	return a, nil
}

func splitSubject(subject string, n int) (a address, ok bool) {
	rest, ok := strings.CutPrefix(subject, logPrefix)
	shard, rest, _ := strings.Cut(rest, ".")
	ids := 1
	if strings.HasPrefix(rest, "user.") {
		ids = 2
	}
	key, lane := cutAt(rest, 1+ids)
	topic, err := domain.ParseTopic(key)
	if !ok || err != nil {
		return a, false
	}
	a = address{shard: shardOfKey(key, n), topic: topic}
	reader, read := strings.CutPrefix(lane, string(domain.LaneRead)+".")
	_, person := topic.Person()
	switch {
	case lane == string(domain.LaneState):
		a.lane = domain.LaneState
	case lane == string(domain.LaneTalk) && !person:
		a.lane = domain.LaneTalk
	case lane == string(domain.LaneStatus) && person:
		a.lane = domain.LaneStatus
	case read && !person:
		a.lane = domain.LaneRead
		a.reader, err = domain.ParseUserID(reader)
	default:
		return a, false
	}
	return a, err == nil && shard == strconv.Itoa(a.shard)
}

// cutAt cuts s at its nth dot; where it has fewer, after is "".
func cutAt(s string, n int) (before, after string) {
	for i := range len(s) {
		if s[i] == '.' {
			if n--; n == 0 {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}
