// Package olivettipr2 drives passbook printers that speak the Olivetti PR2 language. The bytes
// and their sources are in README.md. Imported by drivers/models and tests.
//
// What may be on the paper is never printed again: a job without an answer is indeterminate.
// Stripe data pass through and are never logged, kept or put into an error.
package olivettipr2

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "olivettipr2", Class: api.ClassPrinter, Maker: "Olivetti", Version: "1.0.0", Profile: profileYAML,
	Commands: map[string]api.Motion{
		printer.CmdInsertMedia: api.Wait, printer.CmdReadStripe: api.Wait, printer.CmdWriteStripe: api.MovesMedia, printer.CmdPrintPassbook: api.MovesMedia,
		printer.CmdControlPassbook: api.Wait, printer.CmdControlMedia: api.MovesMedia, printer.CmdReset: api.MovesMedia,
	},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Baud        int                        `json:"baud"`
	Parity      string                     `json:"parity"`
	ReplyMs     int                        `json:"replyMs"`
	MotionMs    int                        `json:"motionMs"`
	Retries     int                        `json:"retries"`
	PollMs      int                        `json:"pollMs"`
	Digits      int                        `json:"digits"`
	LineUnit    int                        `json:"lineUnit"`
	ColumnUnit  int                        `json:"columnUnit"`
	Lines       int                        `json:"lines"`
	Columns     int                        `json:"columns"`
	Pages       int                        `json:"pages"`
	ChineseOn   string                     `json:"chineseOn"`
	ChineseOff  string                     `json:"chineseOff"`
	StripeMax   int                        `json:"stripeMax"`
	Status      map[string]string          `json:"status"`
	Document    map[string]string          `json:"document"`
	VendorCodes map[string]api.VendorError `json:"vendorCodes"`
}

// words are the keys of the two tables of the profile.
var words = map[string][]string{"status": {"ready", "jam", "cover", "local", "stripe"}, "document": {"none", "mouth", "inside"}}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	for table, m := range map[string]map[string]string{"status": p.Status, "document": p.Document} {
		seen := map[string]bool{}
		for _, w := range words[table] {
			if len(m[w]) != 1 || seen[m[w]] {
				return nil, fmt.Errorf("profile: %s: %s must be one character of its own", table, w)
			}
			seen[m[w]] = true
		}
		if len(m) != len(words[table]) {
			return nil, fmt.Errorf("profile: %s: the words are %v", table, words[table])
		}
	}
	for _, v := range []string{p.ChineseOn, p.ChineseOff} {
		if _, err := hex.DecodeString(v); err != nil {
			return nil, errors.New("profile: chineseOn and chineseOff must be hex")
		}
	}
	if p.Digits < 1 || p.Digits > 5 || p.Lines < 1 || p.Columns < 1 || p.Columns > 200 || p.Pages < 1 {
		return nil, errors.New("profile: digits must be 1 to 5, columns 1 to 200, lines and pages at least 1")
	}
	return &p, nil
}

func unhex(s string) []byte {
	b, _ := hex.DecodeString(s) // readProfile has tried it
	return b
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"printer": map[string]any{
		"type": map[string]bool{"passbook": true}, "mediaTaken": true, "control": map[string]bool{"eject": true},
		"controlPassbook": map[string]bool{"turnForward": true, "turnBackward": true}, "X-turnsByHand": true,
		"X-lines": p.Lines, "X-columns": p.Columns, "X-pages": p.Pages, "X-stripe": map[string]any{"read": true, "write": true, "max": p.StripeMax},
	}}, nil
}

