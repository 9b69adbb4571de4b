package counter

import (
	"context"
	"encoding/json"
	"fmt"

	"zhigui/drivers/api"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/signed"
)

// A signature on the glass: strokes of points, each x and y in thousandths of the field's
// width, the time since the first point in ms, and the pressure in thousandths (500 where the
// glass has none).
type (
	point     [4]int
	signature struct {
		Document string    `json:"document"` // which text was signed, with its version
		Text     string    `json:"text"`     // as it was shown
		Strokes  [][]point `json:"strokes"`
	}
)

// What a signature must have, and may have at most.
const (
	minPoints, maxPoints = 12, 20000
	maxText              = 20000
)

func (s signature) check() error {
	n := 0
	for _, stroke := range s.Strokes {
		last := -1
		for _, p := range stroke {
			if n++; p[0] < 0 || p[0] > 1000 || p[1] < 0 || p[1] > 1000 || p[2] < last || p[3] < 0 || p[3] > 1000 {
				return fmt.Errorf("a point of the signature is not in the field or goes back in time")
			}
			last = p[2]
		}
	}
	switch {
	case s.Document == "" || s.Text == "" || len(s.Text) > maxText:
		return fmt.Errorf("document and its text are needed")
	case n < minPoints || n > maxPoints:
		return fmt.Errorf("%d points are no signature", n)
	}
	return nil
}

// takeSignature keeps what the customer signed beside the journal, which has its digest (SM3). The
// server gets it later.
func (c *Counter) takeSignature(_ context.Context, call *service.Call) api.Completion {
	var s signature
	if err := call.Decode(&s); err != nil {
		return api.Refuse(api.InvalidData, "document, text and strokes are needed")
	}
	if err := s.check(); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	now, open := c.Session.Current()
	if !open {
		return api.Refuse(api.SequenceError, "begin a session first")
	}
	c.mu.Lock()
	signer, about := c.person, c.transfer.number()
	c.mu.Unlock()
	content, err := json.Marshal(s) // strokes and text: what is changed later does not fit the digest
	if err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	digest := signed.Digest(content)
	if err := c.Signatures.Keep(content); err != nil { // on the disk before the journal says so
		c.Log.Error("a signature cannot be kept", "err", err)
		return api.Refuse(api.InternalError, "the signature cannot be kept")
	}
	if err := c.Ledger.Log(ej.Signed, ej.Record{Session: now.ID}, map[string]string{"document": s.Document, "sm3": digest}); err != nil {
		return api.Refuse(api.InternalError, "the journal cannot be written")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if again, open := c.Session.Current(); !open || again.ID != now.ID || c.person != signer {
		return api.Refuse(api.SequenceError, "another customer stands here now")
	}
	if s.Document == transferPaper && (about == "" || c.transfer.number() != about) {
		return api.Refuse(api.SequenceError, "the transfer that was signed is over")
	}
	if c.signed == nil {
		c.signed = map[string]string{}
	}
	c.signed[s.Document] = digest
	return service.Done(map[string]string{"sm3": digest})
}
