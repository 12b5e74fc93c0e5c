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
func shardOf(t domain.Topic, n int) int {
	h := uint64(14695981039346656037)
	for _, c := range []byte(t.Key()) {
		h = (h ^ uint64(c)) * 1099511628211
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
	a := address{shard: shardOf(t, n), topic: t, lane: e.Lane()}
	if mark, ok := e.(domain.ReadMarked); ok {
		a.reader = mark.By
	}
	return a
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
	token := strings.Split(subject, ".")
	if len(token) < 5 || token[0]+"." != logPrefix {
		return a, false
	}
	keyLen := 2
	if token[2] == "user" {
		keyLen = 3
	}
	key, lane := token[2:2+keyLen], token[2+keyLen:]
	topic, err := domain.ParseTopic(strings.Join(key, "."))
	if err != nil {
		return a, false
	}
	a = address{shard: shardOf(topic, n), topic: topic}
	if token[1] != strconv.Itoa(a.shard) {
		return a, false
	}
	_, person := topic.Person()
	switch {
	case len(lane) == 1 && lane[0] == string(domain.LaneState):
		a.lane = domain.LaneState
	case len(lane) == 1 && lane[0] == string(domain.LaneTalk) && !person:
		a.lane = domain.LaneTalk
	case len(lane) == 1 && lane[0] == string(domain.LaneStatus) && person:
		a.lane = domain.LaneStatus
	case len(lane) == 2 && lane[0] == string(domain.LaneRead) && !person:
		a.lane = domain.LaneRead
		a.reader, err = domain.ParseUserID(lane[1])
	default:
		return a, false
	}
	return a, err == nil
}
