package main

import (
	"reflect"
	"testing"

	"parley/edge"
	"parley/edge/socketio"
)

// Each number among the settings of a section is one option of a part's, and no two of them are the same.
func TestSettingsArrive(t *testing.T) {
	wire, chat := map[string]string{}, map[string]string{} // by option
	arrive(t, wire, func(n *node) any { return &n.Socket }, func(n *node) any { return n.wire() })
	arrive(t, chat, func(n *node) any { return &n.Chat }, func(n *node) any { return n.settings() })
	arrive(t, chat, func(n *node) any { return &n.HTTP }, func(n *node) any { return n.settings() }, "Drain")
	allSet(t, wire, reflect.TypeFor[socketio.Options](), "UpgradeTimeout")
	allSet(t, chat, reflect.TypeFor[edge.Settings](), "Beat", "Sweep", "LiveWait", "Linger", "Resume")
}

func arrive(t *testing.T, set map[string]string, section, options func(*node) any, others ...string) {
	t.Helper()
	for setting := range reflect.TypeOf(section(new(node))).Elem().Fields() {
		n := new(node)
		value := reflect.ValueOf(section(n)).Elem().FieldByIndex(setting.Index)
		if !value.CanInt() || len(others) > 0 && setting.Name == others[0] {
			continue
		}
		value.SetInt(7)
		o, found := reflect.ValueOf(options(n)), ""
		for option := range o.Type().Fields() {
			if v := o.FieldByIndex(option.Index); v.CanInt() && v.Int() != 0 {
				found += option.Name
			}
		}
		if other, twice := set[found]; found == "" || twice {
			t.Errorf("the setting %s sets %q, as does %q", setting.Name, found, other)
		}
		set[found] = setting.Name
	}
}

// allSet fails where an option that is a number is set by no setting, but for some that nobody has a reason to change.
func allSet(t *testing.T, set map[string]string, options reflect.Type, but ...string) {
	t.Helper()
	for _, name := range but {
		set[name] = "nobody"
	}
	for option := range options.Fields() {
		if k := option.Type.Kind(); (k == reflect.Int || k == reflect.Int64) && set[option.Name] == "" {
			t.Errorf("no setting sets %s", option.Name)
		}
	}
}
