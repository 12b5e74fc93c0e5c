package main

import (
	"reflect"
	"testing"

	"parley/config"
	"parley/edge/socketio"
)

// Each setting of a section is one option of the wire, and no two of them are the same.
func TestSocketSettingsArrive(t *testing.T) {
	set := map[string]string{} // by option
	for setting := range reflect.TypeFor[config.Socket]().Fields() {
		n := new(node)
		reflect.ValueOf(&n.Socket).Elem().FieldByIndex(setting.Index).SetInt(7)
		o := reflect.ValueOf(n.wire())
		found := ""
		for option := range reflect.TypeFor[socketio.Options]().Fields() {
			if v := o.FieldByIndex(option.Index); v.CanInt() && v.Int() != 0 {
				found += option.Name
			}
		}
		if other, twice := set[found]; found == "" || twice {
			t.Errorf("socket.%s sets %q, as does %q", setting.Name, found, other)
		}
		set[found] = setting.Name
	}
	for option := range reflect.TypeFor[socketio.Options]().Fields() {
		k := option.Type.Kind()
		if _, ok := set[option.Name]; !ok && (k == reflect.Int || k == reflect.Int64) && option.Name != "UpgradeTimeout" {
			t.Errorf("no setting sets %s", option.Name)
		}
	}
}
