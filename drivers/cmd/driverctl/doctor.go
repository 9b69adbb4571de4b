package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/host"
	"zhigui/drivers/models"
	"zhigui/drivers/sdk"
	"zhigui/drivers/wire/portlock"
)

// probeLimit is how long another model may try.
const probeLimit = 4 * time.Second

// steps prints what was looked at.
type steps struct{ out io.Writer }

func (s steps) ok(format string, a ...any)   { fmt.Fprintf(s.out, "ok   "+format+"\n", a...) }
func (s steps) fail(format string, a ...any) { fmt.Fprintf(s.out, "FAIL "+format+"\n", a...) }
func (s steps) note(format string, a ...any) { fmt.Fprintf(s.out, "     "+format+"\n", a...) }

// doctor looks at everything that can be wrong, from the profile to the device, and says
// which step fails.
func doctor(ctx context.Context, o options, out io.Writer) error {
	s := steps{out}
	if err := doctorProfile(o, s); err != nil {
		return err
	}
	if err := doctorPort(o, s); err != nil {
		return err
	}
	d, end, err := o.start(ctx)
	if err != nil {
		return err
	}
	defer end()
	if why := firstTry(ctx, d, o.timeout); why != nil {
		return doctorSilence(ctx, o, d, why, end, s)
	}
	desc, err := d.Describe(ctx)
	if err != nil {
		return err
	}
	if _, _, came := o.tap.last(0); came == 0 && o.model.Class != api.ClassCamera {
		s.ok("the port opens; this model is never answered, so nothing proves that a device is there")
	} else {
		s.ok("device answers: %s %s, firmware %q, serial number %q", desc.Maker, desc.Model, desc.Firmware, desc.SerialNum)
	}
	st, err := d.Status(ctx)
	if err != nil {
		return err
	}
	s.note("status %s", st.Classes)
	return nil
}

// doctorProfile shows the values that hold and why they are values.
func doctorProfile(o options, s steps) error {
	env := o.model.Env(api.Config{Device: "device", Port: o.port, Profile: o.profileJSON(), StateDir: o.state}, slog.New(slog.DiscardHandler))
	if _, err := o.model.Capabilities(env); err != nil {
		s.fail("%v", err)
		return errors.New("the profile is wrong")
	}
	s.ok("profile; where the sources disagree, the comment says what was taken")
	values := map[string]json.RawMessage{}
	if err := env.Profile(&values); err != nil {
		return err
	}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	why := reasons(o.model.Profile)
	for _, k := range keys {
		from := ""
		if _, set := o.profile[k]; set {
			from = "   (set)"
		}
		if why[k] != "" {
			from += "   # " + why[k]
		}
		value := string(values[k])
		if k == "password" {
			value = "***"
		}
		s.note("  %-22s %s%s", k, value, from)
	}
	return nil
}

// doctorPort looks at the port without opening it.
func doctorPort(o options, s steps) error {
	target, err := filepath.EvalSymlinks(o.port)
	if err != nil {
		s.fail("port %s: %v", o.port, err)
		if to, lerr := os.Readlink(o.port); lerr == nil {
			s.note("it is a link to %s, which is not there: is the virtual device running, the adapter plugged in?", to)
		}
		s.note("ports that are there: %s", orWord(strings.Join(ports(), ", "), "none"))
		return errors.New("the port does not exist")
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		s.fail("%v", err)
		return errors.New("the port cannot be looked at")
	case info.Mode()&os.ModeCharDevice == 0 && o.model.Class != api.ClassCamera: // a camera may be a folder
		s.fail("%s is no character device", target)
		return errors.New("the port is no serial port")
	}
	s.ok("port %s is %s, %s", o.port, target, info.Mode())
	if !mayUse(target) {
		s.fail("this user may not read and write %s (%s)", target, owner(info))
		s.note("add the user to that group and sign in again, or set a udev rule")
		return errors.New("no permission for the port")
	}
	lock, err := portlock.Take(o.port)
	if err != nil {
		s.fail("%v %s", err, program(portlock.Owner(o.port)))
		return errors.New("another driver has the port")
	}
	lock.Release()
	if by := holders(target); len(by) > 0 {
		s.fail("%s is open in %s, which takes bytes away", target, strings.Join(by, ", "))
		return errors.New("another program has the port")
	}
	s.ok("nobody else has the port")
	return nil
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

// ports are the serial ports of this machine.
func ports() (out []string) {
	for _, p := range []string{"/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*", "/dev/ttyS[0-9]*"} {
		found, _ := filepath.Glob(p) // the patterns are good
		out = append(out, found...)
	}
	if len(out) > 12 {
		out = append(out[:12:12], "…")
	}
	return out
}

// firstTry waits until the device is ready or the first try to open it has failed.
func firstTry(ctx context.Context, d *host.Device, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	look := func(s host.State, why string) {
		if s == host.StateBackoff || s == host.StateFailed {
			failed(errors.New(why))
		}
	}
	d.OnChange(func(c host.Change) { look(c.State, c.Reason) })
	look(d.State())
	if err := d.WaitReady(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
			return cause
		}
		return err
	}
	return nil
}

