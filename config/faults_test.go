package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestWrongValues(t *testing.T) {
	for _, c := range []struct{ key, value, right string }{
		{"http.addr", "", "host:port"},
		{"http.addr", "8080", "host:port"},
		{"http.addr", "localhost", "host:port"},
		{"http.addr", ":65536", "host:port"},
		{"http.addr", ":http", "host:port"},
		{"http.addr", "a b:80", "host:port"},
		{"http.addr", "http://a:80", "host:port"},
		{"http.origins", "https://a.example/", "without a path"},
		{"http.origins", "https://a.example,b.example", "origins"},
		{"http.origins", "https://A.example", "lower case"},
		{"http.origins", "https://u@a.example", "origins"},
		{"http.origins", "https://a.example?x", "origins"},
		{"http.origins", "https://a.example,", "origins"},
		{"http.origins", "null", "origins"},
		{"http.origins", "https://*.a.example", "origins"},
		{"http.origins", "https://a.example:443", "origins"},
		{"http.origins", "http://a.example:80", "origins"},
		{"http.proxies", "10.0.0.1", "127.0.0.1/32"},
		{"http.proxies", "10.0.0.0/33", "networks"},
		{"http.proxies", "10.0.0.0/8,,", "networks"},
		{"http.requests", "-1", "0 to 1000000"},
		{"http.requests", "1000001", "0 to 1000000"},
		{"http.requests", "0", ""},
		{"http.address", "-1", "0 to 1000000"},
		{"http.address", "1000001", "0 to 1000000"},
		{"http.address", "0", ""},
		{"http.logins", "-1", "0 to 1000000"},
		{"http.logins", "1000001", "0 to 1000000"},
		{"http.logins", "0", ""},
		{"http.guesses", "-1", "0 to 1000000"},
		{"http.guesses", "1000001", "0 to 1000000"},
		{"http.guesses", "0", ""},
		{"chat.messages", "-1", "0 to 1000000"},
		{"chat.messages", "1000001", "0 to 1000000"},
		{"chat.messages", "0", ""},
		{"chat.marks", "-1", "0 to 1000000"},
		{"chat.marks", "1000001", "0 to 1000000"},
		{"chat.marks", "0", ""},
		{"chat.address", "-1", "0 to 1000000"},
		{"chat.address", "1000001", "0 to 1000000"},
		{"chat.address", "0", ""},
		{"http.drain", "-1s", "from 0s"},
		{"http.drain", "601s", "to 10m"},
		{"http.drain", "2", "duration"},
		{"ops.addr", "8081", "or empty"},
		{"ops.addr", ":8080", "another address than http.addr"},
		{"data.dir", "", "path of a folder"},
		{"data.dir", "a\x00b", "path of a folder"},
		{"data.dir", strings.Repeat("a", 4097), "at most 4096 bytes"},
		{"nats.url", "localhost:4222", "nats://127.0.0.1:4222"},
		{"nats.url", "http://a:4222", "URLs such as"},
		{"nats.url", "nats://a,", "separated by commas"},
		{"nats.url", "nats://", "URLs such as"},
		{"nats.url", "nats://a/b", "URLs such as"},
		{"nats.creds", "a", "empty while nats.url is empty"},
		{"nats.creds", strings.Repeat("a", 4097), "at most 4096 bytes"},
		{"nats.ca", "a", "empty while nats.url is empty"},
		{"nats.ca", "\x00", "path of a file"},
		{"nats.cert", "a", "empty while nats.url is empty"},
		{"nats.cert", "\x00", "path of a file"},
		{"nats.key", "a", "empty while nats.url is empty"},
		{"nats.key", "\x00", "path of a file"},
		{"nats.replicas", "2", "1, 3 or 5"},
		{"nats.replicas", "three", "1, 3 or 5"},
		{"nats.replicas", "3", "1 while nats.url is empty"},
		{"nats.listen", "4222", "host:port"},
		{"mysql.dsn", "parley", "user:password@tcp(host:3306)/database"},
		{"mysql.dsn", "mysql://u:p@h:3306/db", "without mysql://"},
		{"mysql.dsn", "u:p@h:3306/db", "user:password@tcp(host:3306)/database"},
		{"mysql.dsn", "u:p@tcp(h:3306/db", "user:password@tcp(host:3306)/database"},
		{"mysql.dsn", "u:p@tcp(h:3306)", "user:password@tcp(host:3306)/database"},
		{"mysql.dsn", "u:p@tcp(h:3306)/", "user:password@tcp(host:3306)/database"},
		{"mysql.connections", "0", "1 to 1000"},
		{"mysql.connections", "1001", "1 to 1000"},
		{"mysql.connections", "", "1 to 1000"},
		{"mysql.connections", "99999999999999999999", "1 to 1000"},
		{"auth.secret", strings.Repeat("s", 31), "32 to 4096 bytes"},
		{"auth.secret", strings.Repeat("s", 4097), "32 to 4096 bytes"},
		{"auth.ttl", "59s", "from 1m"},
		{"auth.ttl", "8785h", "to 8784h"},
		{"auth.ttl", "720", "duration"},
		{"auth.ttl", "30d", "duration"},
		{"auth.jwks", "example.com/jwks", "https://"},
		{"auth.jwks", "file:///etc/keys", "https://"},
		{"auth.jwks", "https://u:p@a.example/keys", "without a user"},
		{"auth.issuer", strings.Repeat("i", 1025), "1024 bytes"},
		{"auth.audience", strings.Repeat("a", 1025), "1024 bytes"},
		{"chat.direct", "nobody", "friends or anyone"},
		{"chat.direct", "", "friends or anyone"},
		{"chat.reapply", "-1s", "from 0s"},
		{"chat.reapply", "8785h", "to 8784h"},
		{"chat.edit", "-1s", "from 0s"},
		{"chat.edit", "8785h", "to 8784h"},
		{"chat.edit", "8784h", ""},
		{"chat.edit", "0", ""},
		{"chat.recall", "-1s", "from 0s"},
		{"chat.recall", "8785h", "to 8784h"},
		{"chat.recall", "0s", ""},
		{"chat.friends", "0", "1 to 100000"},
		{"chat.friends", "100001", "1 to 100000"},
		{"chat.groups", "0", "1 to 100000"},
		{"chat.groups", "100001", "1 to 100000"},
		{"chat.groups", "100000", ""},
		{"chat.commands", "-1", "0 to 1000000"},
		{"chat.commands", "1000001", "0 to 1000000"},
		{"chat.commands", "0", ""},
		{"chat.changes", "-1", "0 to 1000000"},
		{"chat.changes", "1000001", "0 to 1000000"},
		{"chat.changes", "0", ""},
		{"chat.searches", "-1", "0 to 1000000"},
		{"chat.searches", "1000001", "0 to 1000000"},
		{"chat.searches", "0", ""},
		{"chat.typing", "-1", "0 to 1000000"},
		{"chat.typing", "1000001", "0 to 1000000"},
		{"chat.typing", "0.5", "0 to 1000000"},
		{"chat.connects", "-1", "0 to 1000000"},
		{"chat.connects", "1000001", "0 to 1000000"},
		{"chat.message", "255", "256 to 256KiB"},
		{"chat.message", "257KiB", "256 to 256KiB"},
		{"chat.message", "64kb", "256 to 256KiB"},
		{"log.shards", "-1", "0 to 64"},
		{"log.shards", "65", "0 to 64"},
		{"log.sync", "never", "always, or a duration"},
		{"log.sync", "0s", "always, or a duration"},
		{"log.sync", "9ms", "from 10ms"},
		{"log.sync", "61s", "to 1m"},
		{"projector.batch", "0", "1 to 10000"},
		{"projector.batch", "10001", "1 to 10000"},
		{"socket.ping", "99ms", "from 100ms"},
		{"socket.ping", "11m", "to 10m"},
		{"socket.pong", "-1s", "from 100ms"},
		{"socket.pong", "11m", "to 10m"},
		{"socket.connect", "999ms", "from 1s"},
		{"socket.connect", "11m", "to 10m"},
		{"socket.payload", "8191", "from 8KiB"},
		{"socket.payload", "17MiB", "to 16MiB"},
		{"socket.payload", "68KiB", ""},
		{"socket.payload", "69631", "4KiB more than chat.message"},
		{"socket.queue", "63KiB", "from 64KiB"},
		{"socket.queue", "1025MiB", "to 1GiB"},
		{"socket.queue", "64KiB", "4KiB more than chat.message"},
		{"socket.connections", "-1", "0 to 10000000"},
		{"socket.connections", "10000001", "0 to 10000000"},
		{"socket.connections", "0", ""},
		{"socket.address", "-1", "0 to 10000000"},
		{"socket.address", "10000001", "0 to 10000000"},
		{"socket.handshakes", "-1", "0 to 1000000"},
		{"socket.handshakes", "1000001", "0 to 1000000"},
		{"socket.handshakes", "0", ""},
		{"socket.events", "-1", "0 to 1000000"},
		{"socket.events", "1000001", "0 to 1000000"},
		{"socket.events", "0", ""},
		{"socket.namespaces", "0", "1 to 1000"},
		{"socket.namespaces", "1001", "1 to 1000"},
		{"socket.attachments", "0", "1 to 1000"},
		{"socket.attachments", "1001", "1 to 1000"},
		{"socket.depth", "7", "8 to 1000"},
		{"socket.depth", "1001", "8 to 1000"},
		{"logging.level", "loud", "debug, info, warn or error"},
		{"logging.level", "info+1", "debug, info, warn or error"},
		{"logging.format", "xml", "text or json"},
	} {
		t.Run(fmt.Sprintf("%s=%.20q", c.key, c.value), func(t *testing.T) {
			_, err := load(t, "", nil, []string{"--" + c.key + "=" + c.value})
			if c.right == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			said := err.Error()
			if strings.Contains(said, "\n") || !strings.HasPrefix(said, c.key) || !strings.Contains(said, "(flag --"+c.key+"): it must be ") ||
				!strings.Contains(said, c.right) || len(said) > 300 {
				t.Errorf("want %q in %q", c.right, said)
			}
			secret := slices.Contains([]string{"nats.url", "mysql.dsn", "auth.secret", "auth.jwks"}, c.key)
			if shown := strings.HasPrefix(said, c.key+" is "); shown == secret {
				t.Errorf("the value is shown: %v, in %q", shown, said)
			}
		})
	}
}

