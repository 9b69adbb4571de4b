package xfs

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
)

func TestParseCommandRefusesWithTheRightStatus(t *testing.T) {
	for _, c := range []struct{ name, frame, status string }{
		{"garbage is an invalid message", `}{`, StatusInvalidMessage},
		{"an empty object has no header", `{}`, StatusInvalidMessage},
		{"a completion is no command", `{"header":{"type":"completion","name":"A.B","requestId":1}}`, StatusInvalidMessage},
		{"a name needs an interface", `{"header":{"type":"command","name":"Status","requestId":1}}`, StatusInvalidMessage},
		{"request id zero", `{"header":{"type":"command","name":"A.B","requestId":0}}`, StatusInvalidRequestID},
		{"request id missing", `{"header":{"type":"command","name":"A.B"}}`, StatusInvalidRequestID},
		{"request id as text", `{"header":{"type":"command","name":"A.B","requestId":"7"}}`, StatusInvalidRequestID},
		{"request id with a fraction", `{"header":{"type":"command","name":"A.B","requestId":1.5}}`, StatusInvalidRequestID},
		{"payload must be an object", `{"header":{"type":"command","name":"A.B","requestId":1},"payload":[1]}`, StatusInvalidMessage},
		{"negative timeout", `{"header":{"type":"command","name":"A.B","requestId":1,"timeout":-1}}`, StatusInvalidMessage},
		{"bad version", `{"header":{"type":"command","name":"A.B","requestId":1,"version":"x"}}`, StatusInvalidMessage},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseCommand([]byte(c.frame))
			var pe *ParseError
			if !errors.As(err, &pe) {
				t.Fatalf("got %v", err)
			}
			if pe.Status != c.status {
				t.Errorf("status %q, want %q", pe.Status, c.status)
			}
		})
	}
}

func TestParseCommandTakesAWholeCommand(t *testing.T) {
	m, err := ParseCommand([]byte(`{"header":{"type":"command","name":"Common.Status","version":"2.0","requestId":200,"timeout":3000,"future":true},"payload":null}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Message{Header: Header{Type: TypeCommand, Name: "Common.Status", Version: "2.0", RequestID: 200, Timeout: 3000}}
	if d := cmp.Diff(want, m); d != "" {
		t.Error(d)
	}
}

func TestCompatibilitySwitchesChangeTheWire(t *testing.T) {
	h := Header{Type: TypeCommand, Name: "Common.Status", Version: "3.0", RequestID: 5}
	ev := api.Event{Name: "CardReader.MediaRemovedEvent"}
	text := func(m Message) string { b, _ := json.Marshal(m); return string(b) }
	for _, c := range []struct{ name, got, want string }{
		{"success is left out by the schema", text(Compat{}.Completion(h, api.Completion{})), `{"header":{"type":"completion","name":"Common.Status","version":"3.0","requestId":5}}`},
		{"success is said to those who want it", text(Compat{SuccessCode: true}.Completion(h, api.Completion{})), `{"header":{"type":"completion","name":"Common.Status","version":"3.0","requestId":5,"completionCode":"success"}}`},
		{"unsolicited", text(Compat{}.Unsolicited(ev)), `{"header":{"type":"unsolicited","name":"CardReader.MediaRemovedEvent","version":"2.0"}}`},
		{"unsolicited as event", text(Compat{EventAsUnsolicited: true}.Unsolicited(ev)), `{"header":{"type":"event","name":"CardReader.MediaRemovedEvent","version":"2.0"}}`},
		{"acknowledge is 2.0", text(Compat{}.Acknowledge(h)), `{"header":{"type":"acknowledge","name":"Common.Status","version":"2.0","requestId":5}}`},
		{"error code joins the payload", text(Compat{}.Completion(h, api.Completion{Code: api.CommandErrorCode, ErrorCode: "noMedia", Payload: []byte(`{"a":1}`)})),
			`{"header":{"type":"completion","name":"Common.Status","version":"3.0","requestId":5,"completionCode":"commandErrorCode"},"payload":{"a":1,"errorCode":"noMedia"}}`},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, c.got, c.want)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add([]byte(`{"header":{"type":"command","name":"Common.Status","version":"2.0","requestId":200,"timeout":3000},"payload":{}}`))
	f.Add([]byte(`{"header":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseCommand(b)
		if err == nil && (m.Header.RequestID <= 0 || m.Header.Name == "") {
			t.Errorf("accepted %q as %+v", b, m)
		}
		var pe *ParseError
		if err != nil && !errors.As(err, &pe) {
			t.Errorf("untyped error %v", err)
		}
	})
}
