package conformance_test

import (
	"testing"

	"zhigui/drivers/api/card"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models"
	"zhigui/drivers/models/cashcodeccnet"
	"zhigui/drivers/models/creatorcrt288k"
	"zhigui/drivers/models/creatorcrt350n"
	"zhigui/drivers/models/creatorcrt591"
	"zhigui/drivers/models/epsonescp"
	"zhigui/drivers/models/escposreceipt"
	"zhigui/drivers/models/itlnv200"
	"zhigui/drivers/models/kmy3501"
	"zhigui/drivers/models/olivettipr2"
	"zhigui/drivers/models/omron3s4yr"
	"zhigui/drivers/models/puloonlcdm2000"
	"zhigui/drivers/models/puloonlcdm4000"
	"zhigui/drivers/models/starline"
	"zhigui/drivers/models/szztzt598"
	"zhigui/sim/device"
)

func TestMain(m *testing.M) { conformance.Main(m, models.All()...) }

// virtual is a byte-level virtual device as the other end.
type virtual struct{ *device.Sim }

func (v virtual) Vanish() error  { _, err := v.Do("portVanish", nil); return err }
func (v virtual) Return() error  { _, err := v.Do("portReturn", nil); return err }
func (v virtual) Garbage() error { return v.ArmLine(device.Garbage, 1) }

func on(model string) func(*testing.T) conformance.Device {
	return func(t *testing.T) conformance.Device {
		return virtual{device.MustStart(t, device.Config{Model: model})}
	}
}

// req: D-05
func TestTheCardReaderConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: card.CmdMove, Model: creatorcrt350n.Model, Device: on("crt350n"),
		Profile:  map[string]any{"pollMs": 20, "idlePollMs": 40, "replyMs": 5000},
		Harmless: conformance.Request{Name: card.CmdReset, Payload: card.Reset{To: card.Current}},
		Wait:     conformance.Request{Name: card.CmdReadRawData, Payload: card.ReadRawData{Track2: true}}, Began: card.EvInsertCard})
}

func TestTheOtherCardReaderConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: card.CmdMove, Model: omron3s4yr.Model, Device: on("omron3s4yr"),
		Profile:  map[string]any{"pollMs": 20, "idlePollMs": 40, "ackMs": 200},
		Harmless: conformance.Request{Name: card.CmdReset, Payload: card.Reset{To: card.Current}},
		Wait:     conformance.Request{Name: card.CmdReadRawData, Payload: card.ReadRawData{Track2: true}}, Began: card.EvInsertCard})
}

func TestTheCardReaderByHandConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: card.CmdMove, Model: creatorcrt288k.Model, Device: on("crt288k"),
		Profile:  map[string]any{"pollMs": 20, "idlePollMs": 40},
		Harmless: conformance.Request{Name: card.CmdReset, Payload: card.Reset{To: card.Current}},
		Wait:     conformance.Request{Name: card.CmdReadRawData, Payload: card.ReadRawData{Track2: true}}, Began: card.EvInsertCard})
}

func TestTheCardDispenserConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: card.CmdMove, Model: creatorcrt591.Model, Device: on("crt591"),
		Profile:  map[string]any{"pollMs": 20, "idlePollMs": 40},
		Harmless: conformance.Request{Name: card.CmdReset, Payload: card.Reset{To: card.Current}},
		Wait:     conformance.Request{Name: card.CmdReadRawData, Payload: card.ReadRawData{Chip: true}}, Began: card.EvInsertCard})
}

func TestTheCashDispenserConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: cash.CmdDispense, Model: puloonlcdm2000.Model, Device: on("lcdm2000"),
		Profile:  map[string]any{"pollMs": 40, "heldPollMs": 40},
		Harmless: conformance.Request{Name: cash.CmdReset, Payload: map[string]any{}}})
}

func TestTheCashDispenserWithFourCassettesConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: cash.CmdDispense, Model: puloonlcdm4000.Model, Device: on("lcdm4000"),
		Profile:  map[string]any{"pollMs": 40, "heldPollMs": 40},
		Harmless: conformance.Request{Name: cash.CmdReset, Payload: map[string]any{}}})
}

func TestThePinPadConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: pinpad.CmdImportKey, Model: szztzt598.Model, Device: on("zt598"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500},
		Harmless: conformance.Request{Name: pinpad.CmdInit, Payload: map[string]any{}},
		Wait:     conformance.Request{Name: pinpad.CmdPinEntry, Payload: pinpad.PinEntry{}}, Began: pinpad.EvEnterData})
}

func TestTheOtherPinPadConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: pinpad.CmdImportKey, Model: kmy3501.Model, Device: on("kmy3501"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500},
		Harmless: conformance.Request{Name: pinpad.CmdInit, Payload: map[string]any{}},
		Wait:     conformance.Request{Name: pinpad.CmdDataEntry, Payload: pinpad.DataEntry{}}, Began: pinpad.EvEnterData})
}

func TestThePassbookPrinterConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: printer.CmdPrintPassbook, Model: olivettipr2.Model, Device: on("pr2"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500},
		Harmless: conformance.Request{Name: printer.CmdReset, Payload: map[string]any{}},
		Wait:     conformance.Request{Name: printer.CmdInsertMedia, Payload: map[string]any{}}, Began: printer.EvNoMedia})
}

func TestThePrinterConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: printer.CmdPrintReceipt, Model: escposreceipt.Model, Device: on("escpos"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500, "jobMs": 3000},
		Harmless: conformance.Request{Name: printer.CmdReset, Payload: map[string]any{}}})
}

func TestThePagePrinterConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: printer.CmdPrintPage, Model: epsonescp.Model, Device: on("escp"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 400, "silentMs": 1200, "jobMs": 3000},
		Harmless: conformance.Request{Name: printer.CmdReset, Payload: map[string]any{}}})
}

func TestTheOtherPrinterConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: printer.CmdPrintReceipt, Model: starline.Model, Device: on("starline"),
		Profile:  map[string]any{"pollMs": 40, "replyMs": 500, "jobMs": 3000, "resetMs": 1000},
		Harmless: conformance.Request{Name: printer.CmdReset, Payload: map[string]any{}}})
}

func TestTheValidatorCCNETConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: cash.CmdCashInStart, Model: cashcodeccnet.Model, Device: on("ccnet"),
		Profile:  map[string]any{"pollMs": 40, "workPollMs": 10, "replyMs": 400},
		Harmless: conformance.Request{Name: cash.CmdReset, Payload: map[string]any{}},
		Before:   []conformance.Request{{Name: cash.CmdCashInStart, Payload: cash.CashInStart{}}},
		Wait:     conformance.Request{Name: cash.CmdCashIn}, Began: cash.EvInsertItems})
}

func TestTheNoteAcceptorConforms(t *testing.T) {
	conformance.Run(t, conformance.Options{BadPayload: cash.CmdCashInStart, Model: itlnv200.Model, Device: on("itlssp"),
		Profile:  map[string]any{"pollMs": 40, "workPollMs": 10, "replyMs": 500, "settleMs": 300},
		Harmless: conformance.Request{Name: cash.CmdReset, Payload: map[string]any{}},
		Before:   []conformance.Request{{Name: cash.CmdCashInStart, Payload: cash.CashInStart{}}},
		Wait:     conformance.Request{Name: cash.CmdCashIn}, Began: cash.EvInsertItems})
}
