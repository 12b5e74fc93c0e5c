package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// maxFaults is how many faults are reported one by one; there are fewer keys, so more is not a file of settings.
const maxFaults = 100

// Load reads the settings from their sources, the later over the earlier: the defaults, a file, the variables in environ
// (in the form of [os.Environ]), the flags of fs that were given. fs must have seen [Bind] and have parsed its arguments;
// it may be nil. Without a file named by a flag or a variable, parley.yaml in the working directory is read if it is there.
//
// The error, if any, holds the faults of all sources, a line for each: the key, where its value is from, what is
// wrong and what would be right. Secrets are not quoted in it. The Config is valid only without an error.
func Load(fs *pflag.FlagSet, environ []string) (Config, error) {
	known := defaults()
	m := merge{known: known, latest: map[string]setting{}, unfit: map[string]bool{}}
	file, err := fromFile(fs, environ)
	if err != nil {
		m.say("%w", err)
	}
	for _, s := range slices.Concat(known, file, fromEnviron(known, environ), fromFlags(fs, known)) {
		m.add(s)
	}
	c := m.decode()
	told := map[string]bool{} // the first sentence about a key is enough
	for _, r := range rules {
		if !told[r.key] && (m.unfit[r.key] || !r.ok(c)) {
			told[r.key] = true
			m.fault(r)
		}
	}
	if m.more > 0 {
		m.faults = append(m.faults, fmt.Errorf("and %d more", m.more))
	}
	return c, errors.Join(m.faults...)
}

// merge is what the sources have said so far, and what was wrong with it.
type merge struct {
	known  []setting
	latest map[string]setting
	unfit  map[string]bool // keys whose value is not of their type
	faults []error
	more   int // faults beyond maxFaults
}

// add puts a setting over the earlier ones, or finds fault with its key.
func (m *merge) add(s setting) {
	switch before := m.latest[s.key]; {
	case slices.ContainsFunc(m.known, func(k setting) bool { return strings.HasPrefix(k.key, s.key+".") }):
		if s.value != nil { // a section whose keys are all commented out says nothing, and is common
			m.say("%s (%s): it is a section: write its keys below it, indented", s.key, s.from)
		}
	case !slices.ContainsFunc(m.known, func(k setting) bool { return k.key == s.key }):
		m.unknown(s)
	case before.kind == s.kind:
		m.say("%s (%s): it is given twice, also by %s: keep one of them", s.key, s.from, before.from)
	default:
		m.latest[s.key] = s
	}
}

// decode has viper make the Config, and notes the keys whose values are not of their type.
func (m *merge) decode() (c Config) {
	v := viper.New()
	for key, s := range m.latest {
		switch s.value.(type) {
		case string, []any:
			v.Set(key, s.value)
		default:
			m.unfit[key] = true
		}
	}
	m.note(v.Unmarshal(&c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		split, mapstructure.TextUnmarshallerHookFunc(), mapstructure.StringToTimeDurationHookFunc()))))
	return c
}

// split makes a list of a text with commas, wherever a list is wanted.
func split(from, to reflect.Type, value any) (any, error) {
	text, ok := value.(string)
	if !ok || to.Kind() != reflect.Slice {
		return value, nil
	}
	if strings.TrimSpace(text) == "" {
		return []string{}, nil
	}
	list := strings.Split(text, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list, nil
}

// note takes the keys out of a decoding error, which names them after the fields: HTTP.Proxies[0].
func (m *merge) note(err error) {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range all.Unwrap() {
			m.note(e)
		}
		return
	}
	var d *mapstructure.DecodeError
	if errors.As(err, &d) {
		key, _, _ := strings.Cut(strings.ToLower(d.Name()), "[")
		if _, ok := m.latest[key]; ok {
			m.unfit[key] = true
			return
		}
	}
	if err != nil {
		m.say("%w", err)
	}
}

// fault says that the value of a rule's key is wrong, and what would be right.
func (m *merge) fault(r rule) {
	s, value := m.latest[r.key], ""
	switch s.value.(type) {
	case nil:
		value = " has no value"
	case string, []any:
		if !r.secret {
			value = fmt.Sprintf(" is %q", clip(fmt.Sprint(s.value)))
		}
	}
	m.say("%s%s (%s): it must be %s", r.key, value, s.from, r.right)
}

// say adds a fault.
func (m *merge) say(format string, args ...any) {
	if len(m.faults) == maxFaults {
		m.more++
		return
	}
	m.faults = append(m.faults, fmt.Errorf(format, args...))
}

// unknown says that there is no such key, or variable, and names the one that is at most two letters away.
func (m *merge) unknown(s setting) {
	what, name := fmt.Sprintf("%q (%s): there is no such key", clip(s.key), s.from), func(key string) string { return key }
	if s.kind == "variable" {
		what, name = fmt.Sprintf("%q: there is no such variable", clip(s.key)), variable
	}
	for _, k := range m.known {
		if near := name(k.key); len(m.faults) < maxFaults && distance(strings.ToLower(s.key), strings.ToLower(near)) <= 2 {
			what += "; did you mean " + near + "?"
			break
		}
	}
	m.say("%s", what)
}

// distance is the least number of bytes to insert, remove or replace that make a of b (Levenshtein).
func distance(a, b string) int {
	if max(len(a)-len(b), len(b)-len(a)) > 2 {
		return 3 // too far in any case, and a may be very long
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			swap := diagonal
			if a[i] != b[j] {
				swap++
			}
			diagonal = row[j+1]
			row[j+1] = min(swap, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// clip shortens what a stranger wrote for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
