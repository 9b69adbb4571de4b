package r30x

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zhigui/drivers/api"
	"zhigui/drivers/api/biometric"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case biometric.CmdRead:
		return sdk.Decoded(cmd, func(r biometric.Read) api.Completion { return d.read(ctx, r, emit) })
	case biometric.CmdImport:
		return sdk.Decoded(cmd, d.imports)
	case biometric.CmdMatch:
		return sdk.Decoded(cmd, d.match)
	case biometric.CmdClear, biometric.CmdReset:
		return sdk.Decoded(cmd, func(r biometric.Clear) api.Completion {
			if cmd.Name == biometric.CmdReset && r.ClearData == "" {
				r.ClearData = biometric.Scanned // a reset does not wipe the library unless it says so
			}
			return d.clear(r.ClearData)
		})
	case biometric.CmdStorageInfo:
		return d.storage()
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// failed makes the completion of an error; code is the class's error for a refusal.
func failed(err error, code string) api.Completion {
	c := api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: err.Error()}
	var r refusal
	if errors.As(err, &r) {
		c.Vendor = &api.VendorError{Code: fmt.Sprintf("%02X", byte(r)), Name: codeNames[byte(r)]}
		if code != "" {
			c.Code, c.ErrorCode = api.CommandErrorCode, code
		}
	}
	return c
}

func (d *driver) setCaptured(on bool) {
	d.mu.Lock()
	d.captured = on
	d.mu.Unlock()
	d.env.StatusChanged()
}

func id(page int) string { return fmt.Sprintf("id%d", page) }

// pageOf is the page of an identifier, -1 for what is none.
func pageOf(s string) int {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "id"), 10, 16)
	if err != nil || !strings.HasPrefix(s, "id") {
		return -1
	}
	return int(n)
}

var ownType = biometric.Type{Format: biometric.FormatTemplate1}

// imports puts each template into the first free page.
func (d *driver) imports(r biometric.Import) (c api.Completion) {
	if len(r.Templates) == 0 {
		return api.Refuse(api.InvalidData, "no template is given")
	}
	for _, t := range r.Templates {
		switch {
		case t.Type.Format != biometric.FormatTemplate1:
			return api.Fail(api.NotStarted, biometric.ErrFormat, "only the module's own templates can be imported")
		case len(t.Data) != d.p.TemplateBytes:
			return api.Fail(api.NotStarted, biometric.ErrInvalidData, fmt.Sprintf("a template has %d bytes", d.p.TemplateBytes))
		}
	}
	out := biometric.Storage{Templates: map[string]biometric.Type{}}
	_ = d.talk.Hold(d.talk.Busy(), func(port *serialport.Port) error {
		c = d.importHeld(port, r, out)
		return nil
	})
	d.env.StatusChanged()
	return c
}

func (d *driver) importHeld(port *serialport.Port, r biometric.Import, out biometric.Storage) api.Completion {
	used, err := d.pages()
	if err != nil {
		return failed(err, "")
	}
	d.mu.Lock()
	capacity, chunk := d.capacity, d.chunk
	d.captured = false // the buffers are used here
	d.mu.Unlock()
	if len(used)+len(r.Templates) > capacity {
		return api.Fail(api.NotStarted, biometric.ErrCapacity, "the library is full")
	}
	page := 0
	for _, t := range r.Templates {
		for slices.Contains(used, page) {
			page++
		}
		d.env.Heart.Expect(8 * d.talk.Busy())
		if _, err := d.ask(downChar, 1); err != nil {
			return failed(err, biometric.ErrInvalidData)
		}
		for b := t.Data; len(b) > 0; {
			n, pid := min(chunk, len(b)), byte(pidData)
			if n == len(b) {
				pid = pidEnd
			}
			if err := port.Write(packet(d.p.addr, pid, b[:n])); err != nil {
				return failed(err, "")
			}
			b = b[n:]
		}
		if _, err := d.ask(store, 1, byte(page>>8), byte(page)); err != nil {
			return failed(err, biometric.ErrInvalidData)
		}
		used = append(used, page)
		out.Templates[id(page)] = ownType
	}
	if _, err := d.pages(); err != nil {
		return failed(err, "")
	}
	return sdk.Ok(out)
}