func TestFaultsOfFiles(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown", "\nhttp:\n  adr: x", `"http.adr" (parley.yaml line 3): there is no such key; did you mean http.addr?`},
		{"unknown section", "htp: {addr: x}", `"htp.addr" (parley.yaml line 1): there is no such key; did you mean http.addr?`},
		{"nothing near", "colour: blue", `"colour" (parley.yaml line 1): there is no such key`},
		{"other case", "HTTP: {addr: x}", `"HTTP.addr" (parley.yaml line 1): there is no such key; did you mean http.addr?`},
		{"no value", "http:\n  addr:\n", `http.addr has no value (parley.yaml line 2): it must be ` + addrs},
		{"section as key", "http: x", `http (parley.yaml line 1): it is a section: write its keys below it, indented`},
		{"key as section", "http: {addr: {port: 1}}", `http.addr (parley.yaml line 1): it must be ` + addrs},
		{"list for a text", "http: {addr: [a, b]}", `http.addr is "[a b]" (parley.yaml line 1): it must be ` + addrs},
		{"list for a number", "log: {shards: [1]}", `log.shards is "[1]" (parley.yaml line 1): it must be a number from 0 to 64`},
		{"list for a secret", "nats: {url: ['nats://u:p@h']}", `nats.url (parley.yaml line 1): it must be ` + rules[10].right},
		{"wrong in a list", "http:\n  proxies:\n  - 10.0.0.0/8\n  - x", `http.proxies is "[10.0.0.0/8 x]" (parley.yaml line 2): it must be a list of networks such as 10.0.0.0/8, or 127.0.0.1/32 for one address`},
		{"lists in a list", "http: {proxies: [[10.0.0.0/8]]}", `http.proxies is "[[10.0.0.0/8]]" (parley.yaml line 1): it must be a list of networks such as 10.0.0.0/8, or 127.0.0.1/32 for one address`},
		{"twice", "log: {shards: 1}\nlog.shards: 2", `log.shards (parley.yaml line 2): it is given twice, also by parley.yaml line 1: keep one of them`},
		{"no YAML", "http: [", "parley.yaml: not YAML: "},
		{"binary", "\x00\x01", "parley.yaml: not YAML: "},
		{"list", "[a]", "parley.yaml: it must hold keys and values"},
		{"text", "hello", "parley.yaml: it must hold keys and values"},
		{"two documents", "log: {shards: 1}\n---\nlog: {shards: 2}", "parley.yaml: it must hold one YAML document, and there is more after the first"},
		{"too large", strings.Repeat("# all work and no play\n", maxFile/20), "parley.yaml: it is larger than 1048576 bytes"},
		{"deep", strings.Repeat("{a: ", 100000), "parley.yaml: not YAML: "},
		{"deep and closed", "http: {addr: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", "http.addr is \"[[[["},
		{"alias of itself", "http: {addr: &a [*a]}", "http.addr (parley.yaml line 1): it must be "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, nil, nil)
			if err == nil {
				t.Fatal("no error")
			}
			if said := err.Error(); !strings.HasPrefix(said, c.want) || strings.Contains(said, "\n") || len(said) > 300 {
				t.Errorf("got  %q\nwant %q", said, c.want)
			}
		})
	}
}

