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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// host is the server inside this process, and the lock on its folder.
type host struct {
	Embedded
	log  *slog.Logger
	lock *os.File

	mu     sync.Mutex
	server *server.Server // nil while there is none
	failed atomic.Bool    // it has said that it could not store something
}

// startHost starts the server of e and waits until it takes connections.
func startHost(ctx context.Context, e Embedded, log *slog.Logger) (*host, error) {
	if _, err := e.options(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the log: %w; make it writable or choose another", err)
	}
	lock, err := lockFolder(e.Dir)
	if err != nil {
		return nil, err
	}
	h := &host{Embedded: e, log: log, lock: lock}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, h.stop())
	}
	return h, nil
}

func (h *host) start(ctx context.Context) error {
	opts, err := h.options()
	if err != nil {
		return err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	h.set(s)
	s.SetLoggerV2(serverLog{h.log.With("from", "nats-server"), &h.failed}, false, false, false)
	s.Start()
	for !s.ReadyForConnections(50 * time.Millisecond) {
		if ctx.Err() != nil || !s.Running() {
			return fmt.Errorf("embedded NATS server did not start in %s (listen %q): see its messages", h.Dir, h.Listen)
		}
	}
	if !s.JetStreamEnabled() {
		return fmt.Errorf("embedded NATS server cannot use %s: see its messages", h.Dir)
	}
	return nil
}

// set puts another server in the place of the one that there is, and gives that.
func (h *host) set(s *server.Server) (was *server.Server) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, h.server = h.server, s
	return was
}

// InProcessConn connects to the server that there is.
func (h *host) InProcessConn() (net.Conn, error) {
	h.mu.Lock()
	s := h.server
	h.mu.Unlock()
	if s == nil {
		return nil, errAway
	}
	return s.InProcessConn()
}

// serves says whether there is a server, with a log.
func (h *host) serves() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server != nil && h.server.JetStreamEnabled()
}

// failedToStore is in what the server says when a write has failed. It stores nothing from then on.
const failedToStore = "failed to store a msg"

// halt stops the server.
func (h *host) halt() {
	if s := h.set(nil); s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

func (h *host) stop() error {
	h.halt()
	return h.lock.Close()
}

// probeSize is more than the few bytes that may still fit where a disk is full.
const probeSize = 256 << 10

// writable makes sure that something can be written to the folder, and be synced to the disk.
func (h *host) writable() error {
	f, err := os.CreateTemp(h.Dir, "probe")
	if err == nil {
		_, err = f.Write(make([]byte, probeSize))
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("nothing can be written to the folder of the log, %s: %w; make room on its disk, or make it writable", h.Dir, err)
	}
	return nil
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
		JetStreamMaxStore:      1 << 60, // the disk is the limit, and not what was free on it when the server began
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
type serverLog struct {
	log    *slog.Logger
	failed *atomic.Bool // is set when a write has failed
}

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l serverLog) Errorf(format string, v ...any) {
	says := fmt.Sprintf(format, v...)
	if strings.Contains(says, failedToStore) { // there is no other sign of it, but that all appends are late, as they may be on a slow disk
		l.failed.Store(true)
	}
	l.log.Error(says)
}
func (l serverLog) Fatalf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
