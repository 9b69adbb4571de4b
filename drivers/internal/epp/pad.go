// Package epp is an encrypting PIN pad: the line on which answers and key presses come
// together, the record of the keys that were loaded, the entry of PINs and amounts, and the
// order of the key commands. A model gives its bytes (Maker) and its tables. Only
// drivers/models imports it.
//
// Digits of a PIN never leave the device: it sends a masked byte for each. Keys and account
// numbers pass through and are never logged, kept on a disk or put into an error.
package epp

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/record"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// Bound is what a pad was told before the PIN was typed, where it was told anything: it makes
// this block and no other.
type Bound struct{ Key, PAN string }

// Maker is what one pad does in its own way.
type Maker interface {
	// Prepare asks who the pad is, stops an entry that an earlier incarnation left running and
	// sets what a power cut may have lost. Ping asks anything that changes nothing.
	Prepare() (firmware, serial string, err error)
	Ping() error
	// StartPin and StartData start an entry; Pad.DropKeys right before the last command.
	StartPin(ctx context.Context, r pinpad.PinEntry, low, high int) (Bound, *api.Completion)
	StartData(ctx context.Context, high int) error
	// StopInput ends an entry, Reset brings the keypad to rest.
	StopInput() error
	Reset() error
	PinBlock(r pinpad.GetPinBlock) api.Completion
	MAC(r pinpad.GenerateMAC) api.Completion
	Cipher(r pinpad.CryptoData) api.Completion
	ImportKey(ctx context.Context, r pinpad.ImportKey) api.Completion
	// Eraser destroys a key, if it may be; Wipe destroys all.
	Eraser(name string) (func() error, *api.Completion)
	Wipe() error
}

// Options are a model's.
type Options struct {
	Maker
	Env     sdk.Env
	Mode    serialport.Mode
	Reply   time.Duration
	Poll    time.Duration
	Retries int
	// Head begins an answer, Rest reads what follows it; all other bytes are keys.
	Head byte
	Rest func(*serialport.Port) ([]byte, error)
	// Quiet: answers carry no name, so those to earlier tries are dropped for that long.
	Quiet   time.Duration
	Keys    Keys
	Masters []string // a pad with one of them is ready
	// Names and Class are the pad's codes: what the operator reads, and the XFS4IoT error.
	Names func(code byte) string
	Class map[byte]string
	// Locked, may be nil: the pad refuses to work.
	Locked func() bool
	// Seen is told of each exchange, may be nil.
	Seen func(err error)
	// Remote is the extension for keys over the line; without Zones there is none.
	Remote Remote
}

// Pad is an sdk.Driver.
type Pad struct {
	o       Options
	line    *line.Line
	answers chan []byte
	keys    chan byte
	lost    chan struct{} // has an element after the port went away

	items sync.Mutex // one item of the extension at a time
	nonce []byte     // the random value of the last offer, under items

	mu               sync.Mutex
	loaded           map[string]pinpad.KeyDetail
	firmware, serial string
	online           bool
	entered          *Bound // the PIN that the pad holds
}

// Commands are every pad's.
func Commands() map[string]api.Motion {
	return map[string]api.Motion{
		pinpad.CmdPinEntry: api.Wait, pinpad.CmdDataEntry: api.Wait, pinpad.CmdKeyboardReset: api.Wait, pinpad.CmdGetPinBlock: api.Still,
		pinpad.CmdGenerateMAC: api.Still, pinpad.CmdCryptoData: api.Still, pinpad.CmdGetKeyDetail: api.Still,
		pinpad.CmdImportKey: api.ChangesKey, pinpad.CmdDeleteKey: api.ChangesKey, pinpad.CmdInit: api.ChangesKey,
		pinpad.CmdStartKeyExchange: api.Still, pinpad.CmdExportItem: api.Still, pinpad.CmdGetCertificate: api.Still,
		pinpad.CmdLoadCertificate: api.ChangesKey, pinpad.CmdImportKeyToken: api.ChangesKey,
	}
}

