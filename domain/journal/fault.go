package journal

import (
	"context"
	"errors"
	"time"

	"parley/domain"
)

// distrust is for how long a shard counts as one that cannot be written since an append has failed, where none has been tried after that.
const distrust = 15 * time.Second

// fault is why the latest append of a shard failed; cause is nil where it did not.
type fault struct {
	cause error
	at    time.Time
}

// heard takes note of what became of an append. What the log has answered, or who asked is to blame for, says that it can be written; a broken connection
// says nothing: that is seen otherwise.
func (l *line) heard(err error) {
	var refused *domain.Error
	switch {
	case !errors.As(err, &refused) || refused.Code != domain.Unavailable:
		if err == nil || errors.Is(err, domain.ErrRaced) {
			l.fault = fault{}
		}
	case !errors.Is(refused.Cause, errTooMany) && !errors.Is(refused.Cause, errLost) && !errors.Is(refused.Cause, errAway):
		l.fault = fault{refused.Cause, time.Now()}
	}
}

// fault is that of a shard.
func (a *appender) fault(shard int) fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lines[shard].fault
}

// forgive forgets all faults.
func (a *appender) forgive() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for shard := range a.lines {
		a.lines[shard].fault = fault{}
	}
}

// How often it is looked whether the embedded server is stuck, and how long it is left alone after it was started again.
const (
	mendCheck = 250 * time.Millisecond
	mendRest  = 30 * time.Second
)

// mend starts the embedded server again where a write has failed, as it does on a full disk, as soon as something can be written. It has no other way to go on.
func (j *Journal) mend() {
	told := ""
	for pause(j.life, mendCheck) {
		if !j.stuck() {
			continue
		}
		if err := j.host.writable(); err != nil {
			if err.Error() != told {
				j.log.Error("the log cannot be written; it goes on by itself as soon as it can", "error", err)
				told = err.Error()
			}
			continue
		}
		j.log.Warn("the embedded NATS server stores nothing any more since a write has failed; it is started again")
		j.host.halt()
		j.host.failed.Store(false)
		ctx, cancel := context.WithTimeout(j.life, mendRest)
		err := j.host.start(ctx)
		cancel()
		if err != nil {
			j.log.Error("the embedded NATS server does not start; trying on", "error", err)
			j.host.halt()
			pause(j.life, mendRest/10)
			continue
		}
		told = ""
		j.appends.forgive()
		pause(j.life, mendRest)
	}
}

// stuck says whether the embedded server has to be started again: after a write that has failed it takes no events any more and does not even answer, or has
// ended its log.
func (j *Journal) stuck() bool {
	for shard := range j.Shards() {
		if j.host.failed.Load() && errors.Is(j.appends.fault(shard).cause, errLate) {
			return true
		}
	}
	return !j.host.serves()
}
