//go:build unix

package xfs3x

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/host"
	"zhigui/drivers/sdk"
)

// reply is how the fake service provider ends a request: an image, an error code, and events before
// it. Silent ones never end; held ones end when they are canceled.
type reply struct {
	image        string
	code         int32
	events       []uint32
	silent, held bool
}

// provider is a session whose answers are the images of testdata.
type provider struct {
	t       *testing.T
	l       layout
	infos   map[uint32]reply
	replies map[uint32]reply
	events  func(kind, result, memory)

	mu    sync.Mutex
	next  uint32
	sent  map[uint32][]byte // the image of each command, as if at 1000
	times map[uint32]time.Duration
	held  map[uint32]func(result, memory)
}

func (p *provider) layout() layout { return p.l }
func (p *provider) close() error   { return nil }

func (p *provider) answer(id, code uint32, r reply, then func(result, memory)) {
	var m pages
	for _, e := range r.events {
		p.events(onExecute, result{request: id, command: e}, m)
	}
	out := result{request: id, code: r.code, command: code}
	if r.image != "" {
		m, _ = image(p.t, r.image, p.l)
		out.buffer = base
	}
	then(out, m)
}

func (p *provider) info(category uint32, _ *block, _ time.Duration, then func(result, memory)) (uint32, error) {
	r, ok := p.infos[category]
	if !ok {
		return 0, errors.New("UNSUPP_CATEGORY")
	}
	if !r.silent {
		go p.answer(1, category, r, then)
	}
	return 1, nil
}

func (p *provider) execute(command uint32, in *block, timeout time.Duration, then func(result, memory)) (uint32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	id := p.next + 100
	if in != nil {
		in.locate(base)
		p.sent[command] = in.b
	} else {
		p.sent[command] = nil
	}
	p.times[command] = timeout
	r, ok := p.replies[command]
	switch {
	case !ok:
		return 0, errors.New("UNSUPP_COMMAND")
	case r.silent:
	case r.held:
		p.held[id] = then
		go func() {
			for _, e := range r.events {
				p.events(onExecute, result{request: id, command: e}, nil)
			}
		}()
	default:
		go p.answer(id, command, r, then)
	}
	return id, nil
}

func (p *provider) cancel(id uint32) error {
	p.mu.Lock()
	then := p.held[id]
	delete(p.held, id)
	p.mu.Unlock()
	if then != nil {
		go then(result{request: id, code: -4}, nil)
	}
	return nil
}

