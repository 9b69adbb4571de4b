package xfscdm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"zhigui/sim/device/engine"
)

const (
	position = "outFront"
	maxNotes = 60
)

// The faults, by the standard's words where it has some.
const (
	faultPick  = "pickFailure"
	faultJam   = "transportJam"
	faultHard  = "hardwareError"
	faultLink  = "linkLost"
	faultThick = "doubleNote"
)

var faultDefs = []engine.FaultDef{
	{Code: faultPick, Name: "a note cannot be picked", NameZh: "取钞失败", Command: dispense},
	{Code: faultThick, Name: "two notes at once: rejected, and picked again", NameZh: "重张拒钞", Command: dispense},
	{Code: faultJam, Name: "a note jams on its way to the stacker", NameZh: "通道卡钞", Command: dispense},
	{Code: faultHard, Name: "hardware error", NameZh: "硬件故障", Command: ""},
	{Code: faultLink, Name: "the link breaks, the device goes on", NameZh: "连接中断（设备继续）", Command: ""},
}

// Commands that the service knows.
const (
	dispense = "CashDispenser.Dispense"
	present  = "CashDispenser.Present"
	reject   = "CashDispenser.Reject"
	retract  = "CashManagement.Retract"
	resets   = "CashManagement.Reset"
	tests    = "CashDispenser.TestCashUnits"
	shown    = "CashDispenser.GetPresentStatus"
	storages = "Storage.GetStorage"
)

var commands = []struct{ name, title, zh string }{
	{dispense, "dispense to the stacker", "出钞到暂存"}, {present, "present", "送出"}, {reject, "reject", "废钞"}, {retract, "retract", "回收"},
	{resets, "reset", "复位"}, {tests, "test the boxes", "测试钞箱"}, {shown, "present status", "送出状态"}, {storages, "storage", "钞箱信息"},
	{"Common.Status", "status", "状态"}, {"Common.Capabilities", "capabilities", "能力"}, {"Common.Cancel", "cancel", "取消"},
}

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	m.srv.live()
	for {
		r, ok := m.srv.next()
		if !ok {
			io.AwaitPoke()
			continue
		}
		m.serve(io, r)
	}
}

// answer is a completion.
type answer struct {
	code    string // completion code; "" is success
	err     string // errorCode of commandErrorCode
	payload obj
	why     string
}

func failed(err string) answer { return answer{code: "commandErrorCode", err: err} }

func (m *Model) serve(io *engine.IO, r request) {
	name := r.Header.Name
	io.Heard([]byte(name), "", fmt.Sprintf("%s #%d", name, r.Header.RequestID))
	h := header{Type: "acknowledge", Name: name, Version: "2.0", RequestID: r.Header.RequestID}
	m.srv.write(r.from, h, nil)
	var a answer
	if f, hit := io.Fire(name, engine.BeforeMotion); hit && f.Code != engine.FaultNone {
		a = m.broken(f.Code)
	} else {
		a = m.obey(io, r)
		if f, hit := io.Fire(name, engine.AfterMotion); hit && f.Code != engine.FaultNone {
			a = m.broken(f.Code)
		}
	}
	if io.ReplyLost(name) {
		return
	}
	h.Type, h.CompletionCode, h.ErrorDescription = "completion", a.code, a.why
	if a.err != "" {
		if a.payload == nil {
			a.payload = obj{}
		}
		a.payload["errorCode"] = a.err
	}
	var p any
	if a.payload != nil {
		p = a.payload
	}
	b := m.srv.write(r.from, h, p)
	io.Write(nil, fmt.Sprintf("%s #%d ends: %s %s (%d bytes)", name, h.RequestID, a.code, a.err, len(b)))
}

func (m *Model) broken(code string) answer {
	switch code {
	case faultLink:
		m.srv.drop()
		return answer{}
	case faultPick:
		return failed("cashUnitError")
	}
	return answer{code: "hardwareError", why: code}
}

// tell says something unsolicited; changed tells the status.
func (m *Model) tell(event string, payload any) {
	m.srv.write(nil, header{Type: "unsolicited", Name: event, Version: "2.0"}, payload)
}

func (m *Model) changed() { m.tell("Common.StatusChangedEvent", m.status()) }

func (m *Model) status() obj {
	word := func(n int) string {
		if n > 0 {
			return "notEmpty"
		}
		return "empty"
	}
	device := "online"
	if m.moving {
		device = "deviceBusy"
	}
	stacker := word(m.s.total(Stacker))
	return obj{
		"common": obj{"device": device},
		"cashDispenser": obj{"intermediateStacker": stacker, "positions": []obj{{"position": position, "shutter": "closed", "positionStatus": word(m.s.total(Exit)),
			"transport": "ok", "transportStatus": word(m.s.total(Path))}}},
	}
}

