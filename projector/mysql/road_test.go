package mysql_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"parley/projector/mysql"
	"parley/projector/mysql/mysqltest"
)

// road is the way to a server, which can be cut.
type road struct {
	server func() (net.Conn, error)
	path   string

	mu    sync.Mutex
	in    net.Listener
	shut  bool // what is accepted from now on goes nowhere
	conns []net.Conn
	wg    sync.WaitGroup
}

func (r *road) open(t *testing.T) {
	t.Helper()
	in, err := net.Listen("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.in, r.shut = in, false
	r.wg.Go(func() {
		for {
			c, err := in.Accept()
			if err != nil {
				return
			}
			to, err := r.server()
			if err != nil {
				c.Close()
				continue
			}
			if !r.note(c, to) {
				return
			}
			r.wg.Go(func() { io.Copy(c, to); c.Close() })
			r.wg.Go(func() { io.Copy(to, c); to.Close() })
		}
	})
}

// note keeps both ends of a connection for cut, or closes them where that has just been.
func (r *road) note(ends ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.shut {
		r.conns = append(r.conns, ends...)
		return true
	}
	for _, c := range ends {
		c.Close()
	}
	return false
}

func (r *road) cut() {
	r.in.Close()
	r.mu.Lock()
	r.shut = true
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.wg.Wait()
}

// detour opens a store with tables, on a road of its own to the tests' server: each connection is wrapped, and the settings are changed.
func detour(t *testing.T, wrap func(net.Conn) net.Conn, change func(*driver.Config)) *mysql.Store {
	t.Helper()
	c, err := driver.ParseDSN(mysqltest.DSN(t))
	if err != nil {
		t.Fatal(err)
	}
	network, addr := c.Net, c.Addr
	r := &road{path: filepath.Join(t.TempDir(), "s"), server: func() (net.Conn, error) {
		to, err := net.Dial(network, addr)
		if err != nil {
			return nil, err
		}
		return wrap(to), nil
	}}
	c.Net, c.Addr = "unix", r.path
	change(c)
	r.open(t)
	t.Cleanup(r.cut)
	s := open(t, c.FormatDSN())
	if err := s.Prepare(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return s
}
