package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// load runs Load in an empty folder with an own parley.yaml, if file is not empty.
func load(t *testing.T, file string, environ, args []string) (Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if file != "" {
		write(t, "parley.yaml", file)
	}
	fs := pflag.NewFlagSet("parley", pflag.ContinueOnError)
	Bind(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(fs, environ)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fields lists the keys that the fields of a struct type stand for, in their order.
func fields(of reflect.Type, section string) []string {
	var keys []string
	for f := range of.Fields() {
		key := section + strings.ToLower(f.Name)
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, fields(f.Type, key+".")...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestDefaultFileHasEveryKeyAndNoOther(t *testing.T) {
	var keys, ruled []string
	for _, s := range defaults() {
		keys = append(keys, s.key)
		if len(usage(s.about)) < 20 || len(s.about) < 100 {
			t.Errorf("%s is not explained: %q", s.key, s.about)
		}
	}
	if want := fields(reflect.TypeFor[Config](), ""); !slices.Equal(keys, want) {
		t.Errorf("default.yaml has the keys\n%q, Config the fields\n%q", keys, want)
	}
	for _, r := range rules {
		if !slices.Contains(ruled, r.key) {
			ruled = append(ruled, r.key)
		}
	}
	if !slices.Equal(ruled, keys) {
		t.Errorf("there are rules for\n%q, keys\n%q", ruled, keys)
	}
}

func TestDefaults(t *testing.T) {
	got, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		HTTP:  HTTP{Addr: ":8080", Origins: got.HTTP.Origins, Proxies: got.HTTP.Proxies, Requests: 50, Address: 1000, Logins: 2, Guesses: 10, Drain: 2 * time.Second},
		Ops:   Ops{Addr: "127.0.0.1:8081"},
		Data:  Data{Dir: "data"},
		NATS:  NATS{Replicas: 1},
		MySQL: MySQL{Connections: 16},
		Auth:  Auth{TTL: 720 * time.Hour},
		Chat: Chat{Direct: Friends, Message: 64 << 10, Reapply: time.Hour, Edit: 24 * time.Hour, Recall: 24 * time.Hour, Friends: 5000, Groups: 1000,
			Commands: 2, Messages: 50, Marks: 50, Changes: 5, Typing: 1, Searches: 2, Connects: 1, Address: 5000},
		Log:       Log{Sync: Always},
		Projector: Projector{Batch: 10000},
		Socket: Socket{Ping: 25 * time.Second, Pong: 20 * time.Second, Connect: 45 * time.Second, Payload: 2 << 20, Queue: 4 << 20,
			Connections: 100_000, Handshakes: 5000, Events: 5000, Namespaces: 1, Attachments: 10, Depth: 64},
		Logging: Logging{Format: "text"},
	}
	if !reflect.DeepEqual(got, want) || len(got.HTTP.Origins)+len(got.HTTP.Proxies) > 0 {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	again, err := load(t, defaultFile, nil, nil)
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("the default file read as a file gives\n%+v, %v, want\n%+v", again, err, got)
	}
	if bare, err := Load(nil, nil); err != nil || !reflect.DeepEqual(bare, got) {
		t.Errorf("without flags: %+v, %v", bare, err)
	}
}

func TestFlagsAreExplained(t *testing.T) {
	fs := pflag.NewFlagSet("parley", pflag.ContinueOnError)
	Bind(fs)
	for _, s := range defaults() {
		f := fs.Lookup(s.key)
		if f == nil {
			t.Errorf("there is no flag --%s", s.key)
		} else if strings.ContainsAny(f.Usage, "#`\n") || len(f.Usage) < 20 || len(f.Usage) > 160 {
			t.Errorf("--%s says %q", s.key, f.Usage)
		}
	}
	if f := fs.Lookup("http.addr"); f.DefValue != ":8080" {
		t.Errorf("--http.addr shows the default %q", f.DefValue)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	const file = "http:\n  addr: ':1'\n"
	environ := []string{"HOME=/", "PARLEY_HTTP_ADDR=:2", "PARLEY_TEST_MYSQL=x"}
	for _, c := range []struct {
		name, file    string
		environ, args []string
		want          string
	}{
		{"default", "", nil, nil, ":8080"},
		{"file", file, nil, nil, ":1"},
		{"file with the key in one", "http.addr: ':1'", nil, nil, ":1"},
		{"file with other sections only", "http:\n# addr: x\nchat: {}\n", nil, nil, ":8080"},
		{"file of comments", "# nothing\n", nil, nil, ":8080"},
		{"file of nothing", "---\n", nil, nil, ":8080"},
		{"file with an alias", "nats: {listen: &a ':1'}\nhttp: {addr: *a}", nil, nil, ":1"},
		{"variable", file, environ, nil, ":2"},
		{"flag", file, environ, []string{"--http.addr=:3"}, ":3"},
		{"short flag", file, environ, []string{"--listen", ":4"}, ":4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(t, c.file, c.environ, c.args)
			if err != nil || got.HTTP.Addr != c.want {
				t.Errorf("got %q, %v, want %q", got.HTTP.Addr, err, c.want)
			}
		})
	}
}

func TestShortFlags(t *testing.T) {
	c, err := load(t, "", nil, []string{"--data", "d", "--nats", "nats://n:4222", "--mysql", "u@tcp(h:1)/d"})
	if err != nil || c.Data.Dir != "d" || c.NATS.URL != "nats://n:4222" || c.MySQL.DSN != "u@tcp(h:1)/d" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAnEmptyVariableEmpties(t *testing.T) {
	c, err := load(t, "http: {origins: [https://a.example]}", []string{"PARLEY_OPS_ADDR=", "PARLEY_HTTP_ORIGINS="}, nil)
	if err != nil || c.Ops.Addr != "" || len(c.HTTP.Origins) != 0 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestWhichFile(t *testing.T) {
	named := filepath.Join(t.TempDir(), "named.yaml")
	write(t, named, "http: {addr: ':1'}")
	other := filepath.Join(t.TempDir(), "default.yaml")
	write(t, other, "http: {addr: ':2'}")
	for _, c := range []struct {
		name          string
		environ, args []string
		want          string
	}{
		{"the folder's", nil, nil, ":9"},
		{"the variable's", []string{"PARLEY_CONFIG=" + named}, nil, ":1"},
		{"an empty variable's", []string{"PARLEY_CONFIG="}, nil, ":9"},
		{"the flag's", []string{"PARLEY_CONFIG=" + named}, []string{"--config", other}, ":2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(t, "http: {addr: ':9'}", c.environ, c.args)
			if err != nil || got.HTTP.Addr != c.want {
				t.Errorf("got %q, %v, want %q", got.HTTP.Addr, err, c.want)
			}
		})
	}
}

func TestEveryValueArrives(t *testing.T) {
	const file = `
http:
  addr: 127.0.0.1:80
  origins: [https://a.example, "http://b.example:8000"]
  proxies: [10.0.0.0/8, "fd00::/8"]
  requests: 19
  address: 20
  logins: 21
  guesses: 22
  drain: 23s
ops: {addr: ""}
data: {dir: /var/lib/parley}
nats:
  url: nats://a:4222, tls://b:4222
  creds: c
  ca: a
  cert: b
  key: k
  replicas: 3
mysql: {dsn: "parley@tcp(db:3306)/parley?tls=true", connections: 50}
auth: {ttl: 1h30m, jwks: "https://a.example/keys", issuer: i, audience: u}
chat: {direct: anyone, message: 100000, reapply: 90s, edit: 2m, recall: 3m, friends: 12, groups: 13, commands: 14, messages: 24, marks: 25, changes: 17, typing: 15, searches: 18, connects: 16, address: 26}
log: {shards: 64, sync: 250ms}
projector: {batch: 1}
socket: {ping: 1s, pong: 2s, connect: 3s, payload: 3MiB, queue: 1GiB, connections: 4, address: 5, handshakes: 6, events: 7, namespaces: 8, attachments: 9, depth: 11}
logging: {level: debug, format: json}
`
	c, err := load(t, file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	v, standard := reflect.ValueOf(c), reflect.ValueOf(must(t))
	for i := range v.NumField() {
		for j := range v.Field(i).NumField() {
			name := v.Type().Field(i).Name + "." + v.Field(i).Type().Field(j).Name
			same := reflect.DeepEqual(v.Field(i).Field(j).Interface(), standard.Field(i).Field(j).Interface())
			if same && name != "Auth.Secret" && name != "NATS.Listen" { // the one is hidden, the other excludes nats.url
				t.Errorf("%s did not arrive", name)
			}
		}
	}
	if c.Log.Sync != Sync(250*time.Millisecond) || c.Socket.Payload != 3<<20 || c.HTTP.Proxies[1].Bits() != 8 || c.Auth.TTL != 90*time.Minute {
		t.Errorf("got %+v", c)
	}

	var environ []string // the same as variables
	known, _ := parse("", []byte(file))
	for _, s := range known {
		text, ok := s.value.(string)
		if !ok {
			var list []string
			for _, e := range s.value.([]any) {
				list = append(list, e.(string))
			}
			text = strings.Join(list, ", ")
		}
		environ = append(environ, variable(s.key)+"="+text)
	}
	if again, err := load(t, "", environ, nil); err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("as variables:\n%+v, %v, want\n%+v", again, err, c)
	}
	if again, err := load(t, string(c.YAML()), nil, nil); err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("from its own YAML:\n%s\n%+v, %v, want\n%+v", c.YAML(), again, err, c)
	}
}

// must is the default configuration.
func must(t *testing.T) Config {
	t.Helper()
	c, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestYAMLOfTheDefaults(t *testing.T) {
	c := must(t)
	again, err := load(t, string(c.YAML()), nil, nil)
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%s\ngives %+v, %v", c.YAML(), again, err)
	}
	printed, err := parse("", c.YAML())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range defaults() {
		if printed[i].key != s.key {
			t.Fatalf("%s is printed where %s is in the default file", printed[i].key, s.key)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	const secret = "sesame/open@the:door,and-come-in-all-of-you"
	for _, c := range []struct{ name, variable, value, want string }{
		{"secret", "AUTH_SECRET", secret, "secret: hidden"},
		{"dsn", "MYSQL_DSN", "u:" + secret + "@tcp(h:3306)/db?tls=true", "dsn: u:hidden@tcp(h:3306)/db?tls=true"},
		{"dsn without user", "MYSQL_DSN", ":" + secret + "@/db", "dsn: :hidden@/db"},
		{"dsn by socket", "MYSQL_DSN", "u:" + secret + "@unix(/run/mysql.sock)/db", "dsn: u:hidden@unix(/run/mysql.sock)/db"},
		{"dsn without password", "MYSQL_DSN", "u@tcp(h)/db", "dsn: u@tcp(h)/db"},
		{"nats password", "NATS_URL", "nats://u:sesame@a:1, tls://v:sesame%2C@b", "url: nats://u:hidden@a:1,tls://v:hidden@b"},
		{"nats token", "NATS_URL", "nats://sesame@a:1", "url: nats://hidden@a:1"},
		{"nats without", "NATS_URL", "nats://a:1,nats://b", "url: nats://a:1,nats://b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := load(t, "", []string{"PARLEY_" + c.variable + "=" + c.value}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(got.YAML()); strings.Contains(text, "sesame") || !strings.Contains(text, c.want+"\n") {
				t.Errorf("want %q in\n%s", c.want, text)
			}
		})
	}
	for _, c := range []Config{ // never checked, and hidden all the same
		{MySQL: MySQL{DSN: "sesame"}}, {NATS: NATS{URL: "nats://u:sesame@%"}}, {Auth: Auth{Secret: "sesame"}},
	} {
		if text := string(c.YAML()); strings.Contains(text, "sesame") {
			t.Errorf("secret in\n%s", text)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "1": 1, "1000000": 1000000, "64KiB": 65536, "4 MiB": 4 << 20, "2GiB": 2 << 30} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q is %d, %v, want %d", text, s, err, want)
		}
		var again Size
		if printed, _ := s.MarshalText(); again.UnmarshalText(printed) != nil || again != s {
			t.Errorf("%d is printed as %q", s, printed)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "-1KiB", "1.5MiB", "64kb", "64K", "1e3", "9223372036854775807KiB", "99999999999999999999"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, s)
		}
	}
}
