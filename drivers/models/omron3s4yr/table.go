package omron3s4yr

import (
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/motorcard"
)

// table: commands and codes that no profile changes.
var table = motorcard.Table{
	Look: "C10", Shut: "C:1", Out: "C30", In: "C40", Bin: "C31", Count: "CQ0", Tracks: []string{"C61", "C62", "C63"},
	Step: step,
	Gone: []string{"60", "63"},
	Track: map[string]string{"44": "dataMissing", "45": "dataMissing", "40": "dataInvalid", "41": "dataInvalid", "42": "dataInvalid", "43": "dataInvalid",
		"46": "dataInvalid"},
	Class: map[string]string{
		"10": card.ErrMediaJam, "15": card.ErrMediaJam, "16": card.ErrMediaJam, "64": card.ErrMediaJam, "11": card.ErrShutterFail,
		"20": card.ErrCardTooLong, "21": card.ErrCardTooShort, "14": card.ErrNoMedia, "60": card.ErrNoMedia, "63": card.ErrNoMedia,
		"44": card.ErrInvalidMedia,
	},
	Proves: true,
}

// names: the maker's table (specification 3.4.2).
var names = map[string]string{
	"00": "undefined command", "01": "command sequence", "02": "command data", "03": "write track setting",
	"10": "card jam", "11": "shutter", "12": "sensor", "13": "motor", "14": "card drawn out", "15": "jam in re-intake", "16": "jam at the rear end",
	"17": "encoder", "18": "power down detected", "19": "waiting for initial reset", "20": "card too long", "21": "card too short",
	"32": "card position changed", "33": "memory information", "40": "no start sentinel", "41": "no end sentinel", "42": "character parity",
	"43": "LRC", "44": "no encoding", "45": "no data", "46": "jitter", "49": "track was not read", "50": "write, no start sentinel",
	"51": "write, no end sentinel", "52": "write, parity", "53": "write, LRC", "54": "write, no encoding", "55": "write, other data", "56": "write, jitter",
	"60": "card taken out when re-intake", "61": "no card inserted in time", "62": "card not taken in time", "63": "card not pushed in in time",
	"64": "card held at the mouth during the reset", "70": "firmware imperfect", "71": "firmware loading", "80": "IC press", "81": "IC activation",
	"82": "IC sequence", "83": "IC ATR", "84": "IC communication", "85": "IC abort", "86": "IC data", "87": "IC not supported", "88": "card moved in press",
}

// step names what a command does, for the keys of vendorCodes.
func step(cmd string) string {
	switch {
	case cmd == "C30", cmd == "C00", cmd == "C04":
		return "eject"
	case cmd == "C31", cmd == "C01", cmd == "C05":
		return "capture"
	case cmd[:2] == "C4", cmd[:2] == "C:":
		return "intake"
	case cmd[:2] == "C6":
		return "read"
	case cmd[:2] == "C0":
		return "init"
	}
	return "status"
}
