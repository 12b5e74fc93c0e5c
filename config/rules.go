package config

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is what must hold for one key. Its sentence completes "it must be", and also stands for a value of the wrong type.
type rule struct {
	key    string
	secret bool // the value is never shown
	ok     func(Config) bool
	right  string
}

const (
	addrs = `host:port, such as ":8080" or "127.0.0.1:8080"`
	paths = "the path of a file, at most 4096 bytes, or empty"
	texts = "a text of at most 1024 bytes, or empty"
	rates = "a number from 0 to 1000000, 0 for no limit"
)

// overhead is what the packet around a message may need, in bytes: event name, ids, framing.
const overhead = 4 << 10

// rules holds a row for each key in the order of default.yaml, and then those in which two keys meet. The first that
// does not hold is the one that is reported for its key.
var rules = [...]rule{
	{"http.addr", false, func(c Config) bool { return address(c.HTTP.Addr) }, addrs},
	{"http.origins", false, func(c Config) bool { return all(c.HTTP.Origins, origin) },
		`a list of origins such as https://chat.example.com in lower case, without a path or the port that goes without saying, or "*"`},
	{"http.proxies", false, func(c Config) bool { return all(c.HTTP.Proxies, netip.Prefix.IsValid) },
		"a list of networks such as 10.0.0.0/8, or 127.0.0.1/32 for one address"},
	{"http.requests", false, func(c Config) bool { return within(c.HTTP.Requests, 0, 1_000_000) }, rates},
	{"http.address", false, func(c Config) bool { return within(c.HTTP.Address, 0, 1_000_000) }, rates},
	{"http.logins", false, func(c Config) bool { return within(c.HTTP.Logins, 0, 1_000_000) }, rates},
	{"http.guesses", false, func(c Config) bool { return within(c.HTTP.Guesses, 0, 1_000_000) }, rates},
	{"http.drain", false, func(c Config) bool { return within(c.HTTP.Drain, 0, 10*time.Minute) }, "a duration from 0s to 10m, such as 2s"},
	{"ops.addr", false, func(c Config) bool { return c.Ops.Addr == "" || address(c.Ops.Addr) }, addrs + ", or empty"},
	{"data.dir", false, func(c Config) bool { return c.Data.Dir != "" && path(c.Data.Dir) }, "the path of a folder, at most 4096 bytes"},
	{"nats.url", true, func(c Config) bool { return c.NATS.URL == "" || all(strings.Split(c.NATS.URL, ","), server) },
		"URLs such as nats://127.0.0.1:4222 or tls://nats.example.com, separated by commas, or empty"},
	{"nats.creds", false, func(c Config) bool { return path(c.NATS.Creds) }, paths},
	{"nats.ca", false, func(c Config) bool { return path(c.NATS.CA) }, paths},
	{"nats.cert", false, func(c Config) bool { return path(c.NATS.Cert) }, paths},
	{"nats.key", false, func(c Config) bool { return path(c.NATS.Key) }, paths},
	{"nats.replicas", false, func(c Config) bool { return slices.Contains([]int{1, 3, 5}, c.NATS.Replicas) }, "1, 3 or 5"},
	{"nats.listen", false, func(c Config) bool { return c.NATS.Listen == "" || address(c.NATS.Listen) }, addrs + ", or empty"},
	{"mysql.dsn", true, func(c Config) bool { return c.MySQL.DSN == "" || dsn.MatchString(c.MySQL.DSN) },
		"user:password@tcp(host:3306)/database, without mysql:// before it, or empty"},
	{"mysql.connections", false, func(c Config) bool { return within(c.MySQL.Connections, 1, 1000) }, "a number from 1 to 1000"},
	{"auth.secret", true, func(c Config) bool { return c.Auth.Secret == "" || within(len(c.Auth.Secret), 32, 4096) },
		"32 to 4096 bytes long, or empty; `openssl rand -base64 48` makes a good one"},
	{"auth.ttl", false, func(c Config) bool { return within(c.Auth.TTL, time.Minute, 8784*time.Hour) },
		"a duration from 1m to 8784h, such as 720h"},
	{"auth.jwks", true, func(c Config) bool { return c.Auth.JWKS == "" || keySet(c.Auth.JWKS) },
		"a URL such as https://example.com/.well-known/jwks.json, without a user or password, or empty"},
	{"auth.issuer", false, func(c Config) bool { return len(c.Auth.Issuer) <= 1024 }, texts},
	{"auth.audience", false, func(c Config) bool { return len(c.Auth.Audience) <= 1024 }, texts},
	{"chat.direct", false, func(c Config) bool { return c.Chat.Direct == Friends || c.Chat.Direct == Anyone }, "friends or anyone"},
	{"chat.message", false, func(c Config) bool { return within(c.Chat.Message, 256, 256<<10) }, "a size from 256 to 256KiB, such as 64KiB"},
	{"chat.reapply", false, func(c Config) bool { return within(c.Chat.Reapply, 0, 8784*time.Hour) }, "a duration from 0s to 8784h, such as 1h"},
	{"chat.edit", false, func(c Config) bool { return within(c.Chat.Edit, 0, 8784*time.Hour) }, "a duration from 0s to 8784h, such as 24h"},
	{"chat.recall", false, func(c Config) bool { return within(c.Chat.Recall, 0, 8784*time.Hour) }, "a duration from 0s to 8784h, such as 24h"},
	{"chat.friends", false, func(c Config) bool { return within(c.Chat.Friends, 1, 100_000) }, "a number from 1 to 100000"},
	{"chat.groups", false, func(c Config) bool { return within(c.Chat.Groups, 1, 100_000) }, "a number from 1 to 100000"},
	{"chat.commands", false, func(c Config) bool { return within(c.Chat.Commands, 0, 1_000_000) }, rates},
	{"chat.messages", false, func(c Config) bool { return within(c.Chat.Messages, 0, 1_000_000) }, rates},
	{"chat.marks", false, func(c Config) bool { return within(c.Chat.Marks, 0, 1_000_000) }, rates},
	{"chat.changes", false, func(c Config) bool { return within(c.Chat.Changes, 0, 1_000_000) }, rates},
	{"chat.typing", false, func(c Config) bool { return within(c.Chat.Typing, 0, 1_000_000) }, rates},
	{"chat.searches", false, func(c Config) bool { return within(c.Chat.Searches, 0, 1_000_000) }, rates},
	{"chat.connects", false, func(c Config) bool { return within(c.Chat.Connects, 0, 1_000_000) }, rates},
	{"chat.address", false, func(c Config) bool { return within(c.Chat.Address, 0, 1_000_000) }, rates},
	{"log.shards", false, func(c Config) bool { return within(c.Log.Shards, 0, 64) }, "a number from 0 to 64"},
	{"log.sync", false, func(c Config) bool {
		return c.Log.Sync == Always || within(c.Log.Sync, Sync(10*time.Millisecond), Sync(time.Minute))
	}, "always, or a duration from 10ms to 1m"},
	{"projector.batch", false, func(c Config) bool { return within(c.Projector.Batch, 1, 10000) }, "a number from 1 to 10000"},
	{"socket.ping", false, func(c Config) bool { return within(c.Socket.Ping, 100*time.Millisecond, 10*time.Minute) },
		"a duration from 100ms to 10m, such as 25s"},
	{"socket.pong", false, func(c Config) bool { return within(c.Socket.Pong, 100*time.Millisecond, 10*time.Minute) },
		"a duration from 100ms to 10m, such as 20s"},
	{"socket.connect", false, func(c Config) bool { return within(c.Socket.Connect, time.Second, 10*time.Minute) },
		"a duration from 1s to 10m, such as 45s"},
	{"socket.payload", false, func(c Config) bool { return within(c.Socket.Payload, 8<<10, 16<<20) },
		"a size from 8KiB to 16MiB, such as 2MiB"},
	{"socket.queue", false, func(c Config) bool { return within(c.Socket.Queue, 64<<10, 1<<30) },
		"a size from 64KiB to 1GiB, such as 4MiB"},
	{"socket.connections", false, func(c Config) bool { return within(c.Socket.Connections, 0, 10_000_000) },
		"a number from 0 to 10000000, 0 for no limit"},
	{"socket.address", false, func(c Config) bool { return within(c.Socket.Address, 0, 10_000_000) },
		"a number from 0 to 10000000, 0 for no limit"},
	{"socket.handshakes", false, func(c Config) bool { return within(c.Socket.Handshakes, 0, 1_000_000) }, rates},
	{"socket.events", false, func(c Config) bool { return within(c.Socket.Events, 0, 1_000_000) }, rates},
	{"socket.namespaces", false, func(c Config) bool { return within(c.Socket.Namespaces, 1, 1000) }, "a number from 1 to 1000"},
	{"socket.attachments", false, func(c Config) bool { return within(c.Socket.Attachments, 1, 1000) }, "a number from 1 to 1000"},
	{"socket.depth", false, func(c Config) bool { return within(c.Socket.Depth, 8, 1000) }, "a number from 8 to 1000"},
	{"logging.level", false, func(c Config) bool {
		return slices.Contains([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}, c.Logging.Level)
	}, "debug, info, warn or error"},
	{"logging.format", false, func(c Config) bool { return c.Logging.Format == "text" || c.Logging.Format == "json" }, "text or json"},

	{"ops.addr", false, func(c Config) bool { return c.Ops.Addr != c.HTTP.Addr || strings.HasSuffix(c.Ops.Addr, ":0") },
		"another address than http.addr, or empty"},
	{"nats.creds", false, func(c Config) bool { return c.NATS.Creds == "" || c.NATS.URL != "" }, embedded},
	{"nats.ca", false, func(c Config) bool { return c.NATS.CA == "" || c.NATS.URL != "" }, embedded},
	{"nats.cert", false, func(c Config) bool { return c.NATS.Cert == "" || c.NATS.URL != "" }, embedded},
	{"nats.key", false, func(c Config) bool { return c.NATS.Key == "" || c.NATS.URL != "" }, embedded},
	{"nats.cert", false, func(c Config) bool { return c.NATS.Cert != "" || c.NATS.Key == "" || c.NATS.URL == "" }, "set too, as nats.key is"},
	{"nats.key", false, func(c Config) bool { return c.NATS.Key != "" || c.NATS.Cert == "" || c.NATS.URL == "" }, "set too, as nats.cert is"},
	{"nats.replicas", false, func(c Config) bool { return c.NATS.Replicas == 1 || c.NATS.URL != "" },
		"1 while nats.url is empty: more copies need a cluster of servers"},
	{"nats.listen", false, func(c Config) bool { return c.NATS.Listen == "" || c.NATS.URL == "" },
		"empty while nats.url is set: only the embedded server listens"},
	{"socket.payload", false, func(c Config) bool { return c.Socket.Payload >= c.Chat.Message+overhead },
		"at least 4KiB more than chat.message, or no message of that size could come in"},
	{"socket.queue", false, func(c Config) bool { return c.Socket.Queue >= c.Chat.Message+overhead },
		"at least 4KiB more than chat.message, or a message of that size would cut its readers off"},
}

