package projector

import (
	"container/list"

	"parley/domain"
)

// cache keeps what was folded of the topics that were touched last. It is bounded by weight: one for a topic and one for
// each member of a group.
type cache struct {
	limit, weight int
	topics        map[domain.Topic]*list.Element
	order         list.List // of *topic, the one touched last in front
	evicted       bool      // something has been dropped: what is missing is not therefore new
}

func newCache(limit int) *cache {
	return &cache{limit: limit, topics: make(map[domain.Topic]*list.Element)}
}

// get gives the topic and marks it as touched; nil where it is not there.
func (c *cache) get(t domain.Topic) *topic {
	at, ok := c.topics[t]
	if !ok {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*topic)
}

func (c *cache) add(t *topic) { c.topics[t.Topic] = c.order.PushFront(t) }

func (c *cache) drop(t domain.Topic) {
	if at, ok := c.topics[t]; ok {
		c.weight -= at.Value.(*topic).weight
		c.order.Remove(at)
		delete(c.topics, t)
	}
}

// weigh takes account of what a topic has become.
func (c *cache) weigh(t *topic) {
	now := 1
	if t.group != nil {
		now += t.group.Size()
	}
	c.weight += now - t.weight
	t.weight = now
}

// trim drops the topics that have been idle longest until the rest is within the limit.
func (c *cache) trim() {
	for c.weight > c.limit && c.order.Len() > 1 {
		c.drop(c.order.Back().Value.(*topic).Topic)
		c.evicted = true
	}
}