// storage is every box as the standard has it; what it presented and rejected is counted.
func (m *Model) storage() obj {
	out := obj{}
	for _, n := range m.s.names() {
		b := m.s.Boxes[n]
		item := fmt.Sprintf("type%s%d", m.cfg.Currency, b.Value)
		state, level := "ok", "ok"
		switch {
		case !b.Present:
			state = "missing"
		case b.At[InBox] == 0:
			level = "empty"
		case b.At[InBox] <= b.Near:
			level = "low"
		}
		counted := func(k int) obj { return obj{"unrecognized": 0, item: obj{"fit": k}} }
		out[n] = obj{"positionName": n, "capacity": 3000, "status": state, "cash": obj{
			"capabilities":  obj{"types": obj{"cashOut": true}, "hardwareSensors": true},
			"configuration": obj{"types": obj{"cashOut": true}, "currency": m.cfg.Currency, "value": b.Value, "cashItems": []string{item}},
			"status": obj{"accuracy": "accurate", "replenishmentStatus": level,
				"out": obj{"presented": counted(b.Presented), "rejected": counted(b.Rejected), "stacked": counted(b.At[Stacker]), "transport": counted(b.At[Path])}},
		}}
	}
	return obj{"storage": out}
}

func capabilities() obj {
	list := map[string]map[string]obj{}
	for _, c := range commands {
		i := slices.Index([]byte(c.name), '.')
		iface := string(c.name[0]|0x20) + c.name[1:i]
		if list[iface] == nil {
			list[iface] = map[string]obj{}
		}
		list[iface][c.name[i+1:]] = obj{"versions": []string{"2.0", "3.0"}}
	}
	var out []obj
	for _, i := range slices.Sorted(maps.Keys(list)) {
		out = append(out, obj{"name": i, "commands": list[i]})
	}
	return obj{"interfaces": out, "common": obj{"deviceInformation": []obj{{"modelName": "SIM-CDM", "serialNumber": "SIM0006", "revisionNumber": "1.0"}}},
		"cashDispenser": obj{"type": "selfServiceBill", "maxDispenseItems": maxNotes, "intermediateStacker": true, "itemsTakenSensor": true}}
}

func (m *Model) obey(io *engine.IO, r request) (a answer) {
	switch r.Header.Name {
	case "Common.Capabilities":
		return answer{payload: capabilities()}
	case "Common.Status":
		io.Look(func() { a.payload = m.status() })
		return a
	case "Common.Cancel": // a movement goes on to its end
		return answer{}
	case storages:
		io.Look(func() { a.payload = m.storage() })
		return a
	case shown:
		io.Look(func() {
			a.payload = obj{"presentState": m.s.Shown, "denomination": obj{"currencies": obj{m.cfg.Currency: m.worth(m.s.Values)}, "values": maps.Clone(m.s.Values)}}
		})
		return a
	case dispense:
		return m.dispense(io, r)
	case present:
		return m.present(io)
	case reject, resets, retract:
		return m.clear(io, r.Header.Name)
	case tests:
		return m.test(io)
	}
	return answer{code: "unsupportedCommand"}
}

func (m *Model) worth(n map[string]int) (sum int) {
	for u, k := range n {
		sum += k * m.s.Boxes[u].Value
	}
	return sum
}

func (m *Model) pause(io *engine.IO) { io.Sleep(time.Duration(m.cfg.NoteMs) * time.Millisecond) }

// order is what a Dispense names: counts by box.
func order(payload []byte) (map[string]int, error) {
	var q struct {
		Denomination struct {
			Denomination struct {
				App struct {
					Counts map[string]int `json:"counts"`
				} `json:"app"`
			} `json:"denomination"`
		} `json:"denomination"`
	}
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, err
	}
	out := map[string]int{}
	for u, n := range q.Denomination.Denomination.App.Counts {
		if n < 0 {
			return nil, fmt.Errorf("%s: a count is negative", u)
		}
		if n > 0 {
			out[u] = n
		}
	}
	return out, nil
}

// refusal is why nothing may move.
func (m *Model) refusal(asked map[string]int) string {
	sum := 0
	for u, n := range asked {
		b := m.s.Boxes[u]
		switch {
		case b == nil || !b.Present:
			return "cashUnitError"
		case b.At[InBox] < n:
			return "notDispensable"
		}
		sum += n
	}
	switch {
	case sum == 0:
		return "invalidDenomination"
	case sum > maxNotes:
		return "tooManyItems"
	case m.s.total(Path)+m.s.total(Stacker)+m.s.total(Exit) > 0:
		return "itemsLeft"
	case m.stuck["safeDoor"] == "open":
		return "safeDoorOpen"
	}
	return ""
}

