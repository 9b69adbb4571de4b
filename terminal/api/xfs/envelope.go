// Package xfs is the message envelope of XFS4IoT 2024-3 (CWA 17852) as spoken between
// the pages (or any XFS4IoT client) and the native platform, with the compatibility
// rules for the points on which implementations disagree. Standard library only apart
// from drivers/api; anybody may import it.
package xfs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"zhigui/drivers/api"
)

// Type is the header's message type.
type Type string

// The message types.
const (
	TypeCommand     Type = "command"
	TypeAcknowledge Type = "acknowledge"
	TypeEvent       Type = "event"
	TypeCompletion  Type = "completion"
	TypeUnsolicited Type = "unsolicited"
)

// Header is the envelope's header (publication 2023-1 and later).
type Header struct {
	Type      Type   `json:"type"`
	Name      string `json:"name"`
	Version   string `json:"version,omitempty"`
	RequestID int64  `json:"requestId,omitempty"`
	// Timeout of a command in milliseconds; 0 waits for ever but can be canceled.
	Timeout int64 `json:"timeout,omitempty"`
	// Status of an acknowledge; empty means accepted.
	Status           string             `json:"status,omitempty"`
	CompletionCode   api.CompletionCode `json:"completionCode,omitempty"`
	ErrorDescription string             `json:"errorDescription,omitempty"`
}

// Message is one text frame.
type Message struct {
	Header  Header          `json:"header"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Acknowledge statuses that refuse a command.
const (
	StatusInvalidMessage   = "invalidMessage"
	StatusInvalidRequestID = "invalidRequestID"
	StatusTooManyRequests  = "tooManyRequests"
)

// MaxMessage is the largest frame that is read; a larger one closes the connection.
const MaxMessage = 2 << 20

// ParseError refuses a frame: the acknowledge status to answer and the cause.
type ParseError struct {
	Status    string
	RequestID int64
	Name      string
	Err       error
}

func (e *ParseError) Error() string { return fmt.Sprintf("%s: %v", e.Status, e.Err) }

// Unwrap gives the cause.
func (e *ParseError) Unwrap() error { return e.Err }

var (
	versionRE = regexp.MustCompile(`^[1-9][0-9]*\.([1-9][0-9]*|0)$`)
	nameRE    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*\.[A-Za-z][A-Za-z0-9-]*$`)
)

// rawHeader keeps the request id as text, so that 1.5, "7" and -3 can be told from 7.
type rawHeader struct {
	Type      Type            `json:"type"`
	Name      string          `json:"name"`
	Version   string          `json:"version"`
	RequestID json.RawMessage `json:"requestId"`
	Timeout   *float64        `json:"timeout"`
}

