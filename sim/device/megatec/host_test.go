package megatec_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"zhigui/drivers/conformance"
	"zhigui/sim/device"
)

// An independent host, the driver nutdrv_qx of Network UPS Tools, on the virtual UPS.
func TestAnIndependentHostReadsTheUPS(t *testing.T) {
	nut := conformance.Tool(t, "nut-server", "/lib/nut/nutdrv_qx", "/usr/lib/nut/nutdrv_qx", "/usr/libexec/nut-driver/nutdrv_qx")
	sim := device.MustStart(t, device.Config{Model: "megatec"})
	for _, a := range []struct {
		action string
		args   device.Args
	}{{"cutMains", nil}, {"setBattery", device.Args{"percent": 15}}, {"setLoad", device.Args{"percent": 61}}} {
		if _, err := sim.Do(a.action, a.args); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-s", "sim", "-x", "port=" + sim.Port(), "-x", "protocol=megatec", "-d", "1"}
	if os.Getuid() == 0 {
		args = append(args, "-u", "root") // else it gives its rights away and cannot open the port
	}
	cmd := exec.CommandContext(t.Context(), nut, args...)
	dir := t.TempDir()
	cmd.Env = append(os.Environ(), "NUT_STATEPATH="+dir, "NUT_ALTPIDPATH="+dir, "NUT_CONFPATH="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"ups.status: OB LB", "ups.load: 61", "input.voltage: 0.0", "input.voltage.fault: 140.0", "output.voltage: 220.0", "ups.temperature: 25.0",
		"input.voltage.nominal: 220", "battery.voltage.nominal: 24", "device.mfr: ZHIGUI-VIRTUAL", "ups.firmware: VER 1.0"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}
