package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"parley/domain"
	"parley/edge/socketio"
)

// reached is up to where each shard has been dealt with.
type reached []uint64

// at gives how far a shard has come; 0 where nothing has of it.
func (r reached) at(shard int) uint64 {
	if shard < len(r) {
		return r[shard]
	}
	return 0
}

func (r *reached) set(shard int, seq uint64) {
	for len(*r) <= shard {
		*r = append(*r, 0)
	}
	(*r)[shard] = seq
}

// begin notes where the log ends, before the feed begins.
func (h *hub) begin() error {
	h.gaps, h.endGaps = context.WithCancel(h.edge.ctx)
	ctx, cancel := context.WithTimeout(h.edge.ctx, patience)
	defer cancel()
	ends, err := h.edge.Log.Ends(ctx)
	h.ledger.begin(ends)
	h.life = lifeOf(h.edge.Log)
	return err
}

// lost is called on the feed's goroutine where live copies may be missing. It reads from the log what has been stored since the last one that came, and
// deals with it as if it had come live; copies wait meanwhile, and those of what has been read are left out. So nothing is missed and nothing told twice.
// A shard that does not answer holds up the others for a moment only.
func (h *hub) lost() {
	h.profiles.forget()
	for shard := range h.edge.Log.Shards() {
		h.fill(shard)
	}
}

// fill reads one shard for lost; where that takes too long, it is done before the shard's next copy is dealt with.
func (h *hub) fill(shard int) {
	ctx, cancel := context.WithTimeout(h.gaps, patience)
	defer cancel()
	h.ledger.open(shard, false)
	err := h.read(ctx, shard, math.MaxUint64)
	switch {
	case err == nil || h.gaps.Err() != nil:
	case errors.Is(err, domain.ErrGone): // all that is known here is of another life
		h.edge.Fail(fmt.Errorf("the log is not what it was: %w; the edge must begin anew", err))
	case ctx.Err() != nil:
		h.ledger.open(shard, true)
	default: // better to go on without it than never
		h.edge.logger.Error("what was stored while live copies did not come cannot be read; all clients are told to begin anew", "shard", shard, "error", err)
		h.reread()
		h.reset()
	}
}

var errOpen = domain.Refuse(domain.Unavailable, "what was stored lately cannot be read just now; try again") // never changed

var errEnough = errors.New("read as far as was asked for") // never changed

// read deals with what the log holds of a shard of which it is not proven that it has come: up to a sequence, or to where the shard ends now.
func (h *hub) read(ctx context.Context, shard int, to uint64) error {
	at, whole := h.ledger.unproven(shard)
	if !whole {
		h.edge.logger.Warn("it is too long ago to find all live copies that may be missing; all clients are told to begin anew", "shard", shard)
		defer h.reset()
	}
	at.Epoch = h.edge.Log.Epoch(shard)
	at, err := h.edge.Log.Read(ctx, shard, at, func(records []domain.Record) error {
		for _, r := range records {
			if r.Seq > to {
				return errEnough
			}
			if !h.deal(r) {
				return errOpen
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		at.Seq, at.Time, err = to, 0, nil
	}
	h.ledger.prove(shard, at)
	return err
}

// keepUpEvery is how often idle devices are looked at, where nothing has to be swept more often.
const keepUpEvery = 5 * time.Second

// keepUp sweeps, where that is needed, and renews the offsets of those who have heard nothing for long.
func (h *hub) keepUp() {
	every := time.NewTicker(cmp.Or(h.edge.Settings.Sweep, keepUpEvery))
	defer every.Stop()
	for {
		select {
		case <-h.gaps.Done():
			return
		case <-every.C:
		}
		h.mu.RLock()
		people := slices.Collect(maps.Values(h.people))
		h.mu.RUnlock()
		if len(people) == 0 { // there is nobody who would have to be told
			h.ledger.forgo()
			continue
		}
		if err := h.sweep(h.gaps); err != nil && h.gaps.Err() == nil {
			h.edge.logger.Warn("cannot make sure that no live copies are missing; trying again", "error", err)
		}
		for some := range slices.Chunk(people, inTurn) {
			h.ledger.renew(some)
		}
	}
}

// sweep reads what has been stored lately, if live copies may be lost without anybody being told, as between the servers of a cluster.
func (h *hub) sweep(ctx context.Context) error {
	ends, err := h.fence(ctx)
	for shard := 0; h.ledger.lossy && shard < len(ends) && err == nil; shard++ {
		err = h.read(ctx, shard, ends[shard].Seq) // what has not come by now is lost, or comes too late
	}
	return err
}

// fence waits for all copies of what is stored now, and gives up to where that is.
func (h *hub) fence(ctx context.Context) ([]domain.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ends, err := h.edge.Log.Ends(ctx)
	if err == nil {
		err = h.live.Fence(ctx)
	}
	if err != nil {
		return nil, err
	}
	if !h.ledger.reach(ends) {
		return nil, errOpen
	}
	return ends, nil
}

// since reads what has been stored of a topic after a sequence, and gives it when all its copies have come: what is told of it is then among what the ledger knows
// to have been told.
func (h *hub) since(ctx context.Context, t domain.Topic, after uint64) ([]domain.Record, error) {
	records, err := h.edge.Log.Since(ctx, t, after)
	if err == nil {
		_, err = h.fence(ctx)
	}
	return records, err
}

// reread has each conversation reread its own part of the log before it judges anything else.
func (h *hub) reread() {
	h.mu.RLock()
	all := slices.Collect(maps.Values(h.conversations))
	h.mu.RUnlock()
	idle := slices.DeleteFunc(all, func(c *conversation) bool { return !c.lose() })
	if len(idle) > 0 {
		h.edge.spawn(func() { inTurns(idle, (*conversation).catchUp) })
	}
}

// anew tells a device that it may have missed something, and is to ask for what it shows anew.
var anew = func() *socketio.Packet { p, _ := socketio.NewPacket("reset"); return p }() // never changed

// reset tells everybody here.
func (h *hub) reset() {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, p := range h.people {
		p.send(anew)
	}
}
