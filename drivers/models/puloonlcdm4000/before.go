package puloonlcdm4000

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"zhigui/drivers/api"
	"zhigui/drivers/internal/puloon"
	"zhigui/drivers/internal/record"
)

// before is the device's record of its last movement (command 55), read right before a new
// one. If the record differs afterwards and is one of a dispense, it is the new one's: a device
// that lost its power, or never heard the command, cannot show another. It is kept on the disk
// for the incarnation that comes after a crash.
type before struct {
	Op   api.OpID `json:"op"`
	Last []byte   `json:"last"`
}

// Before implements puloon.Witness. Without a record nothing is kept, and the movement will have
// no second witness.
func (l layout) Before(on *puloon.Link, op api.OpID) error {
	if err := os.Remove(l.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !l.LastStatus {
		return nil
	}
	last, err := on.Ask(cmdLast, l.Retries)
	if err != nil || len(last) == 0 {
		return nil
	}
	return record.Save(l.file, before{Op: op, Last: last})
}

// After implements puloon.Witness: it asks for the record of the last movement and gives it when
// it proves to be that of the dispense. The device must be idle; a torn file is none.
func (l layout) After(on *puloon.Link, op api.OpID) (data []byte, ok bool) {
	var b before
	if err := record.Load(l.file, &b); err != nil || b.Op != op || len(b.Last) == 0 {
		return nil, false
	}
	last, err := on.Ask(cmdLast, l.Retries)
	if err != nil || len(last) < 1 || bytes.Equal(last, b.Last) || last[0] != cmdDispense {
		return nil, false
	}
	if _, err := l.Result(cmdDispense, last[1:]); err != nil {
		return nil, false
	}
	return last[1:], true
}
