package xfs4iot

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/sdk"
)

// provider is a scripted service provider: what it sends for each command, with ID for the
// request's id.
type provider struct {
	*httptest.Server
	mu     sync.Mutex
	script map[string][]string
	got    []message
	conns  []*websocket.Conn
	hook   func(command string) // before the answer; may set others
}

const (
	capabilities = `{"header":{"type":"completion","name":"Common.Capabilities","version":"3.0","requestId":ID},"payload":{"interfaces":[{"name":"cardReader","commands":{"ReadRawData":{"versions":["2.0","3.0"]}}}],"common":{"deviceInformation":[{"serialNumber":"S1","revisionNumber":"F1"}]}}}`
	status       = `{"header":{"type":"completion","name":"Common.Status","version":"3.0","requestId":ID,"completionCode":"success"},"payload":{"common":{"device":"online"},"cardReader":{"media":"notPresent"}}}`
)

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{script: map[string][]string{"Common.Capabilities": {capabilities}, "Common.Status": {status}}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(func() { p.drop(); p.Close() })
	return p
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("token") != "secret" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, ws)
	p.mu.Unlock()
	for {
		_, b, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		var m message
		_ = json.Unmarshal(b, &m)
		p.mu.Lock()
		p.got = append(p.got, m)
		hook := p.hook
		p.mu.Unlock()
		if hook != nil {
			hook(m.Header.Name)
		}
		p.mu.Lock()
		frames := p.script[m.Header.Name]
		p.mu.Unlock()
		for _, f := range frames {
			if f == "BREAK" {
				_ = ws.CloseNow()
				return
			}
			id, _ := json.Marshal(m.Header.RequestID)
			if ws.Write(context.Background(), websocket.MessageText, []byte(strings.ReplaceAll(f, "ID", string(id)))) != nil {
				return
			}
		}
	}
}

func (p *provider) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.CloseNow()
	}
}

func (p *provider) set(name string, frames ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script[name] = frames
}

// before runs f at each command, before it is answered.
func (p *provider) before(f func(command string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = f
}

// times is how often a command came.
func (p *provider) times(name string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.got {
		if m.Header.Name == name {
			n++
		}
	}
	return n
}

func (p *provider) sent(name string) *message {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.got) - 1; i >= 0; i-- {
		if p.got[i].Header.Name == name {
			return &p.got[i]
		}
	}
	return nil
}

// open opens the card model on the provider.
func open(t *testing.T, p *provider) *sdk.Engine {
	t.Helper()
	return openAs(t, p, "xfs4iotcard", t.TempDir(), nil)
}

// openAs opens any model; more overrides the profile.
func openAs(t *testing.T, p *provider, model, dir string, more map[string]any) *sdk.Engine {
	t.Helper()
	i := slices.IndexFunc(Models, func(m sdk.Model) bool { return m.Name == model })
	profile := map[string]any{"token": "secret", "againMs": 20, "graceMs": 50, "replyMs": 2000}
	maps.Copy(profile, more)
	raw, _ := json.Marshal(profile)
	e := sdk.NewEngine(Models[i], slog.New(slog.DiscardHandler), func(int) { t.Error("the driver panicked") })
	err := e.Open(t.Context(), api.Config{Device: "card", Port: "ws" + strings.TrimPrefix(p.URL, "http") + "/xfs4iot/v1.0/CardReader/", StateDir: dir, Profile: raw})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Drain(context.Background()) })
	return e
}

func do(t *testing.T, e *sdk.Engine, op, name, payload string) (api.Completion, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var events []string
	c := e.Execute(ctx, api.Command{Op: api.OpID(op), Name: name, Payload: json.RawMessage(payload)}, func(ev api.Event) { events = append(events, ev.Name) })
	return c, events
}

