package creatorcrt591

import (
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/motorcard"
)

// table: commands and codes that no profile changes. After silence an empty path proves nothing.
var table = motorcard.Table{
	Look: cmdStatus, Out: cmdGate, Bin: cmdBin, BinName: Bin, Count: cmdBinRead,
	Forgot: func(_, code string) bool { return code == "B0" },
	Gone:   []string{"16", "45"},
	Class: map[string]string{
		"10": card.ErrMediaJam, "40": card.ErrMediaJam, "42": card.ErrMediaJam, "43": card.ErrMediaJam,
		"13": card.ErrCardTooLong, "14": card.ErrCardTooShort, "16": card.ErrNoMedia, "45": card.ErrNoMedia,
		"50": card.ErrFull, "A1": card.ErrFull, "A0": card.ErrNoMedia,
		"60": card.ErrInvalidMedia, "61": card.ErrInvalidMedia, "62": card.ErrInvalidMedia, "63": card.ErrInvalidMedia, "64": card.ErrInvalidMedia,
		"66": card.ErrInvalidMedia, "69": card.ErrInvalidMedia,
	},
}

// contacts are the commands to the chip and their codes. The contacts lie on the card at the IC
// position; moving it away lifts them.
var contacts = motorcard.Chip{
	Warm: "CQ8", Off: "CQ1", IO: map[string]string{card.T0: "CQ3", card.T1: "CQ4", card.NotRequired: "CQ9"},
	Codes: map[string]string{
		"02": card.ErrNoMedia, "04": card.ErrInvalidData, "60": card.ErrInvalidMedia, "61": card.ErrATRNotObtained, "62": card.ErrATRNotObtained,
		"63": card.ErrInvalidMedia, "64": card.ErrInvalidMedia, "65": card.ErrATRNotObtained, "66": card.ErrProtocolNotSupported,
		"67": card.ErrInvalidMedia, "68": card.ErrInvalidMedia, "69": card.ErrInvalidMedia,
	},
	Dead: []string{"02", "16", "45", "60", "63", "64", "65", "67", "68"}, Mute: []string{"63", "68"}, Bad: []string{"41", "60", "61", "62", "64", "65", "66", "67", "69"},
	NoATR: "61", NoAnswer: "64",
}

// names: the maker's table; 16, 63 and 64 are the CRT-571's.
var names = map[string]string{
	"00": "undefined command", "01": "command parameter", "02": "command sequence", "03": "not supported", "04": "command data",
	"05": "IC contact not released", "10": "card jam", "12": "sensor", "13": "card too long", "14": "card too short", "16": "card moved by hand",
	"40": "card cannot be retracted", "41": "IC magnet", "42": "IC position not reached", "43": "IC position not reached", "45": "card moved by hand",
	"50": "retract counter overflow", "51": "motor", "60": "IC supply short circuit", "61": "IC activation", "62": "not supported by the card",
	"63": "IC card does not respond", "64": "IC protocol", "65": "IC card not activated", "66": "not supported by this card",
	"67": "IC transmission", "68": "IC transmission timeout", "69": "not an EMV card", "A0": "card stacker empty", "A1": "error bin full", "B0": "not initialised",
}

// step names what a command does, for the keys of vendorCodes; in is the one to the reading
// position.
func step(cmd, in string) string {
	switch {
	case cmd == cmdGate, cmd == "C00", cmd == "C04":
		return "eject"
	case cmd == cmdBin, cmd == "C01", cmd == "C05":
		return "capture"
	case cmd == in, cmd == cmdIC:
		return "dispense"
	case cmd[1] == 'Q', cmd[1] == '`':
		return "read"
	case cmd[1] == '0':
		return "init"
	}
	return "status"
}
