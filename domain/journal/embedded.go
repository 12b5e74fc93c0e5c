package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// host is the server inside this process, and the lock on its folder.
type host struct {
	server *server.Server
	lock   *os.File
}

// startHost starts the server of e and waits until it takes connections.
func startHost(ctx context.Context, e Embedded, log *slog.Logger) (*host, error) {
	opts, err := e.options()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the log: %w; make it writable or choose another", err)
	}
	lock, err := lockFolder(e.Dir)
	if err != nil {
		return nil, err
	}
	h := &host{lock: lock}
	if h.server, err = server.NewServer(opts); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded NATS server: %w", err), h.stop())
	}
	h.server.SetLoggerV2(serverLog{log.With("from", "nats-server")}, false, false, false)
	h.server.Start()
	for !h.server.ReadyForConnections(50 * time.Millisecond) {
		if ctx.Err() != nil || !h.server.Running() {
			return nil, errors.Join(fmt.Errorf("embedded NATS server did not start in %s (listen %q): see its messages", e.Dir, e.Listen), h.stop())
		}
	}
	if !h.server.JetStreamEnabled() {
		return nil, errors.Join(fmt.Errorf("embedded NATS server cannot use %s: see its messages", e.Dir), h.stop())
	}
	return h, nil
}

// syncsEach says whether what is acknowledged was synced before.
func (e *Embedded) syncsEach() bool { return e != nil && e.SyncInterval == 0 }

func (e Embedded) options() (*server.Options, error) {
	if e.Dir == "" {
		return nil, errors.New("the embedded server needs a folder")
	}
	o := &server.Options{
		ServerName:             "parley",
		JetStream:              true,
		StoreDir:               e.Dir,
		SyncAlways:             e.syncsEach(),
		SyncInterval:           e.SyncInterval,
		DontListen:             e.Listen == "",
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	}
	if e.Listen == "" {
		return o, nil
	}
	addr, port, err := net.SplitHostPort(e.Listen)
	if err == nil {
		o.Host = addr
		o.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		return nil, fmt.Errorf("the embedded server cannot listen at %q: it must be host:port", e.Listen)
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	return o, nil
}

func (h *host) stop() error {
	if h.server != nil {
		h.server.Shutdown()
		h.server.WaitForShutdown()
	}
	return h.lock.Close()
}

// ErrInUse says that another process has the folder of the log.
var ErrInUse = errors.New("in use by another process")

// lockFolder keeps every other process out of a folder until the file is closed.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("folder of the log: %w; make it writable or choose another", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("folder %s is %w: stop that one or choose another folder (%w)", dir, ErrInUse, err), f.Close())
	}
	return f, nil
}

// serverLog hands the server's messages on. Its fatal ones are errors here: what they were about fails by itself.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l serverLog) Fatalf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
