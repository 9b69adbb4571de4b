package outside

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"zhigui/drivers/conformance/xfs4iot"
)

// client is an XFS4IoT client that was written from the standard alone and believes nothing:
// every frame is compared with the published messages.
type client struct {
	t    *testing.T
	ws   *websocket.Conn
	next int
	// held are frames of other requests than the one that is waited for.
	held []frame
}

type frame struct {
	Header struct {
		Type, Name, Version, Status, CompletionCode, ErrorDescription string
		RequestID                                                     int
	}
	Payload json.RawMessage
}

var versionForm = regexp.MustCompile(`^[1-9][0-9]*\.([1-9][0-9]*|0)$`)

// dial connects with a token of the terminal's run folder.
func dial(t *testing.T, url, tokenFile string) *client {
	t.Helper()
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url+"?token="+strings.TrimSpace(string(token)), nil)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	ws.SetReadLimit(1 << 24)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t: t, ws: ws}
}

// send sends a command and returns its request id.
func (c *client) send(name, payload string) int {
	c.t.Helper()
	c.next++
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if payload == "" {
		payload = "{}"
	}
	text := fmt.Sprintf(`{"header":{"type":"command","name":%q,"version":"2.0","requestId":%d,"timeout":20000},"payload":%s}`, name, c.next, payload)
	if err := c.ws.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
	return c.next
}

// read takes the next frame and checks it.
func (c *client) read() frame {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	_, b, err := c.ws.Read(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	var f frame
	if err := json.Unmarshal(b, &f); err != nil {
		c.t.Fatalf("%s: %v", b, err)
	}
	h := f.Header
	if !versionForm.MatchString(h.Version) {
		c.t.Errorf("%s %s: version %q", h.Type, h.Name, h.Version)
	}
	if (h.Type == "unsolicited") != (h.RequestID == 0) {
		c.t.Errorf("%s %s: request id %d", h.Type, h.Name, h.RequestID)
	}
	if h.CompletionCode == "success" {
		c.t.Errorf("%s: success is said by leaving the code out", h.Name)
	}
	if h.Type != "acknowledge" {
		for _, p := range xfs4iot.Check(h.Type, h.Name, f.Payload) {
			c.t.Errorf("%s: %s", h.Type, p)
		}
	}
	return f
}

// until reads to the first frame of a type, for a request (0: of any).
func (c *client) until(kind string, id int) frame {
	c.t.Helper()
	for i, f := range c.held {
		if f.Header.Type == kind && (id == 0 || f.Header.RequestID == id) {
			c.held = append(c.held[:i], c.held[i+1:]...)
			return f
		}
	}
	for {
		f := c.read()
		if f.Header.Type == kind && (id == 0 || f.Header.RequestID == id) {
			return f
		}
		if f.Header.Type != "acknowledge" {
			c.held = append(c.held, f)
		}
	}
}

// do runs a command to its completion.
func (c *client) do(name, payload string) frame {
	c.t.Helper()
	id := c.send(name, payload)
	if a := c.until("acknowledge", id); a.Header.Status != "" {
		c.t.Fatalf("%s is not accepted: %s", name, a.Header.Status)
	}
	return c.until("completion", id)
}