// New makes a pad that is not open and reads the record of its keys: names, uses and check
// values, never a key.
func New(o Options) (*Pad, error) {
	p := &Pad{o: o, answers: make(chan []byte, 8), keys: make(chan byte, 256), lost: make(chan struct{}, 1), loaded: map[string]pinpad.KeyDetail{}}
	return p, record.Load(p.file(), &p.loaded)
}

func (p *Pad) file() string { return filepath.Join(p.o.Env.StateDir, "keys.json") }

// Open opens the port and asks the pad who it is.
func (p *Pad) Open(context.Context) error {
	var err error
	if p.line, err = line.Open(p.o.Env.Port, p.o.Mode, p.o.Env.Heart); err != nil {
		return err
	}
	p.line.Go(p.o.Env.Go, p.read)
	if err := p.prepare(); err != nil {
		return err
	}
	p.line.Go(p.o.Env.Go, p.poll)
	return nil
}

func (p *Pad) prepare() error {
	p.forget(p.o.Quiet) // an answer to an incarnation that died carries no name either
	firmware, serial, err := p.o.Prepare()
	if err != nil {
		return fmt.Errorf("PIN pad: %w", err)
	}
	p.mu.Lock()
	p.firmware, p.serial = firmware, serial
	p.mu.Unlock()
	return nil
}

func (p *Pad) poll() {
	for {
		select {
		case <-p.line.Stopped():
			return
		case <-time.After(p.o.Poll):
		}
		p.mu.Lock()
		was := p.online
		p.mu.Unlock()
		if was {
			_ = p.o.Ping()
		} else {
			_ = p.prepare() // it was away
		}
	}
}

// Close ends what runs and closes the port.
func (p *Pad) Close() error { return p.line.Close() }

// Identity implements sdk.Driver.
func (p *Pad) Identity() (string, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firmware, p.serial
}

// Recover implements sdk.Driver: key commands that were interrupted stay indeterminate; they
// may be given again under a new operation id, and the check value proves the result.
func (p *Pad) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	if err := p.o.Ping(); err != nil {
		return api.Recovery{}, fmt.Errorf("PIN pad: %w", err)
	}
	return api.Recovery{}, nil
}

// Status implements sdk.Driver.
func (p *Pad) Status() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	dev, enc := api.Offline, "notReady"
	if p.online {
		dev, enc = api.Online, "initialized"
		if slices.ContainsFunc(p.o.Masters, func(m string) bool { _, ok := p.loaded[m]; return ok }) {
			enc = "ready"
		}
		if p.o.Locked != nil && p.o.Locked() {
			dev, enc = api.StateHardwareError, "notReady"
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "keyManagement": pinpad.Status{EncryptionState: enc}}
}

// Fault is an answer whose code is no success.
type Fault struct {
	Code byte
	Name string
}

func (f *Fault) Error() string { return fmt.Sprintf("device error %02X (%s)", f.Code, f.Name) }

// Fault is the error of a code.
func (p *Pad) Fault(code byte) error { return &Fault{code, p.o.Names(code)} }

// ErrBusy is for a command that cannot run beside another one.
var ErrBusy = errors.New("an entry is running, and it holds the pad's active key")

// Broken is the completion after an exchange that failed.
func (p *Pad) Broken(err error, o api.Outcome) api.Completion {
	var f *Fault
	switch {
	case errors.As(err, &f):
		c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: f.Error(), Vendor: &api.VendorError{Code: fmt.Sprintf("%02X", f.Code), Name: f.Name}}
		if code := p.o.Class[f.Code]; code != "" {
			c.Code, c.ErrorCode = api.CommandErrorCode, code
		}
		return c
	case errors.Is(err, ErrBusy):
		return api.Refuse(api.SequenceError, err.Error())
	}
	return api.Completion{Outcome: o, Code: api.HardwareError, Description: err.Error()}
}
