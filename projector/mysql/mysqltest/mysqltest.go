// Package mysqltest gives each test that asks a database of its own, in a real MariaDB or MySQL.
//
// It makes no tables. The one thing to know: without PARLEY_TEST_DSN it starts a server, once in a test process, that ends with
// the process however that ends. A test that is to stop a server starts one of its own.
//
// # Chosen, refused, because
//
// Chosen: the server is the child of a shell that reads from a pipe which this process holds open; when the process is gone, the shell
// reads the end, kills the server and removes its files. Refused: TestMain, or counting tests. Because: neither runs after a
// panic or a time-out, and a server for each test would cost seconds.
package mysqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "parley/projector/mysql" // brings the driver
)

// DSN makes an empty database and drops it when the test ends. It is in the server that the environment variable PARLEY_TEST_DSN names
// (the user must be allowed to make databases; the database in it may be missing), else in one started for this process. If there is
// none, the test fails and says what to do.
func DSN(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv("PARLEY_TEST_DSN")
	if server == "" {
		own, err := started()
		if err != nil {
			tb.Fatalf("mysqltest: %v", err)
		}
		server = own.dsn
	}
	return database(tb, server)
}

// Lasting is DSN in a server of the test's own that is set as in production, and ends with the process: it keeps what it has committed when the machine
// fails, and has room for the tables in memory. It is for benchmarks. PARLEY_TEST_DSN comes first.
func Lasting(tb testing.TB) string {
	tb.Helper()
	if os.Getenv("PARLEY_TEST_DSN") != "" {
		return DSN(tb)
	}
	own, err := lasting()
	if err != nil {
		tb.Fatalf("mysqltest: %v", err)
	}
	return database(tb, own.dsn)
}

// database makes an empty database in a server and drops it when the test ends.
func database(tb testing.TB, server string) string {
	tb.Helper()
	db, err := sql.Open("mysql", in(server, ""))
	if err != nil {
		tb.Fatalf("mysqltest: PARLEY_TEST_DSN: %v", err)
	}
	name := "parley_test_" + strings.ToLower(rand.Text()[:12])
	if _, err := db.Exec("CREATE DATABASE " + name + " CHARACTER SET utf8mb4"); err != nil {
		tb.Fatalf("mysqltest: make a database: %v", err)
	}
	tb.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE IF EXISTS " + name); err != nil {
			tb.Errorf("mysqltest: drop the database: %v", err)
		}
		db.Close()
	})
	return in(server, name)
}

// in is the DSN with another database's name.
func in(dsn, database string) string {
	head, options, more := strings.Cut(dsn, "?")
	if more {
		options = "?" + options
	}
	return head[:strings.LastIndexByte(head, '/')+1] + database + options
}

// server is a running one.
type server struct {
	dsn      string
	dir      string         // of its files
	lifeline io.WriteCloser // the server ends when this is closed, or collected
	shell    *exec.Cmd      // ends after the server
}

// This process's servers.
var (
	started = sync.OnceValues(func() (server, error) { return start() })
	lasting = sync.OnceValues(func() (server, error) {
		return start("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M", "--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1",
			"--innodb-flush-method=O_DIRECT", "--innodb-file-per-table=1")
	})
)

const patience = 3 * time.Minute

// script runs the server "$@" until standard input ends, and anew at each line, where it has been killed; then it removes what the server wrote to.
const script = `dir=$1; shift
"$@" >"$dir/log" 2>&1 &
while read -r _; do
	wait $!
	"$@" >>"$dir/log" 2>&1 &
done
kill -9 $!
wait $!
rm -rf "$dir"`

// start starts one; the settings come after those that make tests fast.
func start(settings ...string) (s server, err error) {
	bin, err := find("mariadbd", "mysqld")
	if err != nil {
		return s, fmt.Errorf("%w: install mariadb-server, or set PARLEY_TEST_DSN to a server that is there (user:password@tcp(host:3306)/)", err)
	}
	dir, err := os.MkdirTemp("", "parley-mysql-")
	if err != nil {
		return s, fmt.Errorf("make a folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := install(ctx, bin, dir); err != nil {
		os.RemoveAll(dir)
		return s, err
	}
	socket := filepath.Join(dir, "socket")
	args := append(common(dir), "--socket="+socket, "--skip-networking", "--pid-file="+filepath.Join(dir, "pid"),
		"--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-flush-method=nosync",
		"--innodb-file-per-table=0", "--skip-log-bin",
		"--skip-name-resolve", "--max-connections=200", "--tmpdir="+dir)
	args = append(args, settings...)
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", dir, bin}, args...)...)
	if s.lifeline, err = cmd.StdinPipe(); err != nil {
		return s, fmt.Errorf("make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return s, fmt.Errorf("start %s: %w", bin, err)
	}
	s.dsn, s.dir, s.shell = "root@unix("+socket+")/", dir, cmd
	return s, answers(ctx, s.dsn, filepath.Join(dir, "log"))
}

// find gives the first of the programs that is installed, where servers are.
func find(names ...string) (string, error) {
	for _, name := range names {
		for _, at := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/usr/libexec/" + name, "/opt/homebrew/bin/" + name} {
			if bin, err := exec.LookPath(at); err == nil {
				return bin, nil
			}
		}
	}
	return "", fmt.Errorf("there is no %s", strings.Join(names, ", nor "))
}

func common(dir string) []string {
	args := []string{"--no-defaults", "--datadir=" + filepath.Join(dir, "data")}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	return args
}

// install makes a data folder in which root has no password.
func install(ctx context.Context, bin, dir string) error {
	name, args := bin, append(common(dir), "--initialize-insecure") // MySQL
	version, err := exec.CommandContext(ctx, bin, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", bin, err)
	}
	if strings.Contains(string(version), "MariaDB") {
		if name, err = find("mariadb-install-db", "mysql_install_db"); err != nil {
			return err
		}
		args = append(common(dir), "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	}
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// answers waits until the server does.
func answers(ctx context.Context, dsn, log string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(log)
			return fmt.Errorf("the server does not answer: %w\n%s", err, said)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
