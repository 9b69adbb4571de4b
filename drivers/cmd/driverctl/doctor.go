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
	"sort"

	"zhigui/drivers/api"
	"zhigui/drivers/wire/portlock"
)

// doctor looks at everything that can be wrong, from the profile to the device, and says
// which step fails.
func doctor(ctx context.Context, o options, out io.Writer) error {
	step := func(ok bool, what string) {
		mark := "ok  "
		if !ok {
			mark = "FAIL"
		}
		fmt.Fprintf(out, "%s %s\n", mark, what)
	}
	env := o.model.Env(api.Config{Device: "device", Port: o.port, Profile: o.profileJSON(), StateDir: o.state}, slog.New(slog.DiscardHandler))
	if _, err := o.model.Capabilities(env); err != nil {
		step(false, err.Error())
		return errors.New("the profile is wrong")
	}
	step(true, "profile")
	values := map[string]json.RawMessage{}
	if err := env.Profile(&values); err == nil {
		keys := make([]string, 0, len(values))
		for k := range values {
			keys = append(keys, k)
		}
		sort.Strings(keys)
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
			fmt.Fprintf(out, "       %-22s %s%s\n", k, value, from)
		}
	}
	target, err := filepath.EvalSymlinks(o.port)
	if err != nil {
		step(false, fmt.Sprintf("port %s: %v", o.port, err))
		return errors.New("the port does not exist")
	}
	info, err := os.Stat(target)
	switch {
	case err != nil:
		step(false, err.Error())
		return errors.New("the port cannot be looked at")
	case info.Mode()&os.ModeCharDevice == 0 && o.model.Class != api.ClassCamera: // a camera may be a folder
		step(false, fmt.Sprintf("%s is no character device", target))
		return errors.New("the port is no serial port")
	}
	step(true, fmt.Sprintf("port %s is %s, %s", o.port, target, info.Mode()))
	lock, err := portlock.Take(o.port)
	if err != nil {
		step(false, err.Error())
		return errors.New("another process has the port")
	}
	lock.Release()
	step(true, "nobody else has the port")
	d, end, err := o.start(ctx)
	if err != nil {
		return err
	}
	defer end()
	wait, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if err := d.WaitReady(wait); err != nil {
		step(false, err.Error())
		for _, c := range d.Crashes() {
			for _, l := range c.Stderr {
				fmt.Fprintln(out, "       ", l)
			}
		}
		return errors.New("the device does not become ready: power, cable, baud rate, parity?")
	}
	desc, err := d.Describe(ctx)
	if err != nil {
		return err
	}
	step(true, fmt.Sprintf("device answers: %s %s, firmware %q, serial number %q", desc.Maker, desc.Model, desc.Firmware, desc.SerialNum))
	s, err := d.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "     status %s\n", s.Classes)
	return nil
}
