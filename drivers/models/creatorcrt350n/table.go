package creatorcrt350n

import (
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/motorcard"
)

// table: commands and codes that no profile changes.
var table = motorcard.Table{
	Look: "C10", Shut: "C:1", Out: "C30", In: "C40", Bin: "C31", Count: "CC0", Tracks: []string{"C61", "C62", "C63"},
	Forgot: func(_, code string) bool { return code == "B0" },
	Step:   step,
	Gone:   []string{"02", "16"},
	Track: map[string]string{"23": "dataMissing", "24": "dataMissing", "20": "dataInvalid", "21": "dataInvalid", "25": "dataInvalid", "26": "dataInvalid",
		"27": "dataInvalid", "28": "dataInvalid"},
	Class: map[string]string{
		"10": card.ErrMediaJam, "17": card.ErrMediaJam, "43": card.ErrMediaJam, "18": card.ErrMediaJam, "11": card.ErrShutterFail,
		"13": card.ErrCardTooLong, "14": card.ErrCardTooShort, "16": card.ErrNoMedia, "40": card.ErrNoMedia, "50": card.ErrRetainFull,
		"24": card.ErrInvalidMedia, "19": card.ErrInvalidMedia,
	},
	Proves: true,
}

// contacts are the commands to the chip and their codes.
var contacts = motorcard.Chip{
	Press: "C@0", Lift: "C@2", Off: "CI1", IO: map[string]string{card.T0: "CI3", card.T1: "CI4", card.NotRequired: "CI9"},
	Codes: map[string]string{
		"02": card.ErrNoMedia, "04": card.ErrInvalidData, "60": card.ErrInvalidMedia, "61": card.ErrATRNotObtained, "62": card.ErrATRNotObtained,
		"63": card.ErrInvalidMedia, "64": card.ErrInvalidMedia, "65": card.ErrATRNotObtained, "66": card.ErrProtocolNotSupported, "69": card.ErrInvalidMedia,
	},
	Dead: []string{"02", "16", "43", "60", "63", "64", "65"}, Mute: []string{"63"}, Bad: []string{"60", "61", "62", "64", "65", "66", "69", "41"},
	NoATR: "61", NoAnswer: "64",
}

// names: two drivers written independently of each other; README.md.
var names = map[string]string{
	"00": "undefined command", "01": "command parameter", "02": "command cannot be executed", "03": "not supported", "04": "command data",
	"05": "IC contact not released", "06": "key not received", "10": "card jam", "11": "shutter", "12": "sensor", "13": "card too long",
	"14": "card too short", "15": "parameter memory CRC", "16": "card moved by hand", "17": "jam on re-intake", "18": "switch or two cards",
	"19": "card not inserted from the rear", "20": "parity", "21": "read error", "22": "write error", "23": "no data on the track",
	"24": "no magnetic stripe", "25": "write quality", "26": "no start sentinel", "27": "no end sentinel", "28": "LRC", "29": "mismatch after writing",
	"30": "power loss", "31": "DSR or DTR low", "39": "fan", "40": "card pulled out during capture", "41": "IC contact sensor",
	"43": "IC position not reached", "45": "forced eject", "46": "card not taken in time", "50": "retain counter overflow", "51": "motor",
	"53": "mechanics", "54": "mechanics", "55": "mechanics", "56": "mechanics", "58": "mechanics", "60": "IC supply voltage", "61": "ATR",
	"62": "invalid ATR", "63": "IC card does not respond", "64": "IC communication", "65": "IC card not activated", "66": "IC card not supported",
	"69": "not an EMV card", "73": "EEPROM", "76": "anti-skimming unit", "95": "anti-skimming unit", "99": "anti-skimming unit", "B0": "not initialised",
}

// step names what a command does, for the keys of vendorCodes.
func step(cmd string) string {
	switch {
	case cmd == "C30", cmd == "C00", cmd == "C04":
		return "eject"
	case cmd == "C31", cmd == "C01", cmd == "C05":
		return "capture"
	case cmd == "C40", cmd[:2] == "C2", cmd[:2] == "C:":
		return "intake"
	case cmd[:2] == "C6":
		return "read"
	case cmd[:2] == "CI", cmd[:2] == "C@":
		return "chip"
	case cmd[:2] == "C0":
		return "init"
	}
	return "status"
}
