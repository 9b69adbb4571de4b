package conformance_test

import (
	"path/filepath"
	"testing"

	"zhigui/drivers/api/barcode"
	"zhigui/drivers/api/biometric"
	"zhigui/drivers/api/camera"
	"zhigui/drivers/api/idcard"
	"zhigui/drivers/api/power"
	"zhigui/drivers/api/siu"
	"zhigui/drivers/api/textterminal"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/gm65"
	"zhigui/drivers/models/megatecups"
	"zhigui/drivers/models/modbussiu"
	"zhigui/drivers/models/r30x"
	"zhigui/drivers/models/samv"
	"zhigui/drivers/models/serialscanner"
	"zhigui/drivers/models/v4l2camera"
	"zhigui/drivers/models/vt100panel"
	"zhigui/sim/device"
	scanner "zhigui/sim/device/gm65"
	"zhigui/sim/device/pictures"
)

// The smaller devices of a counter.

func TestTheScannerModuleConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: barcode.CmdRead, Model: gm65.Model, Device: on("gm65"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500},
		Harmless: conformance.Request{Name: barcode.CmdReset},
		Wait:     conformance.Request{Name: barcode.CmdRead}, Began: barcode.EvPresent})
}

// powered is a device that lives on its port's power: the port goes with it.
type powered struct{ virtual }

func (p powered) PowerCut()     { p.virtual.PowerCut(); _ = p.Vanish() }
func (p powered) PowerRestore() { _ = p.Return(); p.virtual.PowerRestore() }

func TestThePlainScannerConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: barcode.CmdRead, Model: serialscanner.Model,
		Device: func(t *testing.T) conformance.Device {
			return powered{virtual{device.MustStart(t, device.Config{Model: "gm65", Scanner: &scanner.Config{Language: "plain"}})}}
		},
		Profile:  map[string]any{"pollMs": 40},
		Harmless: conformance.Request{Name: barcode.CmdReset},
		Wait:     conformance.Request{Name: barcode.CmdRead}, Began: barcode.EvPresent})
}

func TestTheSensorBoardConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: siu.CmdSetLight, Model: modbussiu.Model, Device: on("modbussiu"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500},
		Harmless: conformance.Request{Name: siu.CmdSetAuxiliaries, Payload: map[string]any{"heating": "on"}}})
}

func TestTheUPSConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: power.CmdBeeper, Model: megatecups.Model, Device: on("megatec"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500, "echoMs": 50},
		Harmless: conformance.Request{Name: power.CmdBeeper, Payload: power.Beeper{On: true}}})
}

func TestTheIdentityCardReaderConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: idcard.CmdRead, Model: samv.Model, Device: on("samv"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500, "findMs": 20},
		Harmless: conformance.Request{Name: idcard.CmdReset},
		Wait:     conformance.Request{Name: idcard.CmdRead}, Began: idcard.EvPresent})
}

func TestTheFingerprintModuleConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: biometric.CmdMatch, Model: r30x.Model, Device: on("r30x"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500, "fingerMs": 20},
		Harmless: conformance.Request{Name: biometric.CmdReset},
		Wait:     conformance.Request{Name: biometric.CmdRead}, Began: biometric.EvPresent})
}

func TestTheOperatorsPanelConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: textterminal.CmdWrite, Model: vt100panel.Model, Device: on("vtpanel"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500},
		Harmless: conformance.Request{Name: textterminal.CmdClearScreen},
		Wait: conformance.Request{Name: textterminal.CmdRead, Payload: textterminal.Read{Keys: textterminal.Keys{
			ActiveCommandKeys: map[string]textterminal.CommandKey{"enter": {Terminate: true}}}}}, Began: textterminal.EvReading})
}

func TestTheCameraConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: camera.CmdTakePicture, Model: v4l2camera.Model,
		Device: func(t *testing.T) conformance.Device {
			f, err := pictures.Make(filepath.Join(t.TempDir(), "camera"), 2)
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
		Profile:  map[string]any{"pollMs": 40},
		Harmless: conformance.Request{Name: camera.CmdTakePicture, Payload: camera.TakePicture{Camera: camera.Person}}})
}