func begin(t *testing.T, name string, p *provider, more map[string]any) *driver {
	t.Helper()
	var m sdk.Model
	for _, x := range Models {
		if x.Name == name {
			m = x
		}
	}
	pr := &profile{Lowest: "3.00", Highest: "3.30", OpenMs: 100, ReplyMs: 2000, MotionMs: 100, GraceMs: 100, PollMs: 10000, Present: true,
		Units: map[string]int{"unit1": 2, "unit2": 3, "unit3": 0}, Keys: map[string]string{"tmk": "TMK", "pik": "PIK"}, Padding: 15, Customer: "twelve"}
	if more["present"] == false {
		pr.Present = false
	}
	p.t, p.sent, p.times, p.held = t, map[uint32][]byte{}, map[uint32]time.Duration{}, map[uint32]func(result, memory){}
	c := map[string]class{"xfs3card": cards{}, "xfs3cash": notes{}, "xfs3pinpad": keys{}, "xfs3printer": papers{}}[name]
	category := map[string]uint32{"xfs3card": idcStatus, "xfs3cash": cdmStatus, "xfs3pinpad": pinStatus, "xfs3printer": ptrStatus}[name]
	d := newDriver(sdk.Env{Port: "Unit1"}, pr, m.Commands, c, category, func(service string, versions uint32, _ time.Duration, events func(kind, result, memory)) (session, version, error) {
		if service != "Unit1" || versions != 0x00031E03 {
			t.Errorf("%q %08X", service, versions)
		}
		p.events = events
		return p, version{Description: "SP 1"}, nil
	})
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func run(t *testing.T, d *driver, ctx context.Context, name string, payload any, deadline time.Duration) (api.Completion, []string) {
	t.Helper()
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	cmd := api.Command{Op: "1", Name: name, Payload: b}
	if deadline > 0 {
		cmd.Deadline = time.Now().Add(deadline)
	}
	var events []string
	c := d.Execute(ctx, cmd, func(e api.Event) { events = append(events, e.Name) })
	return c, events
}

func both(t *testing.T, f func(t *testing.T, l layout)) {
	for _, l := range layouts {
		t.Run(map[layout]string{4: "32 bits", 8: "64 bits"}[l], func(t *testing.T) { f(t, l) })
	}
}

func decode[T any](t *testing.T, c api.Completion) (v T) {
	t.Helper()
	if err := json.Unmarshal(c.Payload, &v); err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return v
}

// status compares the status with the published messages and answers one interface of it.
func status[T any](t *testing.T, d *driver, iface string) (v T) {
	t.Helper()
	b, err := json.Marshal(d.Status())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range xfs4iot.Check("completion", "Common.Status", b) {
		t.Error(p)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all[iface], &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}

// req: D-04
func TestACardIsReadGivenBackAndKept(t *testing.T) {
	both(t, func(t *testing.T, l layout) {
		p := &provider{l: l, infos: map[uint32]reply{idcStatus: {image: "idcstatus"}}, replies: map[uint32]reply{
			idcReadRaw: {image: "carddata", events: []uint32{idcInsert, idcInserted}}, idcEject: {}, idcRetain: {code: -(idc + 3)}, idcPower: {image: "chippower"}, idcChipIO: {image: "chipio"}, idcReset: {}}}
		d := begin(t, "xfs3card", p, nil)
		if st := status[card.Status](t, d, "cardReader"); st.Media != "present" || st.Retained != 2 || st.ChipPower != card.ChipOff {
			t.Errorf("%+v", st)
		}
		rec, err := d.Recover(t.Context(), nil)
		if err != nil || rec.Media[card.Transport] != 1 {
			t.Errorf("%+v %v", rec, err)
		}
		c, events := run(t, d, t.Context(), card.CmdReadRawData, card.ReadRawData{Track1: true, Track2: true, Chip: true}, 0)
		if diff := cmp.Diff([]string{card.EvInsertCard, card.EvMediaInserted}, events); diff != "" || c.Outcome != api.Done {
			t.Error(c, diff)
		}
		want := card.ReadRawDataResult{Track1: &card.Data{Status: "dataMissing"}, Track2: &card.Data{Data: []byte("6225880000000001=4912")}, Chip: []card.Data{{Data: []byte{0x3B, 0x68, 0, 0}}}}
		if diff := cmp.Diff(want, decode[card.ReadRawDataResult](t, c)); diff != "" {
			t.Error(diff)
		}
		if !bytes.Equal(p.sent[idcReadRaw], []byte{0x0B, 0}) || p.times[idcReadRaw] != 0 {
			t.Errorf("% X, %v", p.sent[idcReadRaw], p.times[idcReadRaw])
		}
		if c, _ := run(t, d, t.Context(), card.CmdMove, card.Move{To: card.Exit}, 0); c.Outcome != api.Done {
			t.Errorf("%+v", c)
		}
		if c, _ := run(t, d, t.Context(), card.CmdMove, card.Move{To: card.UnitBin}, 0); c.Outcome != api.NotStarted || c.ErrorCode != card.ErrRetainFull {
			t.Errorf("%+v", c)
		}
		if c, _ := run(t, d, t.Context(), card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}, 0); len(decode[card.ChipPowerResult](t, c).ChipData) != 4 {
			t.Errorf("%+v", c)
		}
		if c, _ := run(t, d, t.Context(), card.CmdChipIO, card.ChipIO{ChipProtocol: card.T0, ChipData: []byte{0, 0xA4, 4, 0, 1, 0xA0}}, 0); c.Outcome != api.Done {
			t.Errorf("%+v", c)
		}
		if _, want := image(t, "chipio", l); !bytes.Equal(p.sent[idcChipIO], want) {
			t.Errorf("% X", p.sent[idcChipIO])
		}
		if c, _ := run(t, d, t.Context(), card.CmdReset, card.Reset{To: card.Retain}, 0); c.Outcome != api.Done || !bytes.Equal(p.sent[idcReset], []byte{3, 0}) {
			t.Errorf("%+v % X", c, p.sent[idcReset])
		}
	})
}

func TestAWaitEndsByCancelAndByTheServiceProvidersTimeOut(t *testing.T) {
	p := &provider{l: 4, infos: map[uint32]reply{idcStatus: {image: "idcstatus"}}, replies: map[uint32]reply{idcReadRaw: {held: true, events: []uint32{idcInsert}}, idcEject: {code: -48}}}
	d := begin(t, "xfs3card", p, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := api.Command{Name: card.CmdReadRawData, Payload: json.RawMessage(`{"track2":true}`)}
	c := d.Execute(ctx, cmd, func(e api.Event) { cancel() })
	if c.Outcome != api.Canceled || c.Code != api.CodeCanceled {
		t.Errorf("%+v", c)
	}
	p.replies[idcReadRaw] = reply{code: -48}
	if c, _ := run(t, d, t.Context(), card.CmdReadRawData, card.ReadRawData{Track2: true}, time.Minute); c.Outcome != api.TimedOut || p.times[idcReadRaw] < 50*time.Second {
		t.Errorf("%+v %v", c, p.times[idcReadRaw])
	}
	// A time-out of a movement proves nothing.
	if c, _ := run(t, d, t.Context(), card.CmdMove, card.Move{To: card.Exit}, 0); c.Outcome != api.Indeterminate {
		t.Errorf("%+v", c)
	}
}

func dispenser(t *testing.T, l layout, r reply, more map[string]any) (*driver, *provider) {
	t.Helper()
	p := &provider{l: l, infos: map[uint32]reply{cdmStatus: {image: "cdmstatus"}, cdmUnits: {image: "units"}},
		replies: map[uint32]reply{cdmDispense: r, cdmRetract: {}, cdmPresent: {}, cdmReject: {code: -14}}}
	return begin(t, "xfs3cash", p, more), p
}

var ask350 = cash.Dispense{Counts: map[string]int{"unit1": 3, "unit2": 1}}

func TestNotesAreDispensedFromTheUnitsThatTheProfileNames(t *testing.T) {
	both(t, func(t *testing.T, l layout) {
		d, p := dispenser(t, l, reply{image: "denomination", events: []uint32{cdmStart}}, nil)
		st := status[cash.Status](t, d, "cashDispenser")
		if st.IntermediateStacker != "notEmpty" || st.Positions[0].PositionStatus != "notEmpty" || st.Positions[0].Shutter != "open" {
			t.Errorf("%+v", st)
		}
		if diff := cmp.Diff(map[string]cash.UnitStatus{"unit1": {State: "ok"}, "unit2": {State: "low"}}, st.Units); diff != "" {
			t.Error(diff)
		}
		c, events := run(t, d, t.Context(), cash.CmdDispense, ask350, 0)
		if c.Outcome != api.Done || len(events) != 1 {
			t.Fatalf("%+v %v", c, events)
		}
		if diff := cmp.Diff(cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 3}, "unit2": {Presented: 1}}}, decode[cash.Moved](t, c)); diff != "" {
			t.Error(diff)
		}
		if _, want := image(t, "dispense", l); !bytes.Equal(want, p.sent[cdmDispense]) {
			t.Errorf("% X", p.sent[cdmDispense])
		}
		if c, _ := run(t, d, t.Context(), cash.CmdRetract, cash.Retract{}, 0); c.Outcome != api.Done || !decode[cash.Moved](t, c).Uncounted {
			t.Errorf("%+v", c)
		}
		if _, want := image(t, "retract", l); !bytes.Equal(want, p.sent[cdmRetract]) {
			t.Errorf("% X", p.sent[cdmRetract])
		}
	})
}

