package config

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

//go:embed default.yaml
var defaultFile string

// maxFile is the largest file that is read, in bytes: far above any real one, far below what would hurt.
const maxFile = 1 << 20

// prefix begins every variable of ours.
const prefix = "PARLEY_"

// setting is what one source says of one key.
type setting struct {
	key   string
	value any    // string or []any (a list); nil for a key without a value; anything else fits no key
	kind  string // default, file, variable or flag; each may say a key once
	from  string // where in the source, for people
	about string // the comment above it in a file
}

// parse reads the settings of a YAML file called name, in their order.
func parse(name string, text []byte) ([]setting, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: not YAML: %w", name, err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it must hold one YAML document, and there is more after the first", name)
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: it must hold keys and values, such as `http: {addr: \":8080\"}`", name)
	}
	return flatten(name, "", top), nil
}

// flatten joins the keys of a mapping to those of its sections with dots. Sections are one level deep:
// what is deeper is some key's unfit value.
func flatten(name, section string, n *yaml.Node) []setting {
	var out []setting
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		s := setting{key: section + k.Value, kind: "file", from: fmt.Sprintf("%s line %d", name, k.Line), about: k.HeadComment}
		switch {
		case v.Kind == yaml.MappingNode && section == "":
			out = append(out, flatten(name, k.Value+".", v)...)
			continue
		case v.Kind == yaml.ScalarNode && v.Tag != "!!null":
			s.value = v.Value
		default:
			if err := v.Decode(&s.value); err != nil {
				s.value = err // no fit value either, and the sentence about it is the same
			}
		}
		out = append(out, s)
	}
	return out
}

// defaults are the settings of the embedded file: every key that there is, in order.
func defaults() []setting {
	out, err := parse("default.yaml", []byte(defaultFile))
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	for i := range out {
		out[i].kind, out[i].from = "default", "default"
	}
	return out
}

// fromFile reads the file that --config or PARLEY_CONFIG name, or parley.yaml if there is one.
func fromFile(fs *pflag.FlagSet, environ []string) ([]setting, error) {
	var name string
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, prefix+"CONFIG="); ok {
			name = v
		}
	}
	if fs != nil && fs.Changed("config") {
		name = fs.Lookup("config").Value.String()
	}
	named := name != ""
	if !named {
		name = "parley.yaml"
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: it is larger than %d bytes, which no file of settings needs to be", name, maxFile)
	}
	return parse(name, text)
}

// fromEnviron takes our variables out of environ. One that is no key's has its own name for a key.
func fromEnviron(known []setting, environ []string) []setting {
	keys := make(map[string]string, len(known))
	for _, s := range known {
		keys[variable(s.key)] = s.key
	}
	var out []setting
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, prefix) || name == prefix+"CONFIG" || strings.HasPrefix(name, prefix+"TEST_") {
			continue
		}
		s := setting{key: name, value: value, kind: "variable", from: "variable " + name}
		if key, ok := keys[name]; ok {
			s.key = key
		}
		out = append(out, s)
	}
	return out
}

// variable is the name of a key's environment variable.
func variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
