package xfs3x

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// Identification cards (XFSIDC.H).
const (
	idcStatus  = idc + 1
	idcEject   = idc + 3
	idcRetain  = idc + 4
	idcReadRaw = idc + 7
	idcChipIO  = idc + 9
	idcReset   = idc + 10
	idcPower   = idc + 11

	idcInserted = idc + 3
	idcRemoved  = idc + 4
	idcInvalid  = idc + 7
	idcDetected = idc + 9
	idcInsert   = idc + 12
)

// Sources of data.
const (
	track1 = 0x0001
	track2 = 0x0002
	track3 = 0x0004
	chip   = 0x0008
)

var (
	idcMedia = []string{"", "present", "notPresent", "jammed", "notSupported", "unknown", "entering", "latched"}
	idcChip  = []string{card.ChipOnline, card.ChipOff, "busy", "noDevice", "hardwareError", card.ChipNoCard, "notSupported", card.ChipUnknown}
	idcData  = []string{"", "dataMissing", "dataInvalid", "dataTooLong", "dataTooShort", "dataSourceNotSupported", "dataSourceMissing"}
)

// idcState is the part of WFSIDCSTATUS that 3.00 has.
type idcState struct {
	Device, Media, Bin, Security, Cards, Chip uint16
}

func readIDCStatus(m memory, l layout, addr uint64) (idcState, error) {
	c := walk(m, l, addr)
	s := idcState{Device: c.u16(), Media: c.u16(), Bin: c.u16(), Security: c.u16(), Cards: c.u16(), Chip: c.u16()}
	return s, *c.err
}

// source is a WFSIDCCARDDATA. Data is sensitive.
type source struct {
	Source, Status uint16
	Data           []byte
}

// readCardData follows an array of pointers to WFSIDCCARDDATA.
func readCardData(m memory, l layout, addr uint64) (out []source, err error) {
	c := walk(m, l, addr)
	for _, p := range c.list(addr) {
		e := c.there(p)
		s := source{Source: e.u16(), Status: e.u16()}
		n := e.u32()
		s.Data = e.data(n, e.ptr())
		out = append(out, s)
	}
	return out, *c.err
}

// readChipIO is a WFSIDCCHIPIO.
func readChipIO(m memory, l layout, addr uint64) (protocol uint16, data []byte, err error) {
	c := walk(m, l, addr)
	protocol = c.u16()
	n := c.u32()
	data = c.data(n, c.ptr())
	return protocol, data, *c.err
}

func chipIO(l layout, protocol uint16, data []byte) *block {
	k := &block{l: l}
	k.u16(protocol)
	k.u32(uint32(len(data)))
	k.data(k.ptr(), data)
	return k
}

// readChipPower is a WFSIDCCHIPPOWEROUT.
func readChipPower(m memory, l layout, addr uint64) ([]byte, error) {
	c := walk(m, l, addr)
	n := c.u32()
	data := c.data(n, c.ptr())
	return data, *c.err
}

// one is a request that is a single WORD.
func one(l layout, v uint16) *block {
	k := &block{l: l}
	k.u16(v)
	return k
}

var cardCommands = map[string]api.Motion{
	card.CmdReadRawData: api.Wait, card.CmdMove: api.MovesMedia, card.CmdReset: api.MovesMedia, card.CmdChipPower: api.Wait, card.CmdChipIO: api.Wait,
}

type cards struct{}

func (cards) capabilities(_ *profile) map[string]any {
	return map[string]any{"cardReader": map[string]any{
		"type": "motor", "readTracks": map[string]bool{"track1": true, "track2": true, "track3": true}, "cardTakenSensor": true,
		"chipProtocols": map[string]bool{card.T0: true, card.T1: true, card.NotRequired: true}, "chipPower": map[string]bool{card.Cold: true, card.Warm: true, card.Off: true},
	}}
}

func (cards) status(d *driver, m memory, r result) (map[string]any, map[string]int, error) {
	s, err := readIDCStatus(m, d.s.layout(), r.buffer)
	st := card.Status{Media: pick(idcMedia, s.Media), ChipPower: pick(idcChip, s.Chip), Retained: int(s.Cards)}
	where := map[string]int{}
	switch st.Media {
	case "present", "latched", "jammed":
		where[card.Transport] = 1
	case "entering":
		where[card.Exit] = 1
	}
	return map[string]any{"common": map[string]any{"device": pick(devices, s.Device)}, "cardReader": st}, where, err
}

