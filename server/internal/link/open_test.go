package link

import (
	"log/slog"
	"strings"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
)

// Without a trace number all requests of a kind have one key: after a timeout the next request
// would get the answer of the one before.
func TestAWayThatRequestsShareNeedsATraceNumber(t *testing.T) {
	d, err := format.Parse([]byte(`name: nostan
kind: delimited
charset: gbk
frame: {prefix: none, end: "0A", max: 512}
delimited: {separator: "|", escape: "\\"}
table:
  - {name: code, canon: type, type: n, max: 4}
  - {name: account, canon: pan, type: n, max: 19, mask: pan}
  - {name: amount, canon: amount, type: n, max: 12}
`))
	if err != nil {
		t.Fatal(err)
	}
	model, err := message.Builtin("cups128")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]bool{"long": false, "group": false, "bus": false, "short": true} {
		s := &Spec{Kind: kind, Address: "127.0.0.1:1", Listen: "127.0.0.1:0", Request: "q", Answer: "a"}
		c, err := Open(s, NewCodec(d, model), nil, nil, slog.New(slog.DiscardHandler))
		if (err == nil) != want || !want && !strings.Contains(err.Error(), "no trace number") {
			t.Errorf("%s: %v", kind, err)
		}
		if c != nil {
			c.Close()
		}
	}
}
