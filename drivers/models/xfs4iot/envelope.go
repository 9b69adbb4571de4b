package xfs4iot

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// header is the envelope's header as makers send it. The points on which they disagree:
//
//   - success is a completion code that is absent, null, empty or "success" (2021-1)
//   - an unsolicited event has type "unsolicited", or "event" without a request id
//   - the version of an acknowledge is "2.0" or the command's
//   - authorizationRequired is spelt with s or z
//   - events of a command may come after its completion, as CardReader.MediaRemovedEvent does
type header struct {
	Type             string  `json:"type"`
	Name             string  `json:"name"`
	Version          string  `json:"version,omitempty"`
	RequestID        int64   `json:"requestId,omitempty"`
	Timeout          int64   `json:"timeout,omitempty"`
	Status           string  `json:"status,omitempty"`
	CompletionCode   *string `json:"completionCode,omitempty"`
	ErrorDescription string  `json:"errorDescription,omitempty"`
}

type message struct {
	Header  header          `json:"header"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// The kinds of message, with what senders mean and not what they write.
type kind int

const (
	acknowledge kind = iota
	completion
	event       // of a command
	unsolicited // of none
)

// parse reads a frame. What is no message of a service provider is an error; the link goes on.
func parse(frame []byte) (kind, message, error) {
	var m message
	if err := json.Unmarshal(frame, &m); err != nil {
		return 0, m, fmt.Errorf("frame is no envelope: %w", err)
	}
	if string(m.Payload) == "null" {
		m.Payload = nil
	}
	h := &m.Header
	switch {
	case h.Name == "" || !strings.Contains(h.Name, "."):
		return 0, m, errors.New("frame has no message name")
	case h.Type == "acknowledge" || h.Type == "acknowledgement":
		if h.RequestID == 0 {
			return 0, m, fmt.Errorf("%s %s without a request id", h.Type, h.Name)
		}
		return acknowledge, m, nil
	case h.Type == "completion":
		if h.RequestID == 0 {
			return 0, m, fmt.Errorf("completion of %s without a request id", h.Name)
		}
		return completion, m, nil
	case h.Type == "event" && h.RequestID != 0:
		return event, m, nil
	case h.Type == "event", h.Type == "unsolicited":
		return unsolicited, m, nil
	}
	return 0, m, fmt.Errorf("frame of type %.20q", h.Type)
}

// code is the completion code in the spelling of 2024-3; "" is success.
func (h header) code() string {
	if h.CompletionCode == nil || strings.EqualFold(*h.CompletionCode, "success") {
		return ""
	}
	return strings.Replace(*h.CompletionCode, "authorisation", "authorization", 1)
}
