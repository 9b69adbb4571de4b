// Package xfs4iot drives the device behind any maker's XFS4IoT service provider (CWA 17852)
// over WebSocket: one model for each class, all with one client. README.md says which points
// of the standard makers disagree on and what is done about them. Imported by drivers/models
// and tests.
package xfs4iot

import (
	_ "embed"

	"zhigui/drivers/api"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Models are the models, one for each class that needs no mapping of payloads. Cash is not
// among them: the outcome of a dispense must be proven by GetPresentStatus and the storage
// counts, which service providers fill differently (see README.md).
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
}

func model(name string, class api.Class, iface string, commands map[string]api.Motion) sdk.Model {
	return sdk.Model{
		Name: name, Class: class, Maker: "any", Version: "1.0.0", Profile: profileYAML, Commands: commands,
		Capabilities: func(e sdk.Env) (map[string]any, error) {
			if _, err := readProfile(e); err != nil {
				return nil, err
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