// doctorSilence explains why the device does not become ready, from what went over the line.
func doctorSilence(ctx context.Context, o options, d *host.Device, why error, end func(), s steps) error {
	s.fail("%v", why)
	for _, c := range d.Crashes() {
		for _, l := range c.Stderr {
			s.note("   %s", l)
		}
	}
	end()
	ps, sent, came := o.tap.last(8)
	for _, p := range ps {
		s.note("  %s", p)
	}
	var verdict string
	switch {
	case sent == 0 && came == 0:
		return errors.New("the device does not become ready, and no byte was sent: the line above says why")
	case came == 0:
		verdict = fmt.Sprintf("%d bytes were sent and nothing came back: power, cable (crossed? the right socket?), speed (%s), or a device that does not know these bytes", sent, line(o))
	default:
		verdict = fmt.Sprintf("%d bytes came back that are no answer of a %s: wrong speed or parity (%s), or another device", came, o.model.Name, line(o))
	}
	s.note("%s", verdict)
	if !o.probe {
		s.note("--probe tries the other models on this port (it sends their bytes)")
		return errors.New("the device does not answer as this model does")
	}
	if name := probe(ctx, o, s); name != "" {
		return fmt.Errorf("the device behind the port answers as a %s: driverctl doctor %s %s", name, name, o.port)
	}
	return errors.New("the device answers as no model")
}

// line says what the profile sets the line to.
func line(o options) string {
	env := o.model.Env(api.Config{Profile: o.profileJSON()}, slog.New(slog.DiscardHandler))
	values := map[string]json.RawMessage{}
	_ = env.Profile(&values) // it was read before
	out := []string{}
	for _, k := range []string{"baud", "parity"} {
		if v, ok := values[k]; ok {
			out = append(out, k+" "+strings.Trim(string(v), `"`))
		}
	}
	return orWord(strings.Join(out, ", "), "fixed by the model")
}

// probe tries the other models, those of the same class first, and gives the first that is
// answered.
func probe(ctx context.Context, o options, s steps) string {
	others := models.All()
	slices.SortStableFunc(others, func(a, b sdk.Model) int {
		same := func(m sdk.Model) int {
			if m.Class == o.model.Class {
				return 0
			}
			return 1
		}
		return same(a) - same(b)
	})
	for _, m := range others {
		if m.Name == o.model.Name || m.Class == api.ClassCamera {
			continue
		}
		try := o
		try.model, try.profile, try.state = m, nil, ""
		var closeTap func()
		var err error
		if try.tap, closeTap, err = newTap(); err != nil {
			return ""
		}
		d, end, err := try.start(ctx)
		if err == nil {
			err = firstTry(ctx, d, probeLimit)
			end()
		}
		_, _, came := try.tap.last(0)
		closeTap()
		if err == nil && came > 0 {
			s.ok("%s: answers", m.Name)
			return m.Name
		}
		s.note("%s: no", m.Name)
	}
	return ""
}
