// Package xfs4iot drives the device behind any maker's XFS4IoT service provider (CWA 17852)
// over WebSocket: one model for each class, all with one client. README.md says which points
// of the standard makers disagree on and what is done about them. Imported by drivers/models
// and tests.
package xfs4iot

import (
	_ "embed"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

//go:embed cash.yaml
var cashYAML []byte

//go:embed pinpad.yaml
var pinpadYAML []byte

// Models are the models, one for each class. Those of the small classes pass payloads on;
// dispenser, acceptor and PIN pad translate them and prove what was done (see README.md).
var Models = []sdk.Model{
	model("xfs4iotcard", api.ClassCardReader, "cardReader", map[string]api.Motion{
		"CardReader.ReadRawData": api.Wait, "CardReader.Move": api.MovesMedia, "CardReader.Reset": api.MovesMedia,
		"CardReader.ChipPower": api.Wait, "CardReader.ChipIO": api.Wait, "CardReader.QueryIFMIdentifier": api.Still,
		"Storage.GetStorage": api.Still,
	}),
	model("xfs4iotscanner", api.ClassBarcodeReader, "barcodeReader", map[string]api.Motion{
		"BarcodeReader.Read": api.Wait, "BarcodeReader.Reset": api.Wait,
	}),
	model("xfs4iotprinter", api.ClassPrinter, "printer", map[string]api.Motion{
		"Printer.PrintRaw": api.MovesMedia, "Printer.PrintForm": api.MovesMedia, "Printer.PrintNative": api.MovesMedia, "Printer.ControlMedia": api.MovesMedia,
		"Printer.Reset": api.MovesMedia, "Printer.GetFormList": api.Still, "Printer.GetMediaList": api.Still, "Printer.ReadImage": api.Wait,
	}),
	model("xfs4iotsensors", api.ClassAuxiliaries, "auxiliaries", map[string]api.Motion{
		"Lights.SetLight": api.Wait, "Auxiliaries.SetAuxiliaries": api.Wait, "Auxiliaries.Register": api.Wait,
	}),
	model("xfs4iotcamera", api.ClassCamera, "camera", map[string]api.Motion{"Camera.TakePicture": api.Wait, "Camera.Reset": api.Wait}),
	model("xfs4iotbiometric", api.ClassBiometric, "biometric", map[string]api.Motion{
		"Biometric.Read": api.Wait, "Biometric.Import": api.Wait, "Biometric.Match": api.Wait, "Biometric.Clear": api.Wait, "Biometric.Reset": api.Wait,
	}),
	with(model("xfs4iotdispenser", api.ClassCashDispenser, "cashDispenser", dispenserCommands), cashYAML, newDispenser),
	with(model("xfs4iotacceptor", api.ClassCashAcceptor, "cashAcceptor", acceptorCommands), cashYAML, newAcceptor),
	with(model("xfs4iotpinpad", api.ClassPinPad, "pinPad", pinpadCommands), pinpadYAML, newPinpad),
}

// with makes a model of a class that has more in its profile and translates payloads.
func with(m sdk.Model, more []byte, wrap func(*driver) sdk.Driver) sdk.Model {
	m.Profile = slices.Concat(m.Profile, more)
	plain := m.New
	m.New = func(e sdk.Env) (sdk.Driver, error) {
		d, err := plain(e)
		if err != nil {
			return nil, err
		}
		return wrap(d.(*driver)), nil
	}
	return m
}

func model(name string, class api.Class, iface string, commands map[string]api.Motion) sdk.Model {
	return sdk.Model{
		Name: name, Class: class, Maker: "any", Version: "1.0.0", Profile: profileYAML, Commands: commands,
		Capabilities: func(e sdk.Env) (map[string]any, error) {
			p, err := readProfile(e)
			if err != nil {
				return nil, err
			}
			if p.EndToEnd {
				return map[string]any{iface: map[string]any{}, "common": map[string]any{"endToEndSecurity": map[string]any{"required": "ifConfigured"}}}, nil
			}
			return map[string]any{iface: map[string]any{}}, nil // the service provider's own are in Common.Capabilities of its service
		},
		New: func(e sdk.Env) (sdk.Driver, error) {
			p, err := readProfile(e)
			if err != nil {
				return nil, err
			}
			return &driver{env: e, p: p, commands: commands, down: make(chan struct{})}, nil
		},
	}
}
