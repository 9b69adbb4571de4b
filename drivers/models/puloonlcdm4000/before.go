package puloonlcdm4000

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"zhigui/drivers/api"
)

// before is the device's record of its last movement (command 55), read right before a new
// one. If the record differs afterwards and is one of a dispense, it is the new one's: a device
// that lost its power, or never heard the command, cannot show another. It is kept on the disk
// for the incarnation that comes after a crash.
type before struct {
	Op   api.OpID `json:"op"`
	Last []byte   `json:"last"`
}

func (d *driver) beforeFile() string { return filepath.Join(d.env.StateDir, "before.json") }

// remember reads the record and makes it durable. Without a record nothing is kept, and the
// movement will have no second witness.
func (d *driver) remember(op api.OpID) (*before, error) {
	if err := os.Remove(d.beforeFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !d.p.LastStatus {
		return nil, nil
	}
	last, err := d.link.Ask(cmdLast, d.p.Retries)
	if err != nil || len(last) == 0 {
		return nil, nil
	}
	b := &before{Op: op, Last: last}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.beforeFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return b, err
}

// remembered is what an earlier incarnation kept for an operation; a torn file is none.
func (d *driver) remembered(op api.OpID) *before {
	raw, err := os.ReadFile(d.beforeFile())
	var b before
	if err != nil || json.Unmarshal(raw, &b) != nil || b.Op != op || len(b.Last) == 0 {
		return nil
	}
	return &b
}

// witness asks for the record of the last movement and gives it when it proves to be that of
// the dispense which came after b. The device must be idle.
func (d *driver) witness(b *before) (data []byte, ok bool) {
	if b == nil {
		return nil, false
	}
	last, err := d.link.Ask(cmdLast, d.p.Retries)
	if err != nil || bytes.Equal(last, b.Last) {
		return nil, false
	}
	cmd, _, err := parseLast(last)
	if err != nil || cmd != cmdDispense {
		return nil, false
	}
	return last[1:], true
}