func (m *Model) dispense(io *engine.IO, r request) answer {
	asked, err := order(r.Payload)
	if err != nil {
		return answer{code: "invalidData", why: err.Error()}
	}
	no := ""
	var c *Command
	io.Do(func() {
		if no = m.refusal(asked); no != "" {
			return
		}
		m.moving, m.s.Shown, m.s.Values = true, "notPresented", map[string]int{}
		c = m.s.begin(m.now(), "Dispense", maps.Clone(asked))
		must(m.save())
	})
	if no != "" {
		return failed(no)
	}
	m.srv.write(r.from, header{Type: "event", Name: "CashDispenser.StartDispenseEvent", Version: "2.0", RequestID: r.Header.RequestID}, nil)
	total, moved := 0, 0
	for _, n := range asked {
		total += n
	}
	a := answer{}
	for _, u := range slices.Sorted(maps.Keys(asked)) {
		for n := 0; n < asked[u] && a.code == ""; {
			f, hit := io.FireIf(dispense, engine.MidMotion, func(f engine.Armed) bool { return moved == f.After || f.After < 0 && moved == total/2 })
			if !hit {
				f.Code = engine.FaultNone
			}
			a = m.one(io, u, f.Code)
			if a.code == "" && f.Code != faultThick {
				n++
				moved++
			}
		}
	}
	if a.code != "" { // what reached the stacker is rejected, as the standard's Dispense does
		io.Do(func() {
			back, err := m.s.sweep(Stacker, Reject)
			must(err)
			for u, n := range back {
				m.s.Boxes[u].Rejected += n
			}
			must(m.save())
		})
	}
	io.Do(func() {
		m.moving, c.Err = false, a.err
		if a.code == "" {
			c.Err = "00"
		}
		must(m.save())
		m.changed()
	})
	if a.code == "" {
		a.payload = obj{"denomination": obj{"currencies": obj{m.cfg.Currency: m.worth(asked)}, "values": asked}}
	}
	return a
}

// one brings a note to the stacker, or has it go wrong.
func (m *Model) one(io *engine.IO, u, fault string) answer {
	m.pause(io)
	a := answer{}
	io.Do(func() {
		switch fault {
		case faultPick:
			a = failed("cashUnitError")
		case faultJam:
			must(m.s.move(u, 1, InBox, Path))
			a = answer{code: "hardwareError", why: "transport jam"}
		case faultThick:
			if m.s.Boxes[u].At[InBox] < 2 {
				a = failed("cashUnitError")
				break
			}
			must(m.s.move(u, 1, InBox, Reject))
			m.s.Boxes[u].Rejected++
		case faultHard:
			a = answer{code: "hardwareError", why: "hardware"}
		case faultLink:
			m.srv.drop()
			fallthrough
		default:
			if m.s.Boxes[u].At[InBox] == 0 {
				a = failed("cashUnitError")
				break
			}
			must(m.s.move(u, 1, InBox, Stacker))
		}
		must(m.save())
	})
	return a
}

func (m *Model) present(io *engine.IO) answer {
	n := 0
	io.Look(func() { n = m.s.total(Stacker) })
	if n == 0 {
		return failed("noItems")
	}
	m.pause(io)
	if f, hit := io.Fire(present, engine.MidMotion); hit && f.Code != engine.FaultNone && f.Code != faultLink {
		return failed("presentErrorItems")
	} else if hit && f.Code == faultLink {
		m.srv.drop()
	}
	io.Do(func() {
		out, err := m.s.sweep(Stacker, Exit)
		must(err)
		for u, k := range out {
			m.s.Boxes[u].Presented += k
		}
		m.s.Shown, m.s.Values = "presented", out
		must(m.save())
		m.changed()
	})
	return answer{payload: obj{"position": obj{"position": position, "additionalBunches": "0"}}}
}

// clear brings every note that lies somewhere into the reject box: Reject the stacker's, Retract the
// exit's, Reset all.
func (m *Model) clear(io *engine.IO, name string) answer {
	from := map[string][]Place{reject: {Stacker}, retract: {Exit}, resets: {Path, Stacker, Exit}}[name]
	n := 0
	io.Look(func() {
		for _, p := range from {
			n += m.s.total(p)
		}
	})
	if n == 0 && name != resets {
		return failed("noItems")
	}
	m.pause(io)
	io.Do(func() {
		c := m.s.begin(m.now(), name, map[string]int{})
		for _, p := range from {
			back, err := m.s.sweep(p, Reject)
			must(err)
			if p != Exit {
				for u, k := range back {
					m.s.Boxes[u].Rejected += k
				}
			}
		}
		c.Err = "00"
		must(m.save())
		m.changed()
	})
	return answer{}
}

// test picks one note of each box into the reject box.
func (m *Model) test(io *engine.IO) answer {
	no := ""
	io.Do(func() {
		if no = m.refusal(map[string]int{}); no != "" && no != "invalidDenomination" {
			return
		}
		no = ""
		c := m.s.begin(m.now(), tests, map[string]int{})
		for _, u := range m.s.names() {
			if b := m.s.Boxes[u]; b.Present && b.At[InBox] > 0 {
				must(m.s.move(u, 1, InBox, Reject))
				b.Rejected++
			}
		}
		c.Err = "00"
		must(m.save())
	})
	if no != "" {
		return failed(no)
	}
	return answer{}
}
