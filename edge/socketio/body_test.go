package socketio_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"parley/edge/socketio"
)

// A request whose body does not come to its end is over soon, whatever it asks for: it would hold a TCP connection past all limits.
func TestBodiesThatDoNotEnd(t *testing.T) {
	const pings = 45 * time.Second // a default interval and timeout, which a body that is read may take
	for _, test := range []struct {
		name, request string
		status        int
		within        time.Duration
	}{
		{"handshake", "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 400, 5 * time.Second},
		{"handshake in chunks", "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 400, 5 * time.Second},
		{"poll", "GET /socket.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 400, 5 * time.Second},
		{"no session", "POST /socket.io/?EIO=4&transport=polling&sid=nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4", 400, 5 * time.Second},
		{"POST", "POST /socket.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4", 400, pings + 5*time.Second},
		{"POST that is too large", "POST /socket.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n4", 413, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStillSite(t, socketio.Options{})
				p := s.poll()
				text := test.request
				if test.name == "poll" || test.status == 413 || test.name == "POST" {
					text = fmt.Sprintf(text, p.query())
				}
				raw := p.raw()
				defer raw.Close()
				began := time.Now()
				fmt.Fprint(raw, text)
				r := bufio.NewReader(raw)
				answer, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, answer.Body)
				if _, err := r.ReadByte(); err == nil {
					t.Error("there is more than an answer")
				}
				if took := time.Since(began); answer.StatusCode != test.status || took > test.within+time.Second { // net/http lingers for half of one
					t.Errorf("%d and the end after %v, want %d within %v", answer.StatusCode, took, test.status, test.within)
				}
			})
		})
	}
}

func TestJSONPIsRefused(t *testing.T) {
	s := newSite(t, socketio.Options{})
	if status, body, _ := s.do("GET", "EIO=3&transport=polling&j=0", "", ""); status != 400 || body != `{"code":3,"message":"Bad request"}` {
		t.Errorf("%d %s", status, body)
	}
}
