package xfs3x

import (
	"fmt"

	"zhigui/drivers/api"
)

// Classes: their numbers times 100 are where their commands, events and errors begin.
const (
	ptr = 100
	idc = 200
	cdm = 300
	pin = 400
)

// failure is how an error code ends a command.
type failure struct {
	outcome api.Outcome
	code    api.CompletionCode
	name    string
}

// general are the codes of XFSAPI.H with a completion code of their own; the others are internal
// errors.
var general = map[int32]failure{
	-4:  {api.Canceled, api.CodeCanceled, "CANCELED"},
	-13: {api.NotStarted, api.DeviceNotReady, "DEV_NOT_READY"},
	-14: {api.Failed, api.HardwareError, "HARDWARE_ERROR"},
	-20: {api.NotStarted, api.InvalidCommand, "INVALID_COMMAND"},
	-22: {api.NotStarted, api.DeviceNotReady, "INVALID_HSERVICE"},
	-26: {api.NotStarted, api.InvalidData, "INVALID_POINTER"},
	-32: {api.NotStarted, api.DeviceNotReady, "LOCKED"},
	-43: {api.NotStarted, api.DeviceNotReady, "SERVICE_NOT_FOUND"},
	-48: {api.TimedOut, api.CodeTimeOut, "TIMEOUT"},
	-49: {api.NotStarted, api.UnsupportedCommand, "UNSUPP_CATEGORY"},
	-50: {api.NotStarted, api.UnsupportedCommand, "UNSUPP_COMMAND"},
	-52: {api.NotStarted, api.InvalidData, "INVALID_DATA"},
	-54: {api.Indeterminate, api.HardwareError, "CONNECTION_LOST"},
	-55: {api.Failed, api.UserError, "USER_ERROR"},
	-56: {api.NotStarted, api.UnsupportedData, "UNSUPP_DATA"},
	-57: {api.Failed, api.FraudAttempt, "FRAUD_ATTEMPT"},
	-58: {api.NotStarted, api.SequenceError, "SEQUENCE_ERROR"},
}

// own are the errors of the classes by XFS4IoT's names. before marks those that come before
// anything moves.
type own struct {
	name   string
	before bool
}

var ownErrors = map[int32]own{
	-(idc + 0): {"mediaJam", false}, -(idc + 1): {"noMedia", true}, -(idc + 2): {"mediaRetained", false}, -(idc + 3): {"retainBinFull", true},
	-(idc + 4): {"invalidData", true}, -(idc + 5): {"invalidMedia", false}, -(idc + 9): {"shutterFail", false}, -(idc + 11): {"protocolNotSupported", true},
	-(idc + 12): {"atrNotObtained", false}, -(idc + 15): {"chipPowerNotSupported", true}, -(idc + 16): {"cardTooShort", false}, -(idc + 17): {"cardTooLong", false},

	-(cdm + 0): {"invalidCurrency", true}, -(cdm + 1): {"invalidTellerID", true}, -(cdm + 2): {"cashUnitError", false}, -(cdm + 3): {"invalidDenomination", true},
	-(cdm + 4): {"invalidMixNumber", true}, -(cdm + 5): {"noCurrencyMix", true}, -(cdm + 6): {"notDispensable", true}, -(cdm + 7): {"tooManyItems", true},
	-(cdm + 8): {"unsupportedPosition", true}, -(cdm + 10): {"safeDoorOpen", true}, -(cdm + 12): {"shutterNotOpen", false}, -(cdm + 13): {"shutterOpen", false},
	-(cdm + 15): {"invalidCashUnit", true}, -(cdm + 16): {"noItems", true}, -(cdm + 17): {"exchangeActive", true}, -(cdm + 20): {"presentErrorNoItems", false},
	-(cdm + 21): {"presentErrorItems", false}, -(cdm + 22): {"presentErrorUnknown", false}, -(cdm + 23): {"itemsTaken", false}, -(cdm + 28): {"positionNotEmpty", true},
	-(cdm + 29): {"invalidRetractPosition", true}, -(cdm + 30): {"notRetractArea", true}, -(cdm + 35): {"itemsNotTaken", false}, -(cdm + 36): {"itemsLeft", true},

	-(pin + 0): {"keyNotFound", true}, -(pin + 2): {"accessDenied", true}, -(pin + 4): {"duplicateKey", true}, -(pin + 6): {"keyNoValue", true}, -(pin + 7): {"useViolation", true},
	-(pin + 8): {"noPin", true}, -(pin + 9): {"invalidKeyLength", true}, -(pin + 10): {"keyInvalid", true}, -(pin + 11): {"keyNotSupported", true}, -(pin + 12): {"noActiveKeys", true},
	-(pin + 14): {"noTerminateKeys", true}, -(pin + 15): {"minimumLength", true}, -(pin + 21): {"algorithmNotSupported", true}, -(pin + 22): {"formatNotSupported", true},
	-(pin + 27): {"contentInvalid", false},

	-(ptr + 2): {"noMediaPresent", true}, -(ptr + 4): {"flushFail", false}, -(ptr + 5): {"mediaOverflow", false}, -(ptr + 14): {"retractBinFull", false},
	-(ptr + 15): {"stackerFull", false}, -(ptr + 18): {"shutterFail", false}, -(ptr + 19): {"mediaJammed", false}, -(ptr + 22): {"paperJammed", false}, -(ptr + 23): {"paperOut", false},
	-(ptr + 24): {"inkOut", false}, -(ptr + 25): {"tonerOut", false}, -(ptr + 28): {"sequenceInvalid", true}, -(ptr + 31): {"mediaRetained", false},
}

// ended turns hResult into a completion. Of a command that moves cash only success and what comes
// before any motion is believed; of one that moves a card or paper a time-out or a cancel proves
// nothing.
func ended(r int32, motion api.Motion) api.Completion {
	if r == 0 {
		return api.Completion{Outcome: api.Done}
	}
	c := api.Completion{Outcome: api.Failed, Code: api.InternalError, Vendor: &api.VendorError{Code: fmt.Sprint(r)}}
	if f, ok := general[r]; ok {
		c.Outcome, c.Code, c.Vendor.Name = f.outcome, f.code, f.name
	} else if e, ok := ownErrors[r]; ok {
		c.Code, c.ErrorCode, c.Vendor.Name = api.CommandErrorCode, e.name, e.name
		if e.before {
			c.Outcome = api.NotStarted
		}
	}
	c.Description = "service provider: " + c.Vendor.Name + " (" + c.Vendor.Code + ")"
	switch {
	case c.Outcome == api.NotStarted:
	case motion == api.MovesCash, motion == api.MovesMedia && (c.Outcome == api.Canceled || c.Outcome == api.TimedOut):
		c.Outcome = api.Indeterminate
	}
	return c
}

// devices are the values of fwDevice.
var devices = []api.DeviceState{api.Online, api.Offline, api.PowerOff, api.NoDevice, api.StateHardwareError, api.StateUserError, api.DeviceBusy, api.StateFraudAttempt, api.StatePotentialFraud}

// pick is the name of a value, or "unknown".
func pick[T ~string](names []T, v uint16) T {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return "unknown"
}