// ParseCommand reads a frame from a client. Every failure is a *ParseError that says how
// to acknowledge it. Unknown header members are tolerated: clients of newer publications
// send them.
func ParseCommand(frame []byte) (Message, error) {
	var env struct {
		Header  *rawHeader      `json:"header"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(frame, &env); err != nil {
		return Message{}, refuse(StatusInvalidMessage, 0, "", fmt.Errorf("not a JSON envelope: %w", err))
	}
	if env.Header == nil {
		return Message{}, refuse(StatusInvalidMessage, 0, "", errors.New("no header"))
	}
	h := env.Header
	var id int64
	idErr := json.Unmarshal(h.RequestID, &id)
	bad := func(status string, err error) (Message, error) {
		name := h.Name
		if !nameRE.MatchString(name) {
			name = ""
		}
		return Message{}, refuse(status, id, name, err)
	}
	if h.Type != TypeCommand {
		return bad(StatusInvalidMessage, fmt.Errorf("type %q is not a command", clip(string(h.Type))))
	}
	if !nameRE.MatchString(h.Name) {
		return bad(StatusInvalidMessage, fmt.Errorf("name %q is not Interface.Command", clip(h.Name)))
	}
	if h.Version != "" && !versionRE.MatchString(h.Version) {
		return bad(StatusInvalidMessage, fmt.Errorf("version %q", clip(h.Version)))
	}
	if len(h.RequestID) == 0 || idErr != nil || id <= 0 {
		id = 0
		return bad(StatusInvalidRequestID, errors.New("requestId must be an integer above zero"))
	}
	var timeout int64
	if h.Timeout != nil {
		if *h.Timeout < 0 || *h.Timeout > 1<<40 {
			return bad(StatusInvalidMessage, errors.New("timeout out of range"))
		}
		timeout = int64(*h.Timeout)
	}
	p := bytes.TrimSpace(env.Payload)
	if bytes.Equal(p, []byte("null")) {
		p = nil
	}
	if len(p) > 0 && p[0] != '{' {
		return bad(StatusInvalidMessage, errors.New("payload is not an object"))
	}
	return Message{
		Header:  Header{Type: TypeCommand, Name: h.Name, Version: h.Version, RequestID: id, Timeout: timeout},
		Payload: p,
	}, nil
}

func refuse(status string, id int64, name string, err error) error {
	return &ParseError{Status: status, RequestID: id, Name: name, Err: err}
}

func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// Compat switches the points on which clients disagree (measured against two client
// code bases). The zero value follows the published 2024-3 schema.
type Compat struct {
	// SuccessCode sends completionCode "success" instead of leaving it out.
	SuccessCode bool `yaml:"successCode"`
	// EventAsUnsolicited sends unsolicited events with type "event" and no request id.
	EventAsUnsolicited bool `yaml:"eventAsUnsolicited"`
	// EchoAckVersion echoes the command's version in the acknowledge instead of "2.0".
	EchoAckVersion bool `yaml:"echoAckVersion"`
}

// Acknowledge answers a command that was accepted.
func (c Compat) Acknowledge(cmd Header) Message {
	v := "2.0"
	if c.EchoAckVersion && cmd.Version != "" {
		v = cmd.Version
	}
	return Message{Header: Header{Type: TypeAcknowledge, Name: cmd.Name, Version: v, RequestID: cmd.RequestID}}
}

// Refuse answers a frame that ParseCommand or the queue refused.
func (c Compat) Refuse(e *ParseError) Message {
	return Message{Header: Header{Type: TypeAcknowledge, Name: e.Name, Version: "2.0", RequestID: e.RequestID, Status: e.Status, ErrorDescription: e.Err.Error()}}
}

// Event is an event of a running command.
func (c Compat) Event(cmd Header, ev api.Event) Message {
	return Message{Header: Header{Type: TypeEvent, Name: ev.Name, Version: Version(ev.Name), RequestID: cmd.RequestID}, Payload: ev.Payload}
}

// Unsolicited is an event of no command.
func (c Compat) Unsolicited(ev api.Event) Message {
	t := TypeUnsolicited
	if c.EventAsUnsolicited {
		t = TypeEvent
	}
	return Message{Header: Header{Type: t, Name: ev.Name, Version: Version(ev.Name)}, Payload: ev.Payload}
}

// Completion ends a command.
func (c Compat) Completion(cmd Header, done api.Completion) Message {
	code := done.Code
	if code == api.Success && c.SuccessCode {
		code = "success"
	}
	m := Message{
		Header: Header{
			Type: TypeCompletion, Name: cmd.Name, Version: Version(cmd.Name), RequestID: cmd.RequestID,
			CompletionCode: code, ErrorDescription: done.Description,
		},
		Payload: done.Payload,
	}
	if done.ErrorCode != "" {
		m.Payload = withErrorCode(done.Payload, done.ErrorCode)
	}
	return m
}

// withErrorCode adds errorCode to an object payload.
func withErrorCode(payload json.RawMessage, code string) json.RawMessage {
	fields := map[string]json.RawMessage{}
	if len(payload) > 0 {
		_ = json.Unmarshal(payload, &fields) // a payload that is no object is replaced
	}
	fields["errorCode"], _ = json.Marshal(code)
	out, err := json.Marshal(fields)
	if err != nil {
		return payload
	}
	return out
}