type driver struct {
	env  sdk.Env
	p    *profile
	line *line.Line // one exchange at a time

	mu      sync.Mutex
	online  bool
	state   string // word of the status table
	where   string // word of the document table
	offered bool   // the book at the mouth was put there for the customer
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	return &driver{env: e, p: p}, nil
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and asks for the status. It moves nothing.
func (d *driver) Open(context.Context) error {
	var err error
	if d.line, err = line.Open(d.env.Port, serialport.Mode{Baud: d.p.Baud, Parity: d.p.Parity}, d.env.Heart); err != nil {
		return err
	}
	defer d.exclusive()()
	if err := d.line.Write(cmdControlled); err != nil {
		return fmt.Errorf("passbook printer: %w", err)
	}
	if err := d.look(); err != nil {
		return fmt.Errorf("passbook printer: %w", err)
	}
	d.line.Poll(d.env.Go, line.Every(ms(d.p.PollMs)), d.busy(), func() { _ = d.look() })
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.line.Close() }

// Identity implements sdk.Driver; no source has a command for it.
func (d *driver) Identity() (string, string) { return "", "" }

func (d *driver) exclusive() (release func()) { return d.line.Take(d.busy()) }

// busy is the longest that a movement with its questions may take.
func (d *driver) busy() time.Duration {
	return 2*ms(d.p.MotionMs) + time.Duration(4*(d.p.Retries+1))*ms(d.p.ReplyMs) + 30*time.Second
}

// await waits for an answer of a kind; others are old.
func (d *driver) await(k kind, limit time.Duration) ([]byte, error) {
	for end := time.Now().Add(limit); ; {
		m, err := next(d.line, end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil, line.ErrSilent
		case err != nil:
			return nil, err
		case m.kind == k:
			return m.data, nil
		}
	}
}

// ask sends a question, which may be repeated, and waits for its answer.
func (d *driver) ask(cmd []byte, k kind, limit time.Duration) ([]byte, error) {
	for range d.p.Retries + 1 {
		d.line.Discard()
		if err := d.line.Write(cmd); err != nil {
			return nil, err
		}
		b, err := d.await(k, limit)
		if !errors.Is(err, line.ErrSilent) {
			return b, err
		}
	}
	return nil, line.ErrSilent
}

func word(table map[string]string, b byte) string {
	for w, c := range table {
		if c == string(rune(b)) {
			return w
		}
	}
	return ""
}

// look asks for status and document, under the line lock, and remembers them.
func (d *driver) look() error {
	d.line.Promise(d.busy())
	err := d.line.Present()
	var s, m []byte
	if err == nil {
		s, err = d.ask(cmdStatus, gotStatus, ms(d.p.ReplyMs))
	}
	if err == nil {
		m, err = d.ask(cmdDocument, gotDocument, ms(d.p.ReplyMs))
	}
	d.mu.Lock()
	d.online = err == nil
	taken := false
	if err == nil {
		d.state, d.where = word(d.p.Status, s[0]), word(d.p.Document, m[0])
		taken = d.offered && d.where == "none"
		if d.where != "mouth" {
			d.offered = false
		}
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	if taken {
		d.env.Event(printer.EvMediaTaken, nil)
	}
	return err
}

func (d *driver) now() (state, where string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state, d.where
}

// Recover says where a passbook lies. What an interrupted job printed nobody can say but the
// customer who reads the page: it stays indeterminate.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	defer d.exclusive()()
	if err := d.look(); err != nil {
		return api.Recovery{}, fmt.Errorf("passbook printer: %w", err)
	}
	out := api.Recovery{}
	switch _, where := d.now(); where {
	case "mouth":
		out.Media = map[string]int{"exit": 1}
		d.mu.Lock()
		d.offered = true
		d.mu.Unlock()
	case "inside":
		out.Media = map[string]int{"transport": 1}
	}
	if _, where := d.now(); where == "mouth" || where == "inside" {
		d.env.Event(printer.EvMediaDetected, map[string]string{"position": mediaWords[where]})
	}
	return out, nil
}

// mediaWords are XFS4IoT's words for where the book is.
var mediaWords = map[string]string{"none": "notPresent", "mouth": "entering", "inside": "present"}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := api.Offline
	st := printer.Status{Media: "unknown", Paper: map[string]string{}, Cover: "unknown"}
	if d.online {
		dev = api.Online
		st.Media = mediaWords[d.where]
		st.Cover = "closed"
		switch d.state {
		case "jam":
			st.Media, dev = "jammed", api.StateHardwareError
		case "cover":
			st.Cover, dev = "open", api.StateUserError
		case "local":
			dev = api.StateUserError
		case "":
			dev = api.StateHardwareError
		}
		if st.Media == "" {
			st.Media = "unknown"
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "printer": st}
}
