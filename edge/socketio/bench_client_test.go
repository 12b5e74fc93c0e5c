package socketio_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// lean is a client for benchmarks. It does no more than the protocol asks of it, and its frames are masked with zeros, which is no
// mask but counts as one.
type lean struct {
	address   string
	protocol  int // the revision of Engine.IO: 3 or 4
	namespace string

	conn net.Conn
	r    *bufio.Reader
	sid  string
	data []byte // what receive reads into
}

// How a lean may be connected.
const (
	byWebSocket  = "websocket"
	byPolling    = "polling" // and no long poll is waiting
	byWaitingGET = "polling with a waiting GET"
	byUpgrade    = "polling, then WebSocket"
)

// What Chrome sends along with each of its requests, to a page's own host.
const (
	browserHeaders = "Host: chat.example.org\r\nOrigin: http://chat.example.org\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"
	upgradeHeaders = "Cache-Control: no-cache\r\nPragma: no-cache\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	pollHeaders = "Accept: */*\r\nConnection: keep-alive\r\nReferer: http://chat.example.org/\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n" +
		"Sec-Fetch-Site: same-origin\r\nContent-Type: text/plain;charset=UTF-8\r\n"
)

// join connects, up to the answer to CONNECT, and beyond that to the end of the upgrade if there is one.
func (c *lean) join(by string) error {
	if err := c.dial(); err != nil {
		return err
	}
	err := c.joinBy(by)
	if err != nil {
		c.close()
	}
	return err
}

func (c *lean) joinBy(by string) error {
	if by == byWebSocket {
		if err := c.openWebSocket(); err != nil {
			return err
		}
		connect := "40" + strings.TrimPrefix(c.namespace+",", "/,")
		if c.protocol == 4 || c.namespace != "/" {
			if err := c.send(connect); err != nil {
				return err
			}
		}
		return c.await(connect)
	}
	if err := c.openPolling(); err != nil {
		return err
	}
	switch by {
	case byPolling:
		return c.conn.Close()
	case byUpgrade:
		return c.upgrade()
	}
	return nil
}

func (c *lean) dial() (err error) {
	if c.conn, err = net.DialTimeout("tcp", c.address, crowdLimit); err == nil {
		c.r = bufio.NewReaderSize(c.conn, 4096)
	}
	return err
}

func (c *lean) close() { c.conn.Close() }

// request sends an HTTP request.
func (c *lean) request(method, transport, headers, body string) error {
	sid := c.sid
	if sid != "" {
		sid = "&sid=" + sid
	}
	_, err := fmt.Fprintf(c.conn, "%s /socket.io/?EIO=%d&transport=%s%s HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n%s",
		method, c.protocol, transport, sid, browserHeaders, headers, len(body), body)
	return err
}

// answer reads the answer to an HTTP request, which must have a status.
func (c *lean) answer(status int) (string, error) {
	a, err := http.ReadResponse(c.r, nil)
	if err != nil || status == http.StatusSwitchingProtocols && a.StatusCode == status {
		return "", err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != status {
		err = fmt.Errorf("got %s %s, want %d", a.Status, body, status)
	}
	return string(body), err
}

// openWebSocket makes a WebSocket of the TCP connection.
func (c *lean) openWebSocket() error {
	if err := c.request("GET", "websocket", upgradeHeaders, ""); err != nil {
		return err
	}
	_, err := c.answer(http.StatusSwitchingProtocols)
	return err
}

var sidOf = regexp.MustCompile(`0\{"sid":"([^"]+)"`)

// openPolling joins the main namespace by long-polling.
func (c *lean) openPolling() error {
	terms, err := c.poll()
	if err != nil {
		return err
	}
	sid := sidOf.FindStringSubmatch(terms)
	if sid == nil {
		return fmt.Errorf("the terms are %s", terms)
	}
	c.sid = sid[1]
	if c.protocol == 3 {
		if !strings.HasSuffix(terms, "2:40") {
			return fmt.Errorf("the terms are %s", terms)
		}
		return nil
	}
	if err := c.request("POST", "polling", pollHeaders, "40"); err != nil {
		return err
	}
	if _, err := c.answer(http.StatusOK); err != nil {
		return err
	}
	welcome, err := c.poll()
	if err == nil && !strings.HasPrefix(welcome, "40") {
		err = fmt.Errorf("the answer to CONNECT is %s", welcome)
	}
	return err
}

// poll is one long poll.
func (c *lean) poll() (string, error) {
	if err := c.request("GET", "polling", pollHeaders, ""); err != nil {
		return "", err
	}
	return c.answer(http.StatusOK)
}

// upgrade moves a polling connection to a WebSocket, while a long poll is waiting as it does in the client libraries.
func (c *lean) upgrade() error {
	polling := *c
	defer polling.close()
	if err := polling.request("GET", "polling", pollHeaders, ""); err != nil {
		return err
	}
	if err := c.dial(); err != nil {
		c.conn = polling.conn
		return err
	}
	if err := c.openWebSocket(); err != nil {
		return err
	}
	if err := c.send("2probe"); err != nil {
		return err
	}
	if err := c.await("3probe"); err != nil {
		return err
	}
	if _, err := polling.answer(http.StatusOK); err != nil {
		return err
	}
	return c.send("5")
}

// send sends text frames of less than 126 bytes, all at once.
func (c *lean) send(texts ...string) error {
	var frames []byte
	for _, text := range texts {
		frames = append(frames, 0x81, 0x80|byte(len(text)), 0, 0, 0, 0)
		frames = append(frames, text...)
	}
	_, err := c.conn.Write(frames)
	return err
}

var errCloseFrame = errors.New("the server has sent a close frame")

// receive reads a frame: what it holds is good until the next.
func (c *lean) receive() (text bool, data []byte, err error) {
	var header [8]byte
	if _, err := io.ReadFull(c.r, header[:2]); err != nil {
		return false, nil, err
	}
	if header[0] == 0x88 {
		return false, nil, errCloseFrame
	}
	text = header[0] == 0x81
	size := int(header[1])
	if size == 126 {
		if _, err := io.ReadFull(c.r, header[:2]); err != nil {
			return false, nil, err
		}
		size = int(header[0])<<8 | int(header[1])
	}
	if size > cap(c.data) {
		c.data = make([]byte, size)
	}
	data = c.data[:size]
	_, err = io.ReadFull(c.r, data)
	return text, data, err
}

// await reads frames until one begins with a prefix.
func (c *lean) await(prefix string) error {
	c.conn.SetReadDeadline(time.Now().Add(crowdLimit))
	defer c.conn.SetReadDeadline(time.Time{})
	for {
		text, data, err := c.receive()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", prefix, err)
		}
		if text && strings.HasPrefix(string(data), prefix) {
			return nil
		}
	}
}
