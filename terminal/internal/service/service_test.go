package service

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"zhigui/drivers/api"
	"zhigui/terminal/api/xfs"
)

// rig serves one service "dev" with a command that waits and one that answers.
type rig struct {
	t       *testing.T
	server  *Server
	addr    string
	started chan struct{}
	release chan struct{}
}

func serve(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t, started: make(chan struct{}, 10), release: make(chan struct{})}
	cfg.Tokens = map[string]Role{"secret": RoleFlow}
	cfg.Origins = []string{"http://page"}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	r.server = New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	r.server.Register(&Service{Name: "dev", Commands: map[string]Command{
		"Dev.Wait": {Handle: func(ctx context.Context, c *Call) api.Completion {
			c.Emit(api.Event{Name: "Dev.StartedEvent"})
			r.started <- struct{}{}
			select {
			case <-r.release:
				return Done(map[string]string{"by": "release"})
			case <-ctx.Done():
				if ctx.Err() == context.DeadlineExceeded {
					return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut}
				}
				return api.Completion{Outcome: api.Canceled, Code: api.CodeCanceled}
			}
		}},
		"Dev.Panic": {Handle: func(context.Context, *Call) api.Completion { panic("boom") }},
		"Dev.Quick": {Async: true, Handle: func(context.Context, *Call) api.Completion { return Done(map[string]int{"n": 1}) }},
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = r.server.ServeListener(ctx, l); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func (r *rig) dial(path, origin string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+path, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
	return c, err
}

type client struct {
	t *testing.T
	c *websocket.Conn
}

func (r *rig) client() client {
	r.t.Helper()
	c, err := r.dial("/xfs4iot/v1.0/dev/?token=secret", "http://page")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.CloseNow() })
	return client{r.t, c}
}

func (c client) send(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) command(name string, id int, extra string) {
	c.t.Helper()
	b, _ := json.Marshal(id)
	c.send(`{"header":{"type":"command","name":"` + name + `","requestId":` + string(b) + extra + `}}`)
}

func (c client) next() xfs.Message {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, b, err := c.c.Read(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	var m xfs.Message
	if err := json.Unmarshal(b, &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// expect reads messages of these types in this order and returns the last.
func (c client) expect(types ...xfs.Type) xfs.Message {
	c.t.Helper()
	var m xfs.Message
	for _, want := range types {
		if m = c.next(); m.Header.Type != want {
			c.t.Fatalf("got %s %s %s, want %s", m.Header.Type, m.Header.Name, m.Header.CompletionCode, want)
		}
	}
	return m
}

// req: T-04
func TestOnlyAPageWithTheTokenFromAnAllowedOriginGetsIn(t *testing.T) {
	r := serve(t, Config{})
	for _, c := range []struct {
		name, path, origin string
		ok                 bool
	}{
		{"token and origin", "/xfs4iot/v1.0/dev/?token=secret", "http://page", true},
		{"without the trailing slash", "/xfs4iot/v1.0/dev?token=secret", "http://page", true},
		{"wrong token", "/xfs4iot/v1.0/dev/?token=guess", "http://page", false},
		{"no token", "/xfs4iot/v1.0/dev/", "http://page", false},
		{"another site", "/xfs4iot/v1.0/dev/?token=secret", "http://evil", false},
		{"no such service", "/xfs4iot/v1.0/none/?token=secret", "http://page", false},
	} {
		conn, err := r.dial(c.path, c.origin)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if conn != nil {
			conn.CloseNow()
		}
	}
}

func TestEventsComeBetweenAcknowledgeAndCompletion(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	c.command("Dev.Wait", 1, "")
	c.expect(xfs.TypeAcknowledge, xfs.TypeEvent)
	close(r.release)
	if m := c.expect(xfs.TypeCompletion); m.Header.RequestID != 1 || string(m.Payload) != `{"by":"release"}` {
		t.Errorf("%+v %s", m.Header, m.Payload)
	}
}

func TestCommandsQueueAndStatusDoesNot(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	c.command("Dev.Wait", 1, "")
	c.expect(xfs.TypeAcknowledge, xfs.TypeEvent)
	c.command("Dev.Wait", 2, "")
	c.expect(xfs.TypeAcknowledge)
	c.command("Dev.Quick", 3, "")
	if m := c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion); m.Header.RequestID != 3 {
		t.Errorf("the queue held %d up", m.Header.RequestID)
	}
	r.release <- struct{}{}
	if m := c.expect(xfs.TypeCompletion); m.Header.RequestID != 1 {
		t.Errorf("%d completed first", m.Header.RequestID)
	}
}

func TestCancelCompletesBeforeWhatItCancels(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	c.command("Dev.Wait", 1, "")
	c.expect(xfs.TypeAcknowledge, xfs.TypeEvent)
	c.command("Common.Cancel", 2, "")
	if m := c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion); m.Header.RequestID != 2 {
		t.Errorf("first completion is %d", m.Header.RequestID)
	}
	if m := c.expect(xfs.TypeCompletion); m.Header.RequestID != 1 || m.Header.CompletionCode != api.CodeCanceled {
		t.Errorf("%+v", m.Header)
	}
	c.command("Common.Cancel", 3, "")
	if m := c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion); string(m.Payload) != `{"errorCode":"noMatchingRequestIDs"}` {
		t.Errorf("%+v %s", m.Header, m.Payload)
	}
}