// match compares the capture in buffer 1.
func (d *driver) match(r biometric.Match) (c api.Completion) {
	refuse := func(code, why string) api.Completion { return api.Fail(api.NotStarted, code, why) }
	page := pageOf(r.Identifier)
	d.mu.Lock()
	captured := d.captured
	d.mu.Unlock()
	switch {
	case r.CompareMode != biometric.CompareVerify && r.CompareMode != biometric.CompareIdentity:
		return refuse(biometric.ErrCompareMode, "compareMode must be verify or identity")
	case r.Threshold < 0 || r.Threshold > 100:
		return refuse(biometric.ErrThreshold, "threshold must be 0 to 100")
	case !captured:
		return refuse(biometric.ErrNoCapture, "no finger was read")
	}
	_ = d.hold(func() error {
		used, err := d.pages()
		switch {
		case err != nil:
			c = failed(err, "")
		case len(used) == 0:
			c = refuse(biometric.ErrNoImported, "the library is empty")
		case r.CompareMode == biometric.CompareVerify && !slices.Contains(used, page):
			c = refuse(biometric.ErrIdentifier, "there is no such identifier")
		default:
			c = d.compare(r, page)
		}
		return nil
	})
	return c
}

// compare asks the module; the line is held. The module's search names its best match only.
func (d *driver) compare(r biometric.Match, page int) api.Completion {
	var a []byte
	var err error
	if r.CompareMode == biometric.CompareVerify {
		if _, err = d.ask(load, 2, byte(page>>8), byte(page)); err == nil {
			a, err = d.ask(match)
		}
	} else {
		d.mu.Lock()
		n := d.capacity
		d.mu.Unlock()
		if a, err = d.ask(search, 1, 0, 0, byte(n>>8), byte(n)); err == nil && len(a) >= 4 {
			page, a = int(binary.BigEndian.Uint16(a)), a[2:]
		}
	}
	out := biometric.MatchResult{Candidates: map[string]biometric.Candidate{}}
	var code refusal
	switch {
	case errors.As(err, &code) && (code == noMatch || code == notFound):
		return sdk.Ok(out)
	case err != nil:
		return failed(err, "")
	case len(a) < 2:
		return failed(fmt.Errorf("an answer of %d bytes", len(a)), "")
	}
	if level := min(100, int(binary.BigEndian.Uint16(a))*100/d.p.ScoreFull); level >= r.Threshold {
		out.Candidates[id(page)] = biometric.Candidate{Confidence: level}
	}
	return sdk.Ok(out)
}

// clear forgets the capture, the library, or both.
func (d *driver) clear(what string) (c api.Completion) {
	if what != "" && what != biometric.Scanned && what != biometric.Imported {
		return api.Refuse(api.UnsupportedData, "clearData must be scannedData or importedData")
	}
	c = sdk.Ok(nil)
	if what != biometric.Scanned {
		_ = d.hold(func() error {
			_, err := d.ask(empty)
			if err == nil {
				_, err = d.pages()
			}
			if err != nil {
				c = failed(err, "")
			}
			return nil
		})
	}
	if c.Outcome != api.Done {
		return c
	}
	if what != biometric.Imported {
		d.setCaptured(false)
	}
	for _, w := range []string{biometric.Scanned, biometric.Imported} {
		if what == "" || what == w {
			d.env.Event(biometric.EvCleared, biometric.Clear{ClearData: w})
		}
	}
	return c
}

func (d *driver) storage() (c api.Completion) {
	_ = d.hold(func() error {
		used, err := d.pages()
		out := biometric.Storage{Templates: map[string]biometric.Type{}}
		for _, p := range used {
			out.Templates[id(p)] = ownType
		}
		switch {
		case err != nil:
			c = failed(err, "")
		case len(used) == 0:
			c = api.Fail(api.NotStarted, biometric.ErrNoImported, "the library is empty")
		default:
			c = sdk.Ok(out)
		}
		return nil
	})
	return c
}
