package config

import (
	"strings"

	"github.com/spf13/pflag"
)

// short lists the flags that have a second, short name: what is typed by hand most often.
var short = [...]struct{ flag, key string }{
	{"listen", "http.addr"}, {"data", "data.dir"}, {"nats", "nats.url"}, {"mysql", "mysql.dsn"},
}

// Bind declares on fs a flag for each key, the short ones, and --config. What they say is text until [Load] reads it.
// Like pflag, it panics when fs has a flag of such a name already.
func Bind(fs *pflag.FlagSet) {
	fs.String("config", "", "a file with settings (default parley.yaml if there is one)")
	about := map[string]string{}
	for _, s := range defaults() {
		about[s.key] = usage(s.about)
		initial, _ := s.value.(string) // a list's default is none
		fs.String(s.key, initial, about[s.key])
	}
	for _, a := range short {
		fs.String(a.flag, "", "short for --"+a.key)
	}
}

// usage is the first sentence of a comment, on one line. Quotation by backticks would mean something else to pflag.
func usage(comment string) string {
	lines := strings.Split(comment, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "# ")
	}
	first, _, _ := strings.Cut(strings.Join(lines, " "), ". ")
	return strings.TrimSuffix(strings.ReplaceAll(first, "`", `"`), ".")
}

// fromFlags takes the flags that were given.
func fromFlags(fs *pflag.FlagSet, known []setting) []setting {
	if fs == nil {
		return nil
	}
	var out []setting
	given := func(flag, key string) {
		if f := fs.Lookup(flag); f != nil && f.Changed {
			out = append(out, setting{key: key, value: f.Value.String(), kind: "flag", from: "flag --" + flag})
		}
	}
	for _, s := range known {
		given(s.key, s.key)
	}
	for _, a := range short {
		given(a.flag, a.key)
	}
	return out
}
