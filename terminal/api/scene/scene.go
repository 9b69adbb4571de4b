// Package scene is what a terminal can be: ten kinds of one application, told apart by their
// devices and by the services that they start. A terminal's configuration names its scenes; the
// platform starts their services and needs their devices. The platform, its pages' contract and
// the virtual branch import it.
package scene

import (
	"fmt"
	"slices"
	"strings"
)

// Scene is one kind of terminal.
type Scene struct {
	Name   string
	ZH, EN string
	Needs  []string // device ids of platform.yaml without which it does not start
	May    []string // those it uses when they are fitted
	Starts []string // services, in the order of the first screen
}

// Devices of a scene, those that it may have included.
func (s Scene) Devices() []string { return append(slices.Clone(s.Needs), s.May...) }

// The services: businesses that a customer can choose, and notices, which nobody has to choose.
const (
	Withdrawal = "withdrawal"
	Deposit    = "deposit"
	Transfer   = "transfer"
	Balance    = "balance"
	Statement  = "statement"
	PinChange  = "pinChange"
	Passbook   = "passbook"
	CardIssue  = "cardIssue"
	Ticket     = "ticket"
	FormFill   = "formFill"
	Notices    = "notices"
)

// needs are the devices of a service. What asks the bank needs the PIN pad: it makes the MAC.
var needs = map[string][]string{
	Withdrawal: {"card", "pinpad", "cash"},
	Deposit:    {"card", "pinpad", "acceptor"},
	Transfer:   {"card", "pinpad"},
	Balance:    {"card", "pinpad"},
	Statement:  {"card", "pinpad"},
	PinChange:  {"card", "pinpad"},
	Passbook:   {"pinpad", "passbook"},
	CardIssue:  {"pinpad", "cards", "idreader"},
	Ticket:     {"printer"},
	FormFill:   {"printer", "idreader"},
	Notices:    {},
}

// Default is the scene of a terminal that names none.
const Default = "counter"

// All are the ten scenes.
var All = []Scene{
	{"atm", "自动柜员机", "Cash machine", []string{"card", "pinpad", "cash", "printer"}, []string{"acceptor", "siu", "ups"},
		[]string{Withdrawal, Deposit, Transfer, Balance, Statement, PinChange}},
	{Default, "智能柜台", "Smart counter", []string{"card", "pinpad", "cash", "printer"}, []string{"acceptor", "cards", "passbook", "idreader", "scanner", "finger", "camera", "siu", "ups", "panel"},
		[]string{Withdrawal, Deposit, Transfer, Balance, Statement, PinChange, Passbook, CardIssue}},
	{"issuing", "发卡机", "Card issuing machine", []string{"cards", "idreader", "pinpad"}, []string{"printer", "finger", "siu"},
		[]string{CardIssue}},
	{"vtm", "远程视频柜员机", "Video teller machine", []string{"card", "pinpad", "printer", "idreader"}, []string{"cards", "scanner", "finger", "camera", "siu", "ups"},
		[]string{Transfer, Balance, Statement, PinChange, CardIssue}},
	{"information", "信息发布", "Information display", nil, []string{"siu"},
		[]string{Notices}},
	{"form", "填单机", "Form-filling machine", []string{"printer", "idreader"}, []string{"scanner", "siu"},
		[]string{FormFill}},
	{"queue", "排队叫号", "Queue tickets", []string{"printer"}, []string{"idreader", "siu"},
		[]string{Ticket}},
	{"enquiry", "查询机", "Enquiry machine", []string{"card", "pinpad"}, []string{"printer", "siu"},
		[]string{Balance, Statement, PinChange}},
	{"passbook", "存折补登", "Passbook printer", []string{"passbook", "pinpad"}, []string{"siu"},
		[]string{Passbook}},
	{"receipt", "电子回单打印", "E-receipt printing", []string{"card", "pinpad", "printer"}, []string{"siu"},
		[]string{Statement}},
}

// Find a scene by its name.
func Find(name string) (Scene, bool) {
	for _, s := range All {
		if s.Name == name {
			return s, true
		}
	}
	return Scene{}, false
}

// Check says which device is missing for the named scenes; fitted tells which there are.
func Check(names []string, fitted func(id string) bool) error {
	for _, name := range names {
		s, ok := Find(name)
		if !ok {
			var known []string
			for _, s := range All {
				known = append(known, s.Name)
			}
			return fmt.Errorf("%q is not one of %s", name, strings.Join(known, ", "))
		}
		for _, id := range s.Needs {
			if !fitted(id) {
				return fmt.Errorf("%s needs the device %s: model and port of devices.%s", name, id, id)
			}
		}
	}
	return nil
}

// Started are the services of the named scenes whose devices are fitted.
func Started(names []string, fitted func(id string) bool) (out []string) {
	for _, name := range names {
		s, _ := Find(name)
		for _, svc := range s.Starts {
			if !slices.Contains(out, svc) && !slices.ContainsFunc(needs[svc], func(id string) bool { return !fitted(id) }) {
				out = append(out, svc)
			}
		}
	}
	return out
}

// AsksBank reports whether a service sends transactions to the bank.
func AsksBank(service string) bool { return slices.Contains(needs[service], "pinpad") }
