package domain

import (
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of events that are missing, of which one that is there is never changed, and that of refusals anew")

// samples holds one event of each name, with every field set. The golden file of each is for ever: what it says stands in logs.
var samples = []Event{
	FriendRequested{By: "ann", Greeting: json.RawMessage(`{"txt":"it is I, <Ann> & co.","nick":"安"}`)},
	FriendAccepted{By: "bob"},
	FriendRejected{By: "bob", Reply: "not <now>, 谢谢 🙏"},
	FriendRemoved{By: "ann"},
	FriendBlocked{By: "ann"},
	FriendUnblocked{By: "ann"},
	FriendErased{By: "ann"},
	GroupCreated{By: "ann", Name: "R&D 研发 🚀", Members: []UserID{"bob", "~w7bDsQ"}, Invited: []UserID{"dan"}},
	GroupInvited{By: "ann", UID: "eve"},
	GroupDeclined{UID: "eve"},
	GroupJoined{By: "ann", UID: "cat"},
	GroupLeft{UID: "ann", Owner: "bob"},
	GroupRemoved{By: "bob", UID: "cat"},
	GroupDescribed{By: "bob", Name: "R&D <2> 研发", Avatar: "https://example.org/g.png?s=64&v=2", Description: "what we\ndo & why", History: HistoryJoined},
	GroupApplied{UID: "eve", Greeting: json.RawMessage(`{"txt":"let <me> in","nick":"伊娃"}`)},
	GroupRefused{By: "bob", UID: "eve"},
	GroupRoleSet{By: "ann", UID: "bob", Role: RoleAdmin},
	GroupDissolved{By: "ann"},
	GroupErased{UID: "ann", Owner: "bob"},
	Message{From: "ann", ID: "c-1", Msg: json.RawMessage(`{"txt":"a<b && c>d \u003c 你好 👋🏽","type":"text","n":12345678901234567890.10}`), Open: true},
	MessageEdited{By: "ann", Seq: 12, Msg: json.RawMessage(`{"txt":"a<b && c>d \u003c 再见 👋🏽","n":12345678901234567890.10}`), Open: true},
	MessageRecalled{By: "bob", Seq: 12, Open: true},
	MessageReacted{By: "bob", Seq: 12, Emoji: "👋🏽", On: true, Open: true},
	ReadMarked{By: "bob", Seq: 18446744073709551615},
	Profiled{Username: "ann", Name: "Ann <3", Avatar: "https://example.org/a.png?s=64&v=2"},
	PersonErased{Done: true},
	StatusSet{Status: StatusInvisible},
}

func golden(name string) string { return filepath.Join("testdata", "events", name+".json") }

// readGolden gives the event as the golden file has it; the file's own last line end is not part of the event.
func readGolden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(golden(name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v: run go test -update for a new event", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	line, ended := strings.CutSuffix(string(b), "\n")
	if !ended {
		t.Fatalf("%s does not end its line", golden(name))
	}
	return []byte(line)
}

func addMissingGolden(t *testing.T, e Event) {
	t.Helper()
	f, err := os.OpenFile(golden(e.EventName()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEventGolden(t *testing.T) {
	for _, e := range samples {
		t.Run(e.EventName(), func(t *testing.T) {
			if *update {
				addMissingGolden(t, e)
			}
			want := readGolden(t, e.EventName())
			got, err := EncodeEvent(e)
			if err != nil || string(got) != string(want) {
				t.Errorf("encoded\n%s, %v, the golden file has\n%s", got, err, want)
			}
			if back, err := DecodeEvent(want); err != nil || !reflect.DeepEqual(back, e) {
				t.Errorf("decoded %#v, %v, want %#v", back, err, e)
			}
		})
	}
}

func TestEveryEventHasDecoderSampleAndGolden(t *testing.T) {
	var sampled, decoded, kept []string
	for _, e := range samples {
		sampled = append(sampled, e.EventName())
		for i := range reflect.ValueOf(e).NumField() {
			if reflect.ValueOf(e).Field(i).IsZero() {
				t.Errorf("the sample of %s leaves %s empty", e.EventName(), reflect.TypeOf(e).Field(i).Name)
			}
		}
	}
	for name := range decoders {
		decoded = append(decoded, name)
	}
	files, err := os.ReadDir(filepath.Dir(golden("")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		kept = append(kept, strings.TrimSuffix(f.Name(), ".json"))
	}
	for _, names := range [][]string{sampled, decoded, kept} {
		slices.Sort(names)
	}
	if !slices.Equal(sampled, decoded) || !slices.Equal(decoded, kept) {
		t.Errorf("events differ:\nsamples  %v\ndecoders %v\ngolden   %v", sampled, decoded, kept)
	}
}

// A type of event that nobody put into decoders would be written and never read.
func TestEveryEventTypeIsDecoded(t *testing.T) {
	var sampled, declared []string
	for _, e := range samples {
		sampled = append(sampled, reflect.TypeOf(e).Name())
	}
	for _, file := range parseDomain(t, token.NewFileSet(), parser.SkipObjectResolution) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "EventName" {
				declared = append(declared, f.Recv.List[0].Type.(*ast.Ident).Name)
			}
		}
	}
	slices.Sort(sampled)
	slices.Sort(declared)
	if !slices.Equal(sampled, declared) {
		t.Errorf("types with EventName: %v, samples: %v", declared, sampled)
	}
}

func TestEventLane(t *testing.T) {
	for _, e := range samples {
		want := LaneState
		switch e.EventName() {
		case "message", "message.edited", "message.recalled", "message.reacted":
			want = LaneTalk
		case "read":
			want = LaneRead
		case "status":
			want = LaneStatus
		}
		if e.Lane() != want {
			t.Errorf("%s is in the lane %s, want %s", e.EventName(), e.Lane(), want)
		}
	}
}

// Whatever is optional is left out when it is empty, and comes back empty.
func TestEventWithoutOptionalFields(t *testing.T) {
	for _, c := range []struct {
		event Event
		json  string
	}{
		{FriendRequested{By: "ann"}, `{"event":"friend.requested","by":"ann"}`},
		{FriendRejected{By: "bob"}, `{"event":"friend.rejected","by":"bob"}`},
		{GroupCreated{By: "ann", Name: "x"}, `{"event":"group.created","by":"ann","name":"x"}`},
		{GroupLeft{UID: "ann"}, `{"event":"group.left","uid":"ann"}`},
		{Message{From: "ann", ID: "1", Msg: json.RawMessage(`"hi"`)}, `{"event":"message","from":"ann","id":"1","msg":"hi"}`},
		{ReadMarked{By: "ann"}, `{"event":"read","by":"ann","seq":0}`},
		{GroupDescribed{By: "ann", Name: "x", History: HistoryAll}, `{"event":"group.described","by":"ann","name":"x","history":"all"}`},
		{GroupApplied{UID: "eve"}, `{"event":"group.applied","uid":"eve"}`},
		{Profiled{Name: "Ann"}, `{"event":"profile","name":"Ann"}`},
	} {
		t.Run(c.event.EventName(), func(t *testing.T) {
			if got, err := EncodeEvent(c.event); err != nil || string(got) != c.json {
				t.Errorf("encoded %s, %v, want %s", got, err, c.json)
			}
			if got, err := DecodeEvent([]byte(c.json)); err != nil || !reflect.DeepEqual(got, c.event) {
				t.Errorf("decoded %#v, %v, want %#v", got, err, c.event)
			}
		})
	}
}

// What a client gave as JSON travels as it is, without spaces between its parts: nothing is escaped, no number is rounded, no order lost.
func TestMessagesTravelUnescaped(t *testing.T) {
	for _, msg := range []string{
		`"<script>alert(1)</script> & 'x'"`,
		"\"line\u2028and\u2029paragraph\"",
		`"你好，世界"`,
		`"👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿"`,
		"\"e\u0301 \u202eright to left\"",
		`"\u003cb\u003e \ud83d\ude00 \u0000 \ud800"`,
		`{"txt":"<b>","z":1,"a":1e400,"a":100000000000000000000000000000000000001}`,
	} {
		b, err := EncodeEvent(Message{From: "ann", ID: "1", Msg: json.RawMessage(msg)})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(b), `"msg":`+msg+`}`) {
			t.Errorf("%s became %s", msg, b)
		}
		back, err := DecodeEvent(b)
		if err != nil || string(back.(Message).Msg) != msg {
			t.Errorf("%s came back as %v, %v", msg, back, err)
		}
	}
	b, err := EncodeEvent(Message{From: "ann", ID: "1", Msg: json.RawMessage("{ \"txt\" :\n\t\"a b\" }")})
	if want := `{"event":"message","from":"ann","id":"1","msg":{"txt":"a b"}}`; err != nil || string(b) != want {
		t.Errorf("spaces between parts: %s, %v, want %s", b, err, want)
	}
}

func TestNamesTravelUnescaped(t *testing.T) {
	const name = `<i>Ann & "Bob"</i> 安 👋`
	b, err := EncodeEvent(Profiled{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"event":"profile","name":"<i>Ann & \"Bob\"</i> 安 👋"}`; string(b) != want {
		t.Errorf("encoded %s, want %s", b, want)
	}
	for _, name := range []string{name, "line\u2028and\u2029paragraph", "e\u0301"} {
		b, err := EncodeEvent(Profiled{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeEvent(b); err != nil || back != (Profiled{Name: name}) {
			t.Errorf("%q came back as %#v, %v", name, back, err)
		}
	}
}

func TestEncodeEventRefusesWhatIsNotJSON(t *testing.T) {
	for _, msg := range []string{``, `{`, `"a" "b"`, `undefined`} {
		if b, err := EncodeEvent(Message{From: "ann", Msg: json.RawMessage(msg)}); err == nil {
			t.Errorf("msg %q became %s", msg, b)
		}
	}
}

// A later version may say more in an event: that is passed over.
func TestDecodeEventThatSaysMore(t *testing.T) {
	for _, e := range samples {
		more := strings.TrimSuffix(string(readGolden(t, e.EventName())), "}") + `,"more":{"of":["this"]}}`
		if got, err := DecodeEvent([]byte(more)); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: decoded %#v, %v, want %#v", e.EventName(), got, err, e)
		}
	}
}

func TestDecodeEventOfUnknownName(t *testing.T) {
	for _, name := range []string{"group.renamed", "", "Message", "MESSAGE", "friend", "friend.requested ", "é", strings.Repeat("x", 63)} {
		e, err := DecodeEvent([]byte(`{"event":"` + name + `","by":"ann"}`))
		var unknown *UnknownEventError
		if e != nil || !errors.As(err, &unknown) || unknown.Event != name {
			t.Errorf("%q: %v, %v, want an UnknownEventError that names it", name, e, err)
		} else if !strings.Contains(err.Error(), name) {
			t.Errorf("%q is not named in %q", name, err)
		}
	}
}

func TestDecodeEventOfWhatIsNone(t *testing.T) {
	for _, in := range []string{
		"", "{", "null", "[]", `"message"`, `{}`, `{"event"`, `{"event":"`, `{"event":"message`, `{"event":1}`,
		`{"by":"ann","event":"friend.accepted"}`,
		` {"event":"friend.accepted","by":"ann"}`,
		`{"event" :"friend.accepted","by":"ann"}`,
		`{"event":"` + strings.Repeat("x", 10_000) + `"}`,
		`{"event":"message"`,
		`{"event":"message",}`,
		`{"event":"message"}}`,
		`{"event":"message","from":1}`,
		`{"event":"read","by":"ann","seq":-1}`,
		`{"event":"read","by":"ann","seq":18446744073709551616}`,
		`{"event":"read","by":"ann","seq":"1"}`,
		`{"event":"group.created","by":"ann","members":"bob"}`,
		"{\"event\":\"friend.accepted\",\x00\"by\":\"ann\"}",
		`{"event":"message","msg":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
	} {
		e, err := DecodeEvent([]byte(in))
		var unknown *UnknownEventError
		if e != nil || err == nil || errors.As(err, &unknown) {
			t.Errorf("%.60q gives %v, %v, want an error that is not about an unknown name", in, e, err)
		}
	}
}

func TestReadMarkedUpTo(t *testing.T) {
	for _, c := range []struct{ says, at, want uint64 }{{3, 7, 3}, {7, 7, 7}, {9, 7, 7}, {1 << 63, 7, 7}, {0, 7, 0}} {
		if got := (ReadMarked{By: "a", Seq: c.says}).UpTo(c.at); got != c.want {
			t.Errorf("a mark that says %d at %d counts up to %d, want %d", c.says, c.at, got, c.want)
		}
	}
}

// An event that says no more than its name is one, too.
func TestEventWithoutMembers(t *testing.T) {
	b, err := EncodeEvent(PersonErased{})
	if err != nil || string(b) != `{"event":"person.erased"}` {
		t.Fatalf("encoded: %s, %v", b, err)
	}
	if e, err := DecodeEvent(b); err != nil || e != (PersonErased{}) {
		t.Errorf("decoded: %#v, %v", e, err)
	}
}
