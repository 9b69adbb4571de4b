// Package megatecups drives UPSs that speak Megatec's Q1 protocol (many makers). See
// README.md. Imported by drivers/models and tests.
package megatecups

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/power"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "megatecups", Class: api.ClassPower, Maker: "Megatec", Version: "1.0.0", Profile: profileYAML,
	// Nothing that moves; giving an order again does nothing more.
	Commands:     map[string]api.Motion{power.CmdTest: api.Wait, power.CmdShutdown: api.Wait, power.CmdCancel: api.Wait, power.CmdBeeper: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	dialog.Profile
	EchoMs      int     `json:"echoMs"`
	AskIdentity bool    `json:"askIdentity"`
	ShutdownBit bool    `json:"shutdownBit"`
	VoltsStep   float64 `json:"voltsStep"`
	PercentStep float64 `json:"percentStep"`
	DegreesStep float64 `json:"degreesStep"`
}

func capabilities(sdk.Env) (map[string]any, error) {
	return map[string]any{"powerManagement": map[string]any{"powerSaveControl": false, "batteryRechargeable": true},
		"X-ups": map[string]any{"shutdownSeconds": []int{12, 600}, "restoreMinutes": 9999}}, nil
}

type driver struct {
	env  sdk.Env
	p    profile
	talk *dialog.Dialog

	mu       sync.Mutex
	now      reading // as it was reported
	known    bool
	firmware string
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	d := &driver{env: e}
	return d, e.Profile(&d.p)
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Open opens the port and asks for a reading.
func (d *driver) Open(context.Context) error {
	var err error
	if d.talk, err = d.p.Open(d.env); err != nil {
		return err
	}
	if err := d.hold(func() error { _, err := d.look(); return err }); err != nil {
		return fmt.Errorf("UPS: %w", err)
	}
	if d.p.AskIdentity {
		_ = d.hold(d.identify)
	}
	d.talk.Poll(func() { _, _ = d.look() })
	return nil
}

func (d *driver) hold(f func() error) error {
	return d.talk.Hold(4*d.talk.Busy(), func(*serialport.Port) error { return f() })
}

// identify asks who it is. A UPS that does not know the question is as good as any.
func (d *driver) identify() error {
	b, err := d.talk.Exchange([]byte("I\r"), line('#'))
	if err == nil && len(b) > 26 {
		d.mu.Lock()
		d.firmware = strings.TrimSpace(string(b[27:]))
		d.mu.Unlock()
	}
	_, err = d.look() // the answer decides whether it is online
	return err
}

// look reads and reports; the line is held.
func (d *driver) look() (reading, error) {
	b, err := d.talk.Exchange([]byte("Q1\r"), readQ1)
	if err != nil {
		return reading{}, err
	}
	r, err := parse(string(b))
	if err != nil {
		return r, err
	}
	d.mu.Lock()
	if d.known {
		d.now = d.steady(d.now, r)
	} else {
		d.now, d.known = r, true
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	return r, nil
}

// steady keeps the measurements that moved less than a step: else each poll were a notice.
func (d *driver) steady(was, now reading) reading {
	for _, m := range []struct {
		was, now **float64
		step     float64
	}{{&was.in, &now.in, d.p.VoltsStep}, {&was.fault, &now.fault, d.p.VoltsStep}, {&was.out, &now.out, d.p.VoltsStep}, {&was.load, &now.load, d.p.PercentStep},
		{&was.hertz, &now.hertz, 0.5}, {&was.battery, &now.battery, d.p.VoltsStep / 10}, {&was.celsius, &now.celsius, d.p.DegreesStep}} {
		if *m.was != nil && *m.now != nil && math.Abs(**m.was-**m.now) < m.step {
			*m.now = *m.was
		}
	}
	return now
}

// Close implements sdk.Driver.
func (d *driver) Close() error { return d.talk.Close() }

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, ""
}

// Recover implements sdk.Driver: there is nothing to settle.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	return api.Recovery{}, d.hold(func() error { _, err := d.look(); return err })
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	dev := api.Offline
	if d.talk.Online() {
		dev = api.Online
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]any{"common": map[string]any{"device": dev}, "powerManagement": power.Status{}, "X-ups": power.UPS{}}
	if !d.known {
		return out
	}
	r := d.now
	if dev == api.Online && r.failed {
		out["common"] = map[string]any{"device": api.StateHardwareError}
	}
	out["powerManagement"] = power.Status{Info: r.info()}
	out["X-ups"] = power.UPS{InputVolts: r.in, FaultVolts: r.fault, OutputVolts: r.out, LoadPercent: r.load, Hertz: r.hertz, BatteryVolts: r.battery, Celsius: r.celsius,
		Bypass: r.bypass, Failed: r.failed, Standby: r.standby, Testing: r.testing, ShuttingDown: r.shutdown, Beeper: r.beeper}
	return out
}

// info says it in the standard's words. Whether the battery is full or charging, Q1 does not
// tell.
func (r reading) info() power.Info {
	i := power.Info{PowerIn: "powering", PowerOut: "powering", Battery: "operational"}
	if r.utilityFail {
		i.PowerIn = "noPower"
	}
	if r.utilityFail || r.testing {
		i.Charging = "discharging"
	}
	if r.out != nil && *r.out < 10 {
		i.PowerOut, i.Charging = "noPower", ""
	}
	switch {
	case r.failed:
		i.Battery = "failure"
	case r.batteryLow && r.utilityFail:
		i.Battery = "critical"
	case r.batteryLow:
		i.Battery = "low"
	}
	return i
}