func TestEnvelopesOfEveryMakerAreUnderstood(t *testing.T) {
	ack := `{"header":{"type":"acknowledge","name":"CardReader.ReadRawData","version":"2.0","requestId":ID}}`
	ev := `{"header":{"type":"event","name":"CardReader.InsertCardEvent","version":"2.0","requestId":ID}}`
	end := func(rest string) string {
		return `{"header":{"type":"completion","name":"CardReader.ReadRawData","version":"3.0","requestId":ID` + rest + `}`
	}
	good := api.Completion{Outcome: api.Done, Payload: json.RawMessage(`{"track2":{"data":"MTI="}}`)}
	data := `,"payload":{"track2":{"data":"MTI="}}`
	for _, tt := range []struct {
		name   string
		frames []string
		want   api.Completion
		events []string
	}{
		{"success is left out", []string{ack, ev, end(`}` + data)}, good, []string{"CardReader.InsertCardEvent"}},
		{"success is null", []string{ack, end(`,"completionCode":null,"status":null}` + data)}, good, nil},
		{"success is said", []string{ack, end(`,"completionCode":"success"}` + data)}, good, nil},
		{"success with a capital", []string{ack, end(`,"completionCode":"Success"}` + data)}, good, nil},
		{"the acknowledge echoes the version", []string{strings.Replace(ack, `"2.0"`, `"3.0"`, 1), end(`}` + data)}, good, nil},
		{"no acknowledge at all", []string{end(`}` + data)}, good, nil},
		{"a null payload", []string{ack, end(`},"payload":null`)}, api.Completion{Outcome: api.Done}, nil},
		{"unknown header members", []string{ack, end(`,"vendor":{"x":1}}` + data)}, good, nil},
		{"garbage and foreign answers between", []string{"\x00not json", `{"header":{"type":"completion","name":"A.B","requestId":99999}}`, ack, `[]`, `{"header":{"type":"greeting","name":"A.B"}}`, end(`}` + data)}, good, nil},
		{"authorisation with s", []string{ack, end(`,"completionCode":"authorisationRequired","errorDescription":"no"}`)}, api.Completion{Outcome: api.NotStarted, Code: api.AuthorizationRequired, Description: "no"}, nil},
		{"authorization with z", []string{ack, end(`,"completionCode":"authorizationRequired"}`)}, api.Completion{Outcome: api.NotStarted, Code: api.AuthorizationRequired}, nil},
		{"an error of the class", []string{ack, end(`,"completionCode":"commandErrorCode"},"payload":{"errorCode":"invalidMedia"}`)},
			api.Completion{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: "invalidMedia", Payload: json.RawMessage(`{"errorCode":"invalidMedia"}`)}, nil},
		{"a canceled wait", []string{ack, end(`,"completionCode":"canceled"}`)}, api.Completion{Outcome: api.Canceled, Code: api.CodeCanceled}, nil},
		{"a code of tomorrow", []string{ack, end(`,"completionCode":"cardEaten"}`)}, api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: `completion code "cardEaten": `}, nil},
		{"refused at the door", []string{`{"header":{"type":"acknowledge","name":"CardReader.ReadRawData","requestId":ID,"status":"tooManyRequests"}}`},
			api.Completion{Outcome: api.NotStarted, Code: api.InvalidCommand, Description: "service provider: tooManyRequests"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.set("CardReader.ReadRawData", tt.frames...)
			c, events := do(t, open(t, p), "1", "CardReader.ReadRawData", `{"track2":true}`)
			if diff := cmp.Diff(tt.want, c); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.events, events); diff != "" {
				t.Error(diff)
			}
			if v := p.sent("CardReader.ReadRawData").Header.Version; v != "3.0" {
				t.Errorf("sent in version %s, the service provider's newest is 3.0", v)
			}
		})
	}
}

func TestEventsOutsideOfACommandReachThePlatformHoweverTheyAreMarked(t *testing.T) {
	for name, head := range map[string]string{
		"unsolicited":                   `"type":"unsolicited","name":"CardReader.MediaRemovedEvent","version":"2.0"`,
		"event without an id":           `"type":"event","name":"CardReader.MediaRemovedEvent"`,
		"event of a command that ended": `"type":"event","name":"CardReader.MediaRemovedEvent","requestId":ID`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.set("CardReader.Move", `{"header":{"type":"completion","name":"CardReader.Move","requestId":ID}}`, `{"header":{`+head+`},"payload":{}}`)
			e := open(t, p)
			before, err := e.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c, _ := do(t, e, "1", "CardReader.Move", `{"from":"transport","to":"exit"}`); c.Outcome != api.Done {
				t.Fatalf("%+v", c)
			}
			await(t, e, before, func(n api.Notice) bool { return n.Event != nil && n.Event.Name == "CardReader.MediaRemovedEvent" })
		})
	}
}

func await(t *testing.T, e *sdk.Engine, since api.Status, ok func(api.Notice) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	found := false
	_ = e.Watch(ctx, since.Epoch, since.Seq, func(n api.Notice) {
		if ok(n) {
			found = true
			cancel()
		}
	})
	if !found {
		t.Fatal("it did not come")
	}
}

