package socketio

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// most is what the tests' packets may hold.
var most = limits{depth: 64, attachments: 10}

func TestParsePacket(t *testing.T) {
	deep := strings.Repeat("[", most.depth) + strings.Repeat("]", most.depth)
	for _, test := range []struct {
		text string
		want packet
		err  error
	}{
		{`0`, packet{kind: '0', namespace: "/"}, nil},
		{`0{"a":1}`, packet{kind: '0', namespace: "/", data: []byte(`{"a":1}`)}, nil},
		{`0/admin`, packet{kind: '0', namespace: "/admin"}, nil},
		{`0/admin,`, packet{kind: '0', namespace: "/admin"}, nil},
		{`0/admin,{}`, packet{kind: '0', namespace: "/admin", data: []byte(`{}`)}, nil},
		{`1`, packet{kind: '1', namespace: "/"}, nil},
		{`1/admin,`, packet{kind: '1', namespace: "/admin"}, nil},
		{`2["a"]`, packet{kind: '2', namespace: "/", data: []byte(`["a"]`)}, nil},
		{`20["a"]`, packet{kind: '2', namespace: "/", id: 0, hasID: true, data: []byte(`["a"]`)}, nil},
		{`2/x,12["a"]`, packet{kind: '2', namespace: "/x", id: 12, hasID: true, data: []byte(`["a"]`)}, nil},
		{`29999999999999999["a"]`, packet{kind: '2', namespace: "/", id: 9999999999999999, hasID: true, data: []byte(`["a"]`)}, nil},
		{`33[]`, packet{kind: '3', namespace: "/", id: 3, hasID: true, data: []byte(`[]`)}, nil},
		{`2 ["a"] `, packet{kind: '2', namespace: "/", data: []byte(`["a"]`)}, nil},
		{`2` + deep, packet{kind: '2', namespace: "/", data: []byte(deep)}, nil},
		{`4{"message":"x"}`, packet{kind: '4', namespace: "/", data: []byte(`{"message":"x"}`)}, nil},
		{`0/` + strings.Repeat("n", maxNamespace-1), packet{kind: '0', namespace: "/" + strings.Repeat("n", maxNamespace-1)}, nil},

		{``, packet{}, errKind},
		{`7`, packet{}, errKind},
		{`x`, packet{}, errKind},
		{`51-["a",{"_placeholder":true,"num":0}]`, packet{kind: '2', namespace: "/", due: 1, data: []byte(`["a",{"_placeholder":true,"num":0}]`)}, nil},
		{`610-/x,7[]`, packet{kind: '3', namespace: "/x", id: 7, hasID: true, due: 10, data: []byte(`[]`)}, nil},
		{`50-["a"]`, packet{kind: '2', namespace: "/", data: []byte(`["a"]`)}, nil},
		{`0/x?a=b,`, packet{kind: '0', namespace: "/x", query: "a=b"}, nil},
		{`0/` + strings.Repeat("n", maxNamespace-1) + "?" + strings.Repeat("q", maxQuery), packet{kind: '0', namespace: "/" + strings.Repeat("n", maxNamespace-1), query: strings.Repeat("q", maxQuery)}, nil},
		{`2/x?a=b,["a"]`, packet{kind: '2', namespace: "/x?a=b", data: []byte(`["a"]`)}, nil},

		{`0/x?` + strings.Repeat("q", maxQuery+1), packet{}, errNamespace},
		{`511-["a"]`, packet{}, errAttachments},
		{`5-["a"]`, packet{}, errAttachments},
		{`5["a"]`, packet{}, errAttachments},
		{`51["a"]`, packet{}, errAttachments},
		{`5-1-["a"]`, packet{}, errAttachments},
		{`5+1-["a"]`, packet{}, errAttachments},
		{`51.0-["a"]`, packet{}, errAttachments},
		{`5000000001-["a"]`, packet{}, errAttachments},
		{`518446744073709551617-["a"]`, packet{}, errAttachments},
		{`51-`, packet{}, errPayload},
		{`61-[]`, packet{}, errPayload},
		{`0[]`, packet{}, errPayload},
		{`0"x"`, packet{}, errPayload},
		{`0null`, packet{}, errPayload},
		{`1{}`, packet{}, errPayload},
		{`2`, packet{}, errPayload},
		{`2{}`, packet{}, errPayload},
		{`23`, packet{}, errPayload},
		{`3[]`, packet{}, errPayload},
		{`31{}`, packet{}, errPayload},
		{`2["a"`, packet{}, errJSON},
		{`2["a"]x`, packet{}, errJSON},
		{`2[a]`, packet{}, errJSON},
		{`2["a",]`, packet{}, errJSON},
		{`2]["a"`, packet{}, errJSON},
		{`2["\"]`, packet{}, errJSON},
		{"2[\"\xff\"]", packet{}, errUTF8},
		{"0/\xff", packet{}, errUTF8},
		{`2[` + deep + `]`, packet{}, errDepth},
		{`2` + strings.Repeat(`{"a":`, most.depth+1), packet{}, errDepth},
		{`299999999999999990["a"]`, packet{}, errID},
		{`2` + strings.Repeat("0", maxIDDigits+1) + `["a"]`, packet{}, errID},
		{`0/` + strings.Repeat("n", maxNamespace), packet{}, errNamespace},
	} {
		got, err := parsePacket([]byte(test.text), most)
		if !errors.Is(err, test.err) {
			t.Errorf("%.60q: error %v, want %v", test.text, err, test.err)
			continue
		}
		if err == nil && (got.kind != test.want.kind || got.namespace != test.want.namespace || got.id != test.want.id ||
			got.hasID != test.want.hasID || got.due != test.want.due || got.query != test.want.query || string(got.data) != string(test.want.data)) {
			t.Errorf("%.60q: got %+v, want %+v", test.text, got, test.want)
		}
	}
}

