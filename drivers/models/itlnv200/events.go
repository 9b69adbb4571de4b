package itlnv200

import (
	"encoding/binary"
	"fmt"
)

// Events in a poll's answer.
const (
	evPayError     = 0xB1
	evEmptying     = 0xB3
	evEmptied      = 0xB4
	evAllInhibited = 0xB5
	evInitialising = 0xB6
	evBoxPaidStart = 0xCA // note paid into the cash box at power-up
	evStoredStart  = 0xCB // note paid into the store at power-up
	evStacking     = 0xCC
	evPaidStart    = 0xCD // note dispensed at power-up
	evBezel        = 0xCE
	evDispensed    = 0xD2
	evPayJam       = 0xD5
	evHalted       = 0xD6
	evPayTimeout   = 0xD9
	evDispensing   = 0xDA
	evStored       = 0xDB
	evIncomplete   = 0xDC
	evFrontCleared = 0xE1
	evBoxCleared   = 0xE2
	evBoxOut       = 0xE3
	evBoxIn        = 0xE4
	evFraud        = 0xE6
	evFull         = 0xE7
	evDisabled     = 0xE8
	evUnsafeJam    = 0xE9
	evSafeJam      = 0xEA
	evStacked      = 0xEB
	evRejected     = 0xEC
	evRejecting    = 0xED
	evCredit       = 0xEE
	evRead         = 0xEF
	evReset        = 0xF1
)

// event is one event. channel is set for those that carry one; value is the first amount of
// those that carry amounts.
type event struct {
	code    byte
	channel int
	value   int64
	wanted  int64 // of an interrupted payout
}

// parseEvents reads a poll's answer. amounts: a fraud is reported with amounts, not a channel.
// An event that nobody knows ends the reading: its length is not known.
func parseEvents(b []byte, amounts bool) (list []event, err error) {
	short := func(e byte) error { return fmt.Errorf("%w: event %02X is cut off", errLayout, e) }
	for len(b) > 0 {
		e, size := event{code: b[0]}, 1
		switch e.code {
		case evRead, evCredit, evFrontCleared, evBoxCleared:
			size = 2
		case evFraud:
			if size = 2; amounts && len(b) > 1 {
				size = 2 + 7*int(b[1])
			}
		case evBezel:
			size = 8
		case evPayError, evEmptying, evEmptied, evBoxPaidStart, evStoredStart, evPaidStart, evDispensed, evPayJam, evHalted, evPayTimeout, evDispensing,
			0xC9, 0xD7, 0xD8:
			if len(b) < 2 {
				return list, short(e.code)
			}
			if size = 2 + 7*int(b[1]); e.code == evPayError {
				size++
			}
		case evIncomplete, 0xDD:
			if len(b) < 2 {
				return list, short(e.code)
			}
			size = 2 + 11*int(b[1])
		case evAllInhibited, evInitialising, evStacking, evStored, evBoxOut, evBoxIn, evFull, evDisabled, evUnsafeJam, evSafeJam, evStacked, evRejected,
			evRejecting, evReset, 0xB0, 0xC2, 0xC3, 0xC6, 0xE0:
		default:
			return list, fmt.Errorf("%w: unknown event %02X", errLayout, e.code)
		}
		if len(b) < size {
			return list, short(e.code)
		}
		switch {
		case size == 2:
			e.channel = int(b[1])
		case e.code == evBezel:
			e.value = int64(binary.LittleEndian.Uint32(b[1:]))
		case size >= 9:
			e.value = int64(binary.LittleEndian.Uint32(b[2:]))
			if e.code == evIncomplete && size >= 13 {
				e.wanted = int64(binary.LittleEndian.Uint32(b[6:]))
			}
		}
		list = append(list, e)
		b = b[size:]
	}
	return list, nil
}
