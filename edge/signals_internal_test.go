package edge

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What this version says of what others have said before is the same to the letter: they understand it.
func TestSignalsAreWrittenAsEver(t *testing.T) {
	f, err := os.Open("testdata/signals.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := bufio.NewScanner(f)
	for all.Scan() {
		subject, line, _ := strings.Cut(all.Text(), " ")
		var v any = &signal{}
		if subject == typingSubject {
			v = &keystroke{}
		}
		if err := json.Unmarshal([]byte(line), v); err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(v); err != nil || string(b) != line {
			t.Errorf("written\n%s, %v, formerly\n%s", b, err, line)
		}
	}
}