func (cards) event(d *driver, k kind, r result, _ memory) (name string, payload any) {
	switch {
	case k == onExecute && r.command == idcInsert:
		return card.EvInsertCard, nil
	case k == onExecute && r.command == idcInserted:
		return card.EvMediaInserted, nil
	case k == onExecute && r.command == idcInvalid:
		return card.EvInvalidMedia, nil
	case k == onService && r.command == idcRemoved:
		return card.EvMediaRemoved, nil
	case k == onService && r.command == idcDetected:
		return card.EvMediaDetected, map[string]string{"position": card.Transport}
	}
	return "", nil
}

func (cards) execute(ctx context.Context, d *driver, cmd api.Command) api.Completion {
	l := d.s.layout()
	switch cmd.Name {
	case card.CmdReadRawData:
		return sdk.Decoded(cmd, func(r card.ReadRawData) api.Completion { return readCard(ctx, d, cmd, r) })
	case card.CmdMove:
		return sdk.Decoded(cmd, func(r card.Move) api.Completion {
			switch r.To {
			case card.Exit:
				return d.do(ctx, cmd, idcEject, nil, nil)
			case card.UnitBin, card.Retain:
				return d.do(ctx, cmd, idcRetain, nil, nil)
			}
			return api.Refuse(api.UnsupportedData, "a card moves to the exit or into the retain bin")
		})
	case card.CmdReset:
		return sdk.Decoded(cmd, func(r card.Reset) api.Completion {
			how, ok := map[string]uint16{"": 0, card.Auto: 0, card.Current: 1, card.Exit: 2, card.Retain: 3}[r.To]
			if !ok {
				return api.Refuse(api.UnsupportedData, "Reset: an unknown place")
			}
			if how == 0 { // NULL: the service provider decides
				return d.do(ctx, cmd, idcReset, nil, nil)
			}
			return d.do(ctx, cmd, idcReset, one(l, how), nil)
		})
	case card.CmdChipPower:
		return sdk.Decoded(cmd, func(r card.ChipPower) api.Completion {
			how, ok := map[string]uint16{card.Cold: 2, card.Warm: 4, card.Off: 8}[r.ChipPower]
			if !ok {
				return api.Refuse(api.UnsupportedData, "ChipPower: neither cold, warm nor off")
			}
			return d.do(ctx, cmd, idcPower, one(l, how), func(r result, m memory) (any, error) {
				if r.buffer == 0 {
					return card.ChipPowerResult{}, nil
				}
				atr, err := readChipPower(m, l, r.buffer)
				return card.ChipPowerResult{ChipData: atr}, err
			})
		})
	case card.CmdChipIO:
		return sdk.Decoded(cmd, func(r card.ChipIO) api.Completion {
			protocol, ok := map[string]uint16{card.T0: 1, card.T1: 2, card.NotRequired: 4}[r.ChipProtocol]
			if !ok || len(r.ChipData) == 0 {
				return api.Refuse(api.InvalidData, "ChipIO: chipProtocol or chipData")
			}
			return d.do(ctx, cmd, idcChipIO, chipIO(l, protocol, r.ChipData), func(a result, m memory) (any, error) {
				_, data, err := readChipIO(m, l, a.buffer)
				return card.ChipIO{ChipProtocol: r.ChipProtocol, ChipData: data}, err
			})
		})
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func readCard(ctx context.Context, d *driver, cmd api.Command, r card.ReadRawData) api.Completion {
	var want uint16
	for bit, on := range map[uint16]bool{track1: r.Track1, track2: r.Track2, track3: r.Track3, chip: r.Chip} {
		if on {
			want |= bit
		}
	}
	return d.do(ctx, cmd, idcReadRaw, one(d.s.layout(), want), func(a result, m memory) (any, error) {
		list, err := readCardData(m, d.s.layout(), a.buffer)
		var out card.ReadRawDataResult
		for _, s := range list {
			data := card.Data{Status: pick(idcData, s.Status), Data: s.Data}
			if s.Status == 0 {
				data.Status = ""
			}
			switch s.Source {
			case track1:
				out.Track1 = &data
			case track2:
				out.Track2 = &data
			case track3:
				out.Track3 = &data
			case chip:
				out.Chip = append(out.Chip, data)
			}
		}
		return out, err
	})
}