func TestFaultsOfTheFileItself(t *testing.T) {
	for name, args := range map[string][]string{
		"not there": {"--config", "none.yaml"},
		"a folder":  {"--config", "."},
	} {
		if _, err := load(t, "", nil, args); err == nil || !strings.Contains(err.Error(), "the configuration file cannot be read: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCrossFaults(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--nats=nats://a", "--nats.listen=:4222"}, `nats.listen is ":4222" (flag --nats.listen): it must be empty while nats.url is set: only the embedded server listens`},
		{[]string{"--nats=nats://a", "--nats.cert=c"}, `nats.key is "" (default): it must be set too, as nats.cert is`},
		{[]string{"--nats=nats://a", "--nats.key=k"}, `nats.cert is "" (default): it must be set too, as nats.key is`},
		{[]string{"--listen=:1", "--http.addr=:2"}, `http.addr (flag --listen): it is given twice, also by flag --http.addr: keep one of them`},
		{[]string{"--listen=:0", "--ops.addr=:0"}, ""},
		{[]string{"--nats=nats://a", "--nats.creds=c", "--nats.ca=a", "--nats.cert=c", "--nats.key=k", "--nats.replicas=5"}, ""},
		{[]string{"--nats.listen=127.0.0.1:0"}, ""},
	} {
		said := ""
		if _, err := load(t, "", nil, c.args); err != nil {
			said = err.Error()
		}
		if said != c.want {
			t.Errorf("%q\ngot  %q\nwant %q", c.args, said, c.want)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := load(t, "htp: 1\nlog: {shards: 65}\nchat: {direct: nobody}",
		[]string{"PARLEY_LOG_SYNCH=1s", "PARLEY_=", "PARLEY_AUTH_SECRET=sesame", "PARLEY_CHAT_DIRECT=all"},
		[]string{"--chat.direct=all of them", "--data="})
	want := `"htp" (parley.yaml line 1): there is no such key
"PARLEY_LOG_SYNCH": there is no such variable; did you mean PARLEY_LOG_SYNC?
"PARLEY_": there is no such variable
data.dir is "" (flag --data): it must be the path of a folder, at most 4096 bytes
auth.secret (variable PARLEY_AUTH_SECRET): it must be 32 to 4096 bytes long, or empty; ` + "`openssl rand -base64 48`" + ` makes a good one
chat.direct is "all of them" (flag --chat.direct): it must be friends or anyone
log.shards is "65" (parley.yaml line 2): it must be a number from 0 to 64`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestFaultsAreCounted(t *testing.T) {
	var file strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&file, "key%d: 1\n", i)
	}
	_, err := load(t, file.String(), nil, nil)
	if err == nil || strings.Count(err.Error(), "\n") != maxFaults || !strings.HasSuffix(err.Error(), "\nand 49900 more") {
		t.Errorf("%.2000v", err)
	}
}

func FuzzFile(f *testing.F) {
	for _, text := range []string{defaultFile, "http: {addr: &a [*a]}", "log.shards: 0x10", "? [a]\n: b", "http: !!binary aGk=", "<<: {a: b}", "auth: {ttl: 1m}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "fuzz.yaml")
		write(t, name, string(text))
		c, err := Load(nil, []string{"PARLEY_CONFIG=" + name})
		if err != nil || c.Auth.Secret != "" || c.NATS.URL != "" || c.MySQL.DSN != "" {
			return
		}
		write(t, name, string(c.YAML()))
		if again, err := Load(nil, []string{"PARLEY_CONFIG=" + name}); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%s\ngives %+v, %v, want %+v", c.YAML(), again, err, c)
		}
	})
}
