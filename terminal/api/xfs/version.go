package xfs

// Versions of the completions and events that differ from 2.0 in publication 2024-3.
// Commands and completions of the same name may differ; a client that asks for another
// major version through Common.SetVersions is refused by name.
var versions = map[string]string{
	"Common.Status":                         "3.0",
	"Common.Capabilities":                   "3.0",
	"Common.StatusChangedEvent":             "3.0",
	"CardReader.ReadRawData":                "3.0",
	"CardReader.ChipIO":                     "3.0",
	"CardReader.ChipPower":                  "3.0",
	"CashDispenser.Denominate":              "3.0",
	"CashDispenser.Dispense":                "3.0",
	"CashDispenser.GetPresentStatus":        "3.0",
	"CashDispenser.IncompleteDispenseEvent": "3.0",
	"Crypto.CryptoData":                     "3.0",
	"Crypto.GenerateAuthentication":         "3.0",
	"KeyManagement.ImportKey":               "3.0",
	"PinPad.GetPinBlock":                    "3.0",
	"Printer.PrintForm":                     "3.0",
	"Printer.PrintRaw":                      "3.0",
	"Storage.GetStorage":                    "2.1",
}

// Version is the version with which we send a completion or event.
func Version(name string) string {
	if v, ok := versions[name]; ok {
		return v
	}
	return "2.0"
}
