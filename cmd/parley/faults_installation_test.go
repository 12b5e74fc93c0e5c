//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/projector/mysql/mysqltest"
)

// installation is Parley with all that belongs to it, each part a process of its own that can be made to fail.
type installation struct {
	*testing.T
	*network
	binaries
	rnd       *rand.Rand
	dir       string // of logs and files
	secret    string
	processes []*kept
	db        *mysqltest.Own
	door      string   // where clients come in: host:port
	edges     []string // where edges answer, past all wires
	ops       []string // and where they and the projectors answer operators
	monitors  []string // of the NATS servers
	settings  []string // of a parley command that looks at the log and the tables
	host      string   // all addresses are of it
	ports     int      // that have been given away
}

// newInstallation is an empty one. Its files are kept where FAULTS_DIR says, else removed.
func newInstallation(t *testing.T) *installation {
	dir := t.TempDir()
	if at := os.Getenv("FAULTS_DIR"); at != "" {
		dir = filepath.Join(at, t.Name())
		must(t, os.RemoveAll(dir))
		must(t, os.MkdirAll(dir, 0o700))
	}
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250)) // whose ports nobody else takes
	return &installation{T: t, host: host, rnd: rand.New(rand.NewPCG(seed(t), 0)), network: &network{tb: t}, binaries: build(t), dir: dir, secret: strings.Repeat("s", 32)}
}

// address is one that stays the process's over its restarts.
func (in *installation) address() string {
	in.ports++
	return fmt.Sprintf("%s:%d", in.host, 4000+in.ports)
}

// keep starts a process and keeps it running. Those that matter less than what is tested are nice.
func (in *installation) keep(name string, args ...string) *kept {
	in.Helper()
	k := keep(in.T, in.dir, name, args...).begin(in.T)
	in.processes = append(in.processes, k)
	return k
}

func (in *installation) file(name, format string, args ...any) string {
	in.Helper()
	path := filepath.Join(in.dir, name)
	must(in.T, os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600))
	return path
}

// quick are settings by which the lost are noticed sooner than as a rule.
var quick = []string{"--socket.ping", "2s", "--socket.pong", "6s"}

// apart3 starts a cluster of three NATS servers, a database, two projectors, and three edges behind a proxy.
func apart3(t *testing.T) *installation {
	in := newInstallation(t)
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		haproxy = "/usr/sbin/haproxy"
	}
	in.db = mysqltest.Start(t)
	nats := in.cluster()
	database := in.db.DSN[strings.LastIndex(in.db.DSN, "/")+1:]
	role := func(role string, n int) (addr string) {
		name := fmt.Sprintf("%s-%d", role, n)
		var urls []string
		for i, addr := range nats {
			urls = append(urls, "nats://"+in.wire(name, fmt.Sprintf("nats-%d", i+1), addr))
		}
		addr, ops := in.address(), in.address()
		in.ops = append(in.ops, "http://"+ops)
		in.keep(name, append([]string{in.parley, role, "--listen", addr, "--ops.addr", ops, "--data", filepath.Join(in.dir, name), "--auth.secret", in.secret,
			"--nats", strings.Join(urls, ","), "--nats.replicas", "3", "--log.shards", "3",
			"--mysql", "root@tcp(" + in.wire(name, "mariadb", in.db.Socket) + ")/" + database}, quick...)...)
		return addr
	}
	for i := range 2 {
		role("projector", i+1)
	}
	var servers strings.Builder
	for i := range 3 {
		addr := role("edge", i+1)
		in.edges = append(in.edges, "http://"+addr)
		fmt.Fprintf(&servers, "  server edge-%d %s check inter 500ms fall 2 rise 1\n", i+1, in.wire("haproxy", fmt.Sprintf("edge-%d", i+1), addr))
	}
	in.door = in.address()
	in.keep("haproxy", haproxy, "-db", "-f", in.file("haproxy.cfg", haproxyConfig, in.door, servers.String()))
	in.settings = []string{"--nats", "nats://" + nats[0], "--mysql", in.db.DSN, "--data", in.dir, "--auth.secret", in.secret}
	in.serves()
	return in
}

// haproxyConfig has who polls stay with one edge: their clients say in the query which device they are. What an edge needs may be away, as long as the edge
// itself answers it is given people.
const haproxyConfig = `global
  maxconn 4000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  timeout check 1s
  option redispatch
  retries 1
frontend door
  bind %s
  default_backend edges
backend edges
  balance url_param device
  hash-type consistent
  option httpchk GET /style.css
%s`

// cluster starts three NATS servers, each of which reaches the two others through wires, and gives where they answer.
func (in *installation) cluster() (clients []string) {
	in.Helper()
	var routes []string
	for range 3 {
		clients, routes = append(clients, in.address()), append(routes, in.address())
	}
	for i := range 3 {
		name, monitor := fmt.Sprintf("nats-%d", i+1), in.address()
		in.monitors = append(in.monitors, "http://"+monitor)
		var others []string
		for j := range 3 {
			if j != i {
				others = append(others, fmt.Sprintf("%q", "nats://"+in.wire(name, fmt.Sprintf("nats-%d", j+1), routes[j])))
			}
		}
		// What they tell of one another would lead past the wires.
		config := in.file(name+".conf", "server_name: %s\nlisten: %s\nhttp: %s\njetstream { store_dir: %q, sync_interval: 1s }\n"+
			"cluster { name: parley, listen: %s, no_advertise: true, advertise: \"127.0.0.1:1\", routes: [%s] }\n",
			name, clients[i], monitor, filepath.Join(in.dir, name), routes[i], strings.Join(others, ", "))
		in.keep(name, in.nats, "-c", config)
	}
	return clients
}

// serves waits until all edges and projectors can do their work.
func (in *installation) serves() {
	in.Helper()
	for _, ops := range in.ops {
		eventually(in.T, ops+" is ready", func() bool { return status(ops+"/readyz") == http.StatusOK })
	}
	eventually(in.T, "the door is open", func() bool { return status("http://"+in.door+"/style.css") == http.StatusOK })
}

// status asks for something; 0 where there is no answer.
func status(url string) int {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// process gives one by its name.
func (in *installation) process(name string) *kept {
	for _, k := range in.processes {
		if k.name == name {
			return k
		}
	}
	return nil
}

// breaks begins a fault of a process, and gives what ends it.
func (in *installation) breaks(name, how string) (heal func()) {
	k := in.process(name)
	switch {
	case how == "cut":
		in.cut(name, 1)
		return func() { in.cut(name, -1) }
	case how == "stall":
		in.stall(name, 1)
		return func() { in.stall(name, -1) }
	case name == "mariadb" && how == "freeze":
		in.db.Freeze()
		return in.db.Thaw
	case name == "mariadb":
		in.db.Kill()
		return in.db.Restart
	case how == "freeze":
		k.signal(syscall.SIGSTOP)
		return func() { k.signal(syscall.SIGCONT) }
	case how == "kill":
		k.down(syscall.SIGKILL)
	case how == "stop":
		k.down(syscall.SIGTERM)
	}
	return k.up
}
