package kmy3501

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/internal/epp"
)

// remotePart is how many bytes of an item one command carries.
const remotePart = 100

// remote is the master key that comes over the line, none without the extension.
func (p *profile) remote() epp.Remote {
	r := epp.Remote{Zones: map[string]epp.Zone{}, Part: remotePart}
	if p.RemoteKeys {
		r.Zones[masterName] = epp.Zone{Number: 1, Slot: byte(p.Master)}
	}
	return r
}

func (d *driver) remote() epp.Remote {
	r := d.p.remote()
	r.Do = func(_, op byte, arg []byte) ([]byte, error) {
		b, err := d.do(append([]byte{cmdRemote, op}, arg...)...)
		if err == nil && op == 6 {
			b = b[2:] // the offset
		}
		return b, err
	}
	return r
}

// importToken runs the pad's command. A new master key takes the working keys below it along.
func (d *driver) importToken(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	d.use.Lock()
	defer d.use.Unlock()
	if d.entering {
		return api.Refuse(api.SequenceError, epp.ErrBusy.Error())
	}
	before, _ := d.Loaded(masterName)
	done := d.Pad.Execute(ctx, cmd, emit)
	if after, _ := d.Loaded(masterName); string(after.KCV) != string(before.KCV) {
		for name := range d.p.Work {
			d.Forget(name)
		}
	}
	return done
}

// fitsRemote says whether data is the answer to an operation of the extension.
func fitsRemote(body, data []byte) bool {
	switch op := body[1]; op {
	case 1, 2, 3, 4, 5: // a length
		return len(data) == 2
	case 6:
		return len(data) > 2 && len(data) <= 2+remotePart && string(data[:2]) == string(body[2:4])
	case 8: // a check value
		return len(data) == 8
	}
	return len(data) == 0
}
