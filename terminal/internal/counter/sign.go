package counter

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"zhigui/drivers/api"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/service"
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

// digest binds the strokes to the text: SM3 over both.
func (s signature) digest() (string, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	sum := sm3.Sum(b)
	return hex.EncodeToString(sum[:]), nil
}

// takeSignature keeps what the customer signed beside the journal, which has its digest: a
// text or a stroke that is changed later does not fit it.
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
	signer := c.person
	c.mu.Unlock()
	digest, err := s.digest()
	if err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if err := c.keepSignature(now.ID, digest, s); err != nil {
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
	c.signed = append(c.signed, s.Document)
	return service.Done(map[string]string{"sm3": digest})
}

// keepSignature writes the file that the digest in the journal names; it is on the disk before
// the journal says so.
func (c *Counter) keepSignature(session, digest string, s signature) error {
	b, err := json.Marshal(map[string]any{"session": session, "time": time.Now().UTC(), "signature": s})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Signatures, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(c.Signatures, digest+".json"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