func TestTimeOutCountsFromReceipt(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	c.command("Dev.Wait", 1, `,"timeout":50`)
	if m := c.expect(xfs.TypeAcknowledge, xfs.TypeEvent, xfs.TypeCompletion); m.Header.CompletionCode != api.CodeTimeOut {
		t.Errorf("%+v", m.Header)
	}
}

func TestRequestIDsInUseAndTooManyAreRefused(t *testing.T) {
	r := serve(t, Config{MaxRequests: 2})
	c := r.client()
	c.command("Dev.Wait", 1, "")
	c.expect(xfs.TypeAcknowledge, xfs.TypeEvent)
	c.command("Dev.Wait", 1, "")
	if m := c.expect(xfs.TypeAcknowledge); m.Header.Status != xfs.StatusInvalidRequestID {
		t.Errorf("%+v", m.Header)
	}
	c.command("Dev.Wait", 2, "")
	c.expect(xfs.TypeAcknowledge)
	c.command("Dev.Wait", 3, "")
	if m := c.expect(xfs.TypeAcknowledge); m.Header.Status != xfs.StatusTooManyRequests {
		t.Errorf("%+v", m.Header)
	}
}

func TestAPanicInAHandlerIsAnInternalErrorAndNothingMore(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	c.command("Dev.Panic", 1, "")
	if m := c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion); m.Header.CompletionCode != api.InternalError {
		t.Errorf("%+v", m.Header)
	}
	c.command("Dev.Quick", 2, "")
	c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion)
}

func TestGarbageIsAnsweredCountedAndSurvived(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	rng := rand.New(rand.NewSource(1))
	for range 200 {
		b := make([]byte, 1+rng.Intn(200))
		for i := range b {
			b[i] = byte(32 + rng.Intn(95))
		}
		c.send(string(b))
		if m := c.expect(xfs.TypeAcknowledge); m.Header.Status != xfs.StatusInvalidMessage {
			t.Fatalf("%+v", m.Header)
		}
	}
	if n := r.server.Stats.Invalid.Load(); n != 200 {
		t.Errorf("counted %d", n)
	}
	c.command("Dev.Quick", 1, "")
	c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion)
}

func TestUnknownCommandsAreUnsupported(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	c.command("Dev.Fly", 1, "")
	if m := c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion); m.Header.CompletionCode != api.UnsupportedCommand {
		t.Errorf("%+v", m.Header)
	}
}

func TestThePublisherListsTheServices(t *testing.T) {
	r := serve(t, Config{Addr: "127.0.0.1:5846", Vendor: "ZhiGui"})
	conn, err := r.dial("/xfs4iot/v1.0?token=secret", "http://page")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	c := client{t, conn}
	c.command("ServicePublisher.GetServices", 1, "")
	m := c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion)
	if want := `{"services":[{"serviceURI":"ws://127.0.0.1:5846/xfs4iot/v1.0/dev/"}],"vendorName":"ZhiGui"}`; string(m.Payload) != want {
		t.Errorf("%s", m.Payload)
	}
}

func TestBroadcastReachesEveryClientOfTheService(t *testing.T) {
	r := serve(t, Config{})
	a, b := r.client(), r.client()
	for _, c := range []client{a, b} { // both are in the list once they have been answered
		c.command("Dev.Quick", 1, "")
		c.expect(xfs.TypeAcknowledge, xfs.TypeCompletion)
	}
	r.server.Broadcast("dev", api.Event{Name: "Dev.SomethingEvent"})
	for _, c := range []client{a, b} {
		if m := c.expect(xfs.TypeUnsolicited); m.Header.Name != "Dev.SomethingEvent" {
			t.Errorf("%+v", m.Header)
		}
	}
}