const embedded = "empty while nats.url is empty: it is about the servers there"

func within[T cmp.Ordered](v, least, most T) bool { return least <= v && v <= most }

func all[T any](list []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !ok(v) })
}

// hostname is what may stand for a host where it is no IP address.
var hostname = regexp.MustCompile(`^[A-Za-z0-9._-]{0,253}$`)

// address is whether s can be listened on, as far as can be told without trying.
func address(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, notIP := netip.ParseAddr(host)
	_, notPort := strconv.ParseUint(port, 10, 16)
	return notPort == nil && (notIP == nil || hostname.MatchString(host))
}

// origin is whether s is "*" or what a browser sends as Origin (RFC 6454, section 6.1).
func origin(s string) bool {
	if s == "*" {
		return true
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || strings.Contains(u.Host, "*") || s != strings.ToLower(u.Scheme+"://"+u.Host) {
		return false
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme] // which browsers leave out
	return u.Scheme != "" && (port == "" || u.Port() != port)
}

// server is whether s is the URL of a NATS server.
func server(s string) bool {
	u, err := url.Parse(strings.TrimSpace(s))
	return err == nil && (u.Scheme == "nats" || u.Scheme == "tls") && u.Hostname() != "" &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// keySet is whether s can be the URL of a JWK set. Who needs a password there has it in a proxy.
func keySet(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}

// path is whether s can be the path of a file.
func path(s string) bool { return len(s) <= 4096 && !strings.ContainsRune(s, 0) }

// dsn is the outer form of what go-sql-driver/mysql takes: [user[:password]@][net[(address)]]/database[?parameters].
// The driver itself is the judge of the rest, when it connects. Group 1 is the user, group 2 the password with its colon.
var dsn = regexp.MustCompile(`^(?s:(?:([^:@]*)(:.*)?@)?((?:tcp|unix)?|[a-z0-9]+\(.*\))/[^/?]+(?:\?[^/]*)?)$`)