func state(t *testing.T, e *sdk.Engine) (device, media string) {
	t.Helper()
	s, err := e.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Common     struct{ Device string }
		CardReader struct{ Media string }
	}
	if err := json.Unmarshal(s.Classes, &c); err != nil {
		t.Fatal(err)
	}
	return c.Common.Device, c.CardReader.Media
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestStatusFollowsTheProviderAndALostLink(t *testing.T) {
	p := newProvider(t)
	e := open(t, p)
	if d, m := state(t, e); d != "online" || m != "notPresent" {
		t.Errorf("%s %s", d, m)
	}
	if d, _ := e.Describe(t.Context()); d.Firmware != "F1" || d.SerialNum != "S1" {
		t.Errorf("%+v", d)
	}
	p.set("CardReader.Reset", `{"header":{"type":"completion","name":"CardReader.Reset","requestId":ID}}`, `{"header":{"type":"unsolicited","name":"Common.StatusChangedEvent"},"payload":{"common":{"device":null},"cardReader":{"media":"jammed"}}}`)
	do(t, e, "1", "CardReader.Reset", `{}`)
	eventually(t, "no delta", func() bool { d, m := state(t, e); return d == "online" && m == "jammed" })
	p.set("Common.Capabilities") // it comes up, but does not answer yet
	p.drop()
	eventually(t, "not offline", func() bool { d, _ := state(t, e); return d == "offline" })
	if c, _ := do(t, e, "2", "CardReader.Move", `{}`); c.Outcome != api.NotStarted || c.Code != api.DeviceNotReady {
		t.Errorf("%+v", c)
	}
	p.set("Common.Capabilities", capabilities)
	eventually(t, "not online again", func() bool { d, m := state(t, e); return d == "online" && m == "notPresent" })
}

func TestALinkLostInACommandIsIndeterminateOnlyWhereSomethingMayHaveMoved(t *testing.T) {
	for name, want := range map[string]api.Outcome{"CardReader.Move": api.Indeterminate, "CardReader.ReadRawData": api.NotStarted} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.set(name, `{"header":{"type":"acknowledge","name":"A.B","requestId":ID}}`, "BREAK")
			if c, _ := do(t, open(t, p), "1", name, `{}`); c.Outcome != want {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestCancelIsPassedOnAndASilentProviderIsNotWaitedForForEver(t *testing.T) {
	p := newProvider(t)
	p.set("CardReader.ReadRawData", `{"header":{"type":"event","name":"CardReader.InsertCardEvent","requestId":ID}}`)
	p.set("Common.Cancel", `{"header":{"type":"completion","name":"Common.Cancel","requestId":ID}}`)
	e := open(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	c := e.Execute(ctx, api.Command{Op: "1", Name: "CardReader.ReadRawData", Payload: json.RawMessage(`{}`)}, func(api.Event) { cancel() })
	if c.Outcome != api.NotStarted || c.Code != api.HardwareError {
		t.Errorf("%+v", c)
	}
	var req struct{ RequestIds []int64 }
	if m := p.sent("Common.Cancel"); m == nil || json.Unmarshal(m.Payload, &req) != nil || len(req.RequestIds) != 1 || req.RequestIds[0] != p.sent("CardReader.ReadRawData").Header.RequestID {
		t.Errorf("%+v", m)
	}
}

func TestAnErrorSaysWhatToDoAndNeverTheToken(t *testing.T) {
	p := newProvider(t)
	for port, word := range map[string]string{
		"/dev/ttyS0": "ws://", "ws://127.0.0.1:1/x/": "is it running",
		"ws" + strings.TrimPrefix(p.URL, "http") + "/": "not reached",
	} {
		e := sdk.NewEngine(Models[0], slog.New(slog.DiscardHandler), func(int) {})
		err := e.Open(t.Context(), api.Config{Device: "card", Port: port, StateDir: t.TempDir(), Profile: json.RawMessage(`{"token":"wrong-secret"}`)})
		if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s: %v", port, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{capabilities, status, `{"header":null}`, `{"header":{"type":"event","name":"A.B","requestId":-1}}`, `{"header":{"completionCode":7}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, m, err := parse(b)
		if err == nil && (m.Header.Name == "" || (k == completion || k == acknowledge) && m.Header.RequestID == 0) {
			t.Errorf("%s was read as %d %+v", b, k, m.Header)
		}
		_ = m.Header.code()
	})
}