func TestOnlySuccessAndWhatComesBeforeAnyMotionIsBelievedOfCash(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    reply
		ask  cash.Dispense
		want api.Outcome
		code string
	}{
		{"the amount cannot be made", reply{code: -(cdm + 6)}, ask350, api.NotStarted, cash.ErrNotDispensable},
		{"the device is not ready", reply{code: -13}, ask350, api.NotStarted, ""},
		{"a cash unit failed", reply{code: -(cdm + 2)}, ask350, api.Indeterminate, cash.ErrCashUnit},
		{"a hardware error", reply{code: -14}, ask350, api.Indeterminate, ""},
		{"a time-out", reply{code: -48}, ask350, api.Indeterminate, ""},
		{"an error of nobody's", reply{code: -9999}, ask350, api.Indeterminate, ""},
		{"silence", reply{silent: true}, ask350, api.Indeterminate, ""},
		{"success with an answer that cannot be read", reply{}, ask350, api.Indeterminate, ""},
		{"something else was dispensed", reply{image: "denomination"}, cash.Dispense{Counts: map[string]int{"unit1": 2}}, api.Indeterminate, ""},
		{"a unit that is not there", reply{}, cash.Dispense{Counts: map[string]int{"unit3": 1}}, api.NotStarted, ""},
		{"nothing", reply{}, cash.Dispense{}, api.NotStarted, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, _ := dispenser(t, 4, tc.r, nil)
			c, _ := run(t, d, t.Context(), cash.CmdDispense, tc.ask, 0)
			if c.Outcome != tc.want || c.ErrorCode != tc.code {
				t.Errorf("%+v", c)
			}
			if tc.want == api.Indeterminate && !decode[cash.Moved](t, c).Unknown {
				t.Errorf("%s", c.Payload)
			}
		})
	}
}

