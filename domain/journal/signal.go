package journal

import (
	"fmt"

	"github.com/nats-io/nats.go"
)

// Broadcast tells everyone who hears subject, this journal too, something of the moment. It is never stored, and whoever does not
// listen just then misses it. The error is Unavailable.
func (j *Journal) Broadcast(subject string, data []byte) error {
	if err := j.conn.Publish(signalPrefix+subject, data); err != nil {
		return unavailable(fmt.Errorf("broadcast: %w", plain(err)))
	}
	return nil
}

// Hear calls fn with what is broadcast on subject, which may hold wildcards, one at a time. It goes on after a lost connection, without what
// was said meanwhile, until stop is called or the journal is closed.
func (j *Journal) Hear(subject string, fn func([]byte)) (stop func(), err error) {
	sub, err := j.conn.Subscribe(signalPrefix+subject, func(m *nats.Msg) { fn(m.Data) })
	if err != nil {
		return nil, unavailable(fmt.Errorf("hear %s: %w", subject, err))
	}
	if err := j.hear(j.life); err != nil {
		drop([]*nats.Subscription{sub})
		return nil, unavailable(fmt.Errorf("hear %s: %w", subject, err))
	}
	return func() { drop([]*nats.Subscription{sub}) }, nil
}
