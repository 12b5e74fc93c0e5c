package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// connect opens one connection and keeps trying until ctx ends, unless the server is reached and says no.
func (j *Journal) connect(ctx context.Context, r *Remote, use string) (*nats.Conn, error) {
	servers, opts := "", j.options(use)
	if r == nil {
		opts = append(opts, nats.InProcessServer(j.host))
	} else {
		servers, opts = r.URL, append(opts, r.options(use)...)
		if err := r.readable(); err != nil {
			return nil, err
		}
	}
	shown := ""
	if r != nil {
		shown = r.Hosts()
	}
	for told := false; ; told = true {
		nc, err := nats.Connect(servers, opts...)
		if err == nil {
			return nc, nil
		}
		if !unreachable(err) {
			return nil, fmt.Errorf("NATS at %s: %w", shown, err)
		}
		if !told {
			j.log.Warn("NATS cannot be reached; trying on", "url", shown, "error", err)
		}
		if !pause(ctx, 250*time.Millisecond) {
			return nil, fmt.Errorf("NATS at %s cannot be reached (is it running, is the address right?): %w", shown, err)
		}
	}
}

// Hosts is where the servers are, as it may be shown: without users, passwords and tokens, separated by commas.
func (r Remote) Hosts() string {
	list := strings.Split(r.URL, ",")
	for i, s := range list {
		if u, err := serverURL(s); err == nil {
			list[i] = u.Host
		} else {
			list[i] = "(not a URL)"
		}
	}
	return strings.Join(list, ", ")
}

// serverURL reads one URL as the client library does, for which the scheme may be missing. Its error may hold what must not be shown.
func serverURL(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "://") {
		s = "nats://" + s
	}
	return url.Parse(s)
}

// unreachable tells a server that may come yet from one that is there and refuses.
func unreachable(err error) bool {
	var ne net.Error
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, io.EOF) || errors.As(err, &ne)
}

// pause waits; false says that ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (j *Journal) options(use string) []nats.Option {
	return []nats.Option{
		nats.Name("parley " + use),
		nats.Timeout(patience),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.IgnoreAuthErrorAbort(),   // credentials that are being renewed must not end the connection for ever
		nats.ReconnectBufSize(-1),     // what cannot be sent now fails now
		nats.FlusherTimeout(patience), // a server that stands still must not hold a writer longer
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { j.disconnected(use, err) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { j.connected(use, nc) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) { j.trouble(use, s, err) }),
	}
}

func (r *Remote) options(use string) (opts []nats.Option) {
	if r.Name != "" {
		opts = append(opts, nats.Name(r.Name+" "+use))
	}
	if r.Creds != "" {
		opts = append(opts, nats.UserCredentials(r.Creds))
	}
	if r.CA != "" {
		opts = append(opts, nats.RootCAs(r.CA))
	}
	if r.Cert != "" || r.Key != "" {
		opts = append(opts, nats.ClientCert(r.Cert, r.Key))
	}
	return opts
}

// readable makes sure of the URLs, which the client library's errors would show with all that is in them, and of the files before the
// server is asked: it would only say that nobody may enter.
func (r *Remote) readable() error {
	for i, s := range strings.Split(r.URL, ",") {
		if u, err := serverURL(s); err != nil || u.Host == "" {
			return fmt.Errorf("the address of NATS server %d is not a URL: it must look like nats://host:4222", i+1)
		}
	}
	for _, file := range []string{r.Creds, r.CA, r.Cert, r.Key} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return fmt.Errorf("to sign in to NATS: %w", err)
		}
	}
	return nil
}

func (j *Journal) disconnected(use string, err error) {
	if j.life.Err() == nil {
		j.log.Warn("connection to NATS lost; reconnecting", "use", use, "error", err)
	}
	if use == "log" && j.appends != nil {
		j.appends.lost(err)
	}
}

func (j *Journal) connected(use string, nc *nats.Conn) {
	j.log.Info("connected to NATS again", "use", use, "server", nc.ConnectedServerName())
	if use != "reads" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.reconnect)
	j.reconnect = make(chan struct{})
}

func (j *Journal) trouble(use string, s *nats.Subscription, err error) {
	subject := ""
	if s != nil {
		subject = s.Subject
	}
	level := slog.LevelError
	if ne := net.Error(nil); errors.As(err, &ne) { // a connection that is lost, which is nothing out of the ordinary
		level = slog.LevelWarn
	}
	j.log.Log(j.life, level, "NATS reports trouble", "use", use, "subject", subject, "error", err)
}
