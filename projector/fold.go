package projector

import (
	"context"
	"errors"
	"fmt"

	"parley/domain"
)

// fold turns one shard's events into batches, from a checkpoint on.
type fold struct {
	log   Log
	store Store
	shard int
	epoch string

	at    domain.Position // all before it is committed
	cache *cache
	// whole says that the fold began where the log does: what has never been in the cache is new.
	whole bool
	// forgotten are topics dropped from the cache for another reason than age.
	forgotten map[domain.Topic]bool
	// spoilt says that the cache is ahead of the checkpoint: a batch was folded and not committed.
	spoilt bool

	spare changes // the last batch's, whose maps are used again

	sent  *flight // a batch that is on its way into the store; nil for none
	twice *flight // one that did not get there, because a message of it was there
}

func newFold(log Log, store Store, cache, shard int, epoch string, at domain.Position) *fold {
	return &fold{
		log: log, store: store, shard: shard, epoch: epoch, at: at,
		cache: newCache(cache), whole: at == domain.Position{}, forgotten: make(map[domain.Topic]bool),
	}
}

// commit folds records and puts the batch down. At an event that it does not know it commits what comes before it and fails; after
// any other error nothing is committed, and the fold goes on only if it is not spoilt. Ahead, the batch may be on its way still when commit returns:
// what comes of it the next commit says, or settle.
func (f *fold) commit(ctx context.Context, records []domain.Record, ahead bool) error {
	for len(records) > 0 && records[0].Seq <= f.at.Seq {
		records = records[1:] // handed on twice
	}
	for len(records) > 0 {
		n, erases := untilErasure(records)
		if erases {
			if err := f.settle(ctx); err != nil {
				return err
			}
		}
		err := f.attempt(ctx, records[:n], nil, ahead)
		if errors.Is(err, ErrDuplicate) {
			err = f.again(ctx, records[:n])
		}
		if err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// untilErasure is how many of the records go into one batch: what takes away what is there goes into one by itself, which the first does if erases.
func untilErasure(records []domain.Record) (n int, erases bool) {
	for i, r := range records {
		switch r.Event.(type) {
		case domain.FriendErased, domain.GroupErased, domain.PersonErased:
			return max(i, 1), i == 0
		}
	}
	return len(records), false
}

// attempt folds as if only the known messages were in the store.
func (f *fold) attempt(ctx context.Context, records []domain.Record, known map[MessageKey]bool, ahead bool) error {
	topics, found, err := f.load(ctx, records)
	if err != nil {
		return err
	}
	b := folding{fold: f, changes: f.spare.anew(len(records)), known: known, found: found}
	f.spare = b.changes
	var stop error
	f.spoilt = true
	for i, r := range records {
		if stop = b.apply(r, topics[i]); stop != nil {
			records, topics = records[:i], topics[:i]
			break
		}
	}
	if len(records) == 0 {
		return stop
	}
	last := records[len(records)-1]
	to := domain.Position{Epoch: f.epoch, Seq: last.Seq, Time: last.Time.UnixNano()}
	if err := f.send(ctx, ahead, b.batch(f.shard, f.at, to), records); err != nil {
		return err
	}
	f.at, f.spoilt = to, false
	for _, t := range topics {
		if t != nil {
			t.base, t.recent = t.tail, t.recent[:0]
			f.cache.weigh(t)
		}
	}
	if b.erased != nil { // how it ends now, the store knows
		f.forget(b.erased.Topic)
	}
	f.cache.trim()
	return stop
}

// reach moves the checkpoint to a place before which nothing is left that is not folded: what stood there is gone.
func (f *fold) reach(ctx context.Context, to domain.Position) error {
	if f.at == to {
		return nil
	}
	if err := f.store.Commit(ctx, Batch{Shard: f.shard, From: f.at, To: to}); err != nil {
		return err
	}
	f.at = to
	return nil
}

// known looks up which of the records' messages are there, and forgets what the attempt that met them has made of their topics.
func (f *fold) known(ctx context.Context, records []domain.Record) (map[MessageKey]bool, error) {
	var keys []MessageKey
	for _, r := range records {
		if m, ok := r.Event.(domain.Message); ok {
			keys = append(keys, MessageKey{r.Topic, m.From, m.ID})
		}
		f.forget(r.Topic)
	}
	f.spoilt = false // what was ahead of the checkpoint is forgotten
	there, err := f.store.Known(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("look up messages: %w", err)
	}
	known := make(map[MessageKey]bool, len(there))
	for _, key := range there {
		known[key] = true
	}
	return known, nil
}

func (f *fold) forget(t domain.Topic) {
	f.cache.drop(t)
	f.forgotten[t] = true
}

// load brings the records' topics into the cache, as of the checkpoint, and looks up what the records name that is before it. It gives the topic of each
// record, nil for a person's.
func (f *fold) load(ctx context.Context, records []domain.Record) ([]*topic, found, error) {
	topics := make([]*topic, len(records))
	var absent []domain.Topic
	for i, r := range records {
		if _, person := r.Topic.Person(); person {
			continue
		}
		if topics[i] = f.cache.get(r.Topic); topics[i] != nil {
			continue
		}
		topics[i] = newTopic(r.Topic)
		f.cache.add(topics[i])
		if !f.isNew(r.Topic) {
			absent = append(absent, r.Topic)
		}
	}
	if err := f.loadTails(ctx, absent); err != nil {
		for _, t := range absent {
			f.cache.drop(t)
		}
		return nil, found{}, err
	}
	if err := f.loadStates(ctx, records, topics); err != nil {
		return nil, found{}, err
	}
	numbers, err := f.loadNumbers(ctx, records, topics)
	if err != nil {
		return nil, found{}, err
	}
	said, err := f.loadSaid(ctx, records)
	return topics, found{numbers, said}, err
}

// isNew says that a topic that is not in the cache has no events before the checkpoint.
func (f *fold) isNew(t domain.Topic) bool {
	return f.whole && !f.cache.evicted && !f.forgotten[t]
}

func (f *fold) loadTails(ctx context.Context, topics []domain.Topic) error {
	if len(topics) == 0 {
		return nil
	}
	if err := f.land(); err != nil {
		return err
	}
	tails, err := f.store.Tails(ctx, topics)
	if err != nil {
		return fmt.Errorf("look up the ends of conversations: %w", err)
	}
	for _, tail := range tails {
		t := f.cache.get(tail.Topic)
		t.tail, t.base = tail, tail
	}
	return nil
}

// loadStates reads the state lanes of the topics whose state is asked for.
func (f *fold) loadStates(ctx context.Context, records []domain.Record, topics []*topic) error {
	for i, r := range records {
		t := topics[i]
		if _, mark := r.Event.(domain.ReadMarked); mark || t == nil || t.stateful {
			continue
		}
		if f.isNew(r.Topic) {
			t.stateful = true
			continue
		}
		state, err := f.log.State(ctx, r.Topic, r.Seq)
		if err != nil {
			return fmt.Errorf("read the state of %s before %d: %w", r.Topic, r.Seq, err)
		}
		t.replay(state)
	}
	return nil
}

func (f *fold) loadNumbers(ctx context.Context, records []domain.Record, topics []*topic) (map[Place]uint64, error) {
	var places []Place
	for i, r := range records {
		e, mark := r.Event.(domain.ReadMarked)
		if t := topics[i]; mark && t != nil && e.Seq < t.base.Seq {
			places = append(places, Place{r.Topic, e.Seq})
		}
	}
	if len(places) == 0 {
		return nil, nil
	}
	if err := f.land(); err != nil {
		return nil, err
	}
	numbers, err := f.store.Numbers(ctx, places)
	if err != nil {
		return nil, fmt.Errorf("look up the numbers of messages: %w", err)
	}
	at := make(map[Place]uint64, len(places))
	for i, p := range places {
		at[p] = numbers[i]
	}
	return at, nil
}

// loadSaid gives the messages that the records would change, as of the checkpoint; nil where they would change none.
func (f *fold) loadSaid(ctx context.Context, records []domain.Record) (map[Place]domain.Said, error) {
	var at map[Place]domain.Said
	var places []Place
	for _, r := range records {
		e, change := r.Event.(domain.Change)
		if !change {
			continue
		}
		if at == nil {
			at = make(map[Place]domain.Said)
		}
		if e.Of() <= f.at.Seq {
			places = append(places, Place{r.Topic, e.Of()})
		}
	}
	if len(places) == 0 {
		return at, nil
	}
	if err := f.land(); err != nil {
		return nil, err
	}
	said, err := f.store.Said(ctx, places)
	if err != nil {
		return nil, fmt.Errorf("look up messages to be changed: %w", err)
	}
	for _, m := range said {
		at[m.Place] = m.Said
	}
	return at, nil
}