func TestNotesCanWaitOnTheStacker(t *testing.T) {
	d, p := dispenser(t, 8, reply{image: "denomination"}, map[string]any{"present": false})
	c, _ := run(t, d, t.Context(), cash.CmdDispense, ask350, 0)
	if decode[cash.Moved](t, c).Units["unit1"].Stacked != 3 || p.sent[cdmDispense][6] != 0 {
		t.Errorf("%+v", c)
	}
	if c, _ := run(t, d, t.Context(), cash.CmdPresent, nil, 0); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if c, _ := run(t, d, t.Context(), cash.CmdReject, nil, 0); c.Outcome != api.Indeterminate || !decode[cash.Moved](t, c).Unknown {
		t.Errorf("%+v", c)
	}
}

func TestAPINIsEnteredAndLeavesAsABlock(t *testing.T) {
	both(t, func(t *testing.T, l layout) {
		p := &provider{l: l, infos: map[uint32]reply{pinStatus: {image: "pinstatus"}, pinDetail: {image: "keys"}},
			replies: map[uint32]reply{pinGetPIN: {image: "entry", events: []uint32{pinEnterData}}, pinGetBlock: {image: "xdata"}, pinImport: {image: "xdata"}, pinInit: {}}}
		d := begin(t, "xfs3pinpad", p, nil)
		if st := status[pinpad.Status](t, d, "keyManagement"); st.EncryptionState != "ready" {
			t.Errorf("%+v", st)
		}
		c, events := run(t, d, t.Context(), pinpad.CmdPinEntry, pinpad.PinEntry{MinLen: 4, MaxLen: 6}, 0)
		if decode[pinpad.PinEntryResult](t, c) != (pinpad.PinEntryResult{Digits: 6, Completion: "enter"}) || len(events) != 1 {
			t.Errorf("%+v %v", c, events)
		}
		c, _ = run(t, d, t.Context(), pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: "6225880000000001", Key: "pik"}, 0)
		if !bytes.Equal(decode[pinpad.GetPinBlockResult](t, c).PinBlock, []byte{0x04, 0x12, 0xAC, 0x89, 0xAB, 0xCD, 0xEF, 0x67}) {
			t.Errorf("%+v", c)
		}
		if _, want := image(t, "pinblock", l); !bytes.Equal(want, p.sent[pinGetBlock]) {
			t.Errorf("% X", p.sent[pinGetBlock])
		}
		load := pinpad.ImportKey{Key: "pik", DecryptKey: "tmk", Value: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UsePIN, Algorithm: pinpad.TripleDES},
			VerificationData: []byte{0x04, 0x12, 0xAC}}
		if c, _ = run(t, d, t.Context(), pinpad.CmdImportKey, load, 0); c.Outcome != api.Done || decode[pinpad.ImportKeyResult](t, c).KeyLength != 128 {
			t.Errorf("%+v", c)
		}
		if _, want := image(t, "import", l); !bytes.Equal(want, p.sent[pinImport]) {
			t.Errorf("% X", p.sent[pinImport])
		}
		load.VerificationData = []byte{1, 2, 3}
		if c, _ = run(t, d, t.Context(), pinpad.CmdImportKey, load, 0); c.Outcome != api.Failed || c.ErrorCode != pinpad.ErrContent {
			t.Errorf("%+v", c)
		}
		load.DecryptKey = ""
		if c, _ = run(t, d, t.Context(), pinpad.CmdImportKey, load, 0); c.Outcome != api.NotStarted {
			t.Errorf("a key in the clear: %+v", c)
		}
		c, _ = run(t, d, t.Context(), pinpad.CmdGetKeyDetail, nil, 0)
		want := map[string]pinpad.KeyDetail{"tmk": {KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UseKEK, Algorithm: pinpad.TripleDES}},
			"pik": {KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UsePIN, Algorithm: pinpad.TripleDES}}}
		if diff := cmp.Diff(want, decode[pinpad.GetKeyDetailResult](t, c).KeyDetails); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBytesGoToAPrinter(t *testing.T) {
	both(t, func(t *testing.T, l layout) {
		p := &provider{l: l, infos: map[uint32]reply{ptrStatus: {image: "ptrstatus"}}, replies: map[uint32]reply{ptrRaw: {image: "rawin"}, ptrControl: {code: -(ptr + 23)}}}
		d := begin(t, "xfs3printer", p, nil)
		if st := status[printer.Status](t, d, "printer"); st.Media != "present" || cmp.Diff(map[string]string{"upper": "low"}, st.Paper) != "" {
			t.Errorf("%+v", st)
		}
		if c, _ := run(t, d, t.Context(), printer.CmdPrintRaw, printer.PrintRaw{InputData: "no", Data: []byte{0x1B, 0x40, 0x41, 0x0A, 0x0C}}, 0); c.Outcome != api.Done || len(decode[printer.PrintRaw](t, c).Data) != 1 {
			t.Errorf("%+v", c)
		}
		if _, want := image(t, "raw", l); !bytes.Equal(want, p.sent[ptrRaw]) {
			t.Errorf("% X", p.sent[ptrRaw])
		}
		c, _ := run(t, d, t.Context(), printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"cut": true, "eject": true}}, 0)
		if c.Outcome != api.Failed || c.ErrorCode != printer.ErrPaperOut || !bytes.Equal(p.sent[ptrControl], []byte{5, 0, 0, 0}) {
			t.Errorf("%+v % X", c, p.sent[ptrControl])
		}
	})
}

func TestTheModelsDescribeThemselvesAndSayWhereTheyCannotRun(t *testing.T) {
	for _, m := range Models {
		r := conformance.Launch(t, m, "Logical-"+m.Name, nil) // a port has one owner, and those before go on trying
		r.NotReady(host.StateBackoff)
		if _, why := r.Device.State(); !strings.Contains(why, "msxfs.dll") {
			t.Errorf("%s: %s", m.Name, why)
		}
	}
	for _, c := range []class{cards{}, notes{}, keys{}, papers{}} {
		b, err := json.Marshal(c.capabilities(&profile{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range xfs4iot.Check("completion", "Common.Capabilities", b) {
			t.Errorf("%T: %s", c, p)
		}
	}
}

func TestMain(m *testing.M) { conformance.Main(m, Models...) }

// The calls of the DLL cannot run here; that they fit the package, for both sizes of Windows, the
// compiler can say.
func TestTheWindowsHalfCompilesForBothSizes(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles twice")
	}
	for _, arch := range []string{"386", "amd64"} {
		cmd := exec.CommandContext(t.Context(), "go", "vet", ".")
		cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", arch, err, out)
		}
	}
}
