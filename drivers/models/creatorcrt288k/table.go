package creatorcrt288k

import (
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/motorcard"
)

// table: commands and codes that no profile changes.
var table = motorcard.Table{
	ByHand: true, Look: cmdStatus, Count: cmdStatus, // nothing is retained: the answer has no number
	Forgot: func(_, code string) bool { return code == "30" },
	Track: map[string]string{
		"20": "dataInvalid", "21": "dataInvalid", "23": "dataMissing", "24": "dataMissing", "26": "dataInvalid", "27": "dataInvalid", "28": "dataInvalid",
	},
	Class: map[string]string{"11": card.ErrShutterFail, "20": card.ErrInvalidMedia, "21": card.ErrInvalidMedia, "69": card.ErrInvalidMedia},
}

// contacts lie on the card as soon as it is pushed in.
var contacts = motorcard.Chip{
	Off: cmdOff, IO: map[string]string{card.T0: "CQ3", card.T1: "CQ4"},
	Codes: map[string]string{
		"02": card.ErrNoMedia, "04": card.ErrInvalidData, "60": card.ErrInvalidMedia, "61": card.ErrATRNotObtained, "62": card.ErrATRNotObtained,
		"63": card.ErrInvalidMedia, "64": card.ErrInvalidMedia, "65": card.ErrATRNotObtained, "66": card.ErrProtocolNotSupported, "69": card.ErrInvalidMedia,
	},
	Dead: []string{"02", "60", "63", "64", "65"}, Mute: []string{"63"}, Bad: []string{"41", "60", "61", "62", "64", "65", "66", "69"},
	NoATR: "61", NoAnswer: "64",
}

// names: the table of the one driver whose source is public.
var names = map[string]string{
	"00": "undefined command", "01": "command parameter", "02": "command cannot be executed", "03": "not supported", "04": "command data",
	"11": "card latch", "15": "EEPROM", "20": "magnetic parity", "21": "magnetic reading", "30": "power down", "41": "IC module", "60": "IC supply short circuit",
	"61": "IC initialisation", "62": "not supported by the card", "63": "IC card does not respond", "64": "IC communication", "65": "IC card not initialised",
	"66": "card type not supported", "69": "not an EMV card",
}

// stripeNames are the codes of one track.
var stripeNames = map[string]string{
	"20": "parity", "23": "sentinels and LRC alone", "24": "blank track", "26": "no start sentinel", "27": "no end sentinel", "28": "LRC",
}

// step names what a command does, for the keys of vendorCodes.
func step(cmd string) string {
	switch cmd[1] {
	case '0':
		return "latch"
	case '6', 'Q':
		return "read"
	}
	return "status"
}