func TestParseEvent(t *testing.T) {
	for _, test := range []struct {
		data, name string
		args       []string
		err        error
	}{
		{`["a"]`, "a", nil, nil},
		{`[""]`, "", nil, nil},
		{`[ "a" , 1 , "x,]\"[" , {"k":[1,{"l":","}]} , null , [] ]`, "a", []string{`1`, `"x,]\"["`, `{"k":[1,{"l":","}]}`, `null`, `[]`}, nil},
		{`["\u0061\\",true]`, `a\`, []string{`true`}, nil},
		{`["ü\u00fc😀","\\"]`, "üü😀", []string{`"\\"`}, nil},
		{`[7,"x"]`, "7", []string{`"x"`}, nil},
		{`[-7.5]`, "-7.5", nil, nil},
		{`[]`, "", nil, errPayload},
		{`[ ]`, "", nil, errPayload},
		{`[null]`, "", nil, errPayload},
		{`[true]`, "", nil, errPayload},
		{`[["a"]]`, "", nil, errPayload},
		{`[{"a":1}]`, "", nil, errPayload},
		{`["connect"]`, "", nil, errReserved},
		{`["connect_error"]`, "", nil, errReserved},
		{`["disconnect"]`, "", nil, errReserved},
		{`["disconnecting",1]`, "", nil, errReserved},
		{`["newListener"]`, "", nil, errReserved},
		{`["removeListener"]`, "", nil, errReserved},
		{`["a"` + strings.Repeat(",0", maxArguments) + `]`, "", nil, errArguments},
	} {
		name, args, err := parseEvent([]byte(test.data))
		if err != test.err {
			t.Errorf("%.40q: error %v, want %v", test.data, err, test.err)
			continue
		}
		if err != nil {
			continue
		}
		if name != test.name || len(args) != len(test.args) {
			t.Errorf("%q: got %q with %d arguments, want %q with %d", test.data, name, len(args), test.name, len(test.args))
			continue
		}
		for i := range args {
			if string(args[i]) != test.args[i] {
				t.Errorf("%q: argument %d is %s, want %s", test.data, i, args[i], test.args[i])
			}
		}
	}
}

func TestEncodePacket(t *testing.T) {
	for _, test := range []struct {
		kind      byte
		namespace string
		id        int64
		value     any
		want      string
	}{
		{kindEvent, "/", noID, []any{"a", "<b>&", nil, 1.5, map[string]int{"k": 1}}, `42["a","<b>&",null,1.5,{"k":1}]`},
		{kindEvent, "/x", 0, []any{"a"}, `42/x,0["a"]`},
		{kindAck, "/", 12, []any{}, `4312[]`},
		{kindDisconnect, "/", noID, nil, `41`},
		{kindDisconnect, "/x", noID, nil, `41/x,`},
	} {
		u, err := encodePacket(test.kind, test.namespace, test.id, test.value)
		if err != nil {
			t.Errorf("%s: %v", test.want, err)
			continue
		}
		if _, got, rest := u.cut(); string(got) != test.want || len(rest) > 0 {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	for _, value := range []any{math.NaN(), func() {}, json.RawMessage("{"), json.RawMessage("\"\xff\"")} {
		if _, err := encodePacket(kindEvent, "/", noID, []any{"a", value}); err == nil {
			t.Errorf("%T encodes", value)
		}
	}
}

func FuzzPacket(f *testing.F) {
	for _, seed := range []string{
		"", "0", `0{"token":"t"}`, "0/admin,", `2["a",{"b":[1,2,"\""]}]`, `2/n,17["a"]`, `30["x"]`, `4{"message":"m"}`,
		`51-["a",{"_placeholder":true,"num":0}]`, `2[["a"]`, "2[\"\xff\"]", `2[7]`, `2["connect"]`, ` 2["a"]`, `2 [ "a" , "\\" ]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePacket(text, most)
		if err != nil {
			return
		}
		if !utf8.Valid(text) || len(p.namespace) > maxNamespace || p.data != nil && !json.Valid(p.data) {
			t.Fatalf("%q passed as %+v", text, p)
		}
		if p.kind != kindEvent && p.kind != kindAck {
			return
		}
		elements, err := splitArray(p.data)
		if err != nil {
			return
		}
		var want []json.RawMessage
		if err := json.Unmarshal(p.data, &want); err != nil || len(want) != len(elements) {
			t.Fatalf("%q: split into %d, want %d (%v)", p.data, len(elements), len(want), err)
		}
		for i := range want {
			if strings.TrimSpace(string(want[i])) != string(elements[i]) {
				t.Fatalf("%q: element %d is %q, want %q", p.data, i, elements[i], want[i])
			}
		}
		// What was parsed is what would be sent.
		id := int64(noID)
		if p.hasID {
			id = int64(p.id)
		}
		u, err := encodePacket(p.kind, p.namespace, id, elements)
		if len(elements) == 0 {
			return
		}
		if err != nil {
			t.Fatalf("%q does not encode: %v", p.data, err)
		}
		_, sent, _ := u.cut()
		again, err := parsePacket(sent[1:], most)
		if err != nil || again.kind != p.kind || again.namespace != p.namespace || again.id != p.id || again.hasID != p.hasID {
			t.Fatalf("%q became %q (%v, id %s)", text, sent, err, strconv.FormatUint(again.id, 10))
		}
	})
}
