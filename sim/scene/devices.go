package scene

import (
	"fmt"
	"maps"
	"slices"

	"zhigui/sim/device/samv"
	"zhigui/terminal/api/scene"
)

// device is one device of a branch: the driver that drives it and the virtual one at the
// other end of its line.
type device struct {
	id, driver, sim string
	baud            int
	core            bool   // without it there is no counter; the others are for Options.All
	key             string // of the settings in the virtual device's configuration
	settings        func(fast bool) m
	// fast lets the driver look oftener and be less patient, as fast devices take
	// milliseconds for everything.
	fast m
	// profile is what the driver is told always.
	profile m
}

// devices are those of a whole counter.
var devices = []device{
	{id: "card", driver: "creatorcrt350n", sim: "crt350n", baud: 115200, core: true, key: "reader", settings: reader, fast: m{"pollMs": 30, "idlePollMs": 60}},
	{id: "cash", driver: "puloonlcdm2000", sim: "lcdm2000", baud: 9600, core: true, key: "dispenser", settings: dispenser,
		fast: m{"pollMs": 50, "heldPollMs": 50, "quietMs": 1000, "perNoteMs": 100, "probeMs": 300, "statusMs": 500, "replyMs": 8000, "recoverMaxMs": 8000}},
	{id: "pinpad", driver: "szztzt598", sim: "zt598", baud: 9600, core: true},
	{id: "printer", driver: "escposreceipt", sim: "escpos", baud: 115200, core: true, key: "printer", settings: func(fast bool) m {
		return m{"paperMm": 80000, "nearMm": 5000, "presenter": "on", "lineMs": ms(fast, 20, 0)}
	}},
	{id: "acceptor", driver: "itlnv200", sim: "itlssp", baud: 9600, key: "acceptor", settings: func(fast bool) m {
		return m{"readMs": ms(fast, 600, 10), "stackMs": ms(fast, 900, 10)}
	}, fast: m{"pollMs": 40, "workPollMs": 20, "replyMs": 300, "settleMs": 400, "stackMs": 6000, "resetMs": 6000}},
	{id: "cards", driver: "creatorcrt591", sim: "crt591", baud: 9600, key: "cards", settings: func(fast bool) m {
		return m{"cards": 50, "first": "6225880000002001", "motionMs": ms(fast, 500, 1)} // the bank's blanks
	}, fast: m{"pollMs": 30, "idlePollMs": 60}},
	{id: "passbook", driver: "olivettipr2", sim: "pr2", baud: 9600, key: "passbook", settings: passbooks, fast: m{"pollMs": 100}},
	{id: "idreader", driver: "samv", sim: "samv", baud: 115200, key: "idReader", settings: people},
	{id: "scanner", driver: "gm65", sim: "gm65", baud: 9600},
	{id: "finger", driver: "r30x", sim: "r30x", baud: 57600},
	{id: "siu", driver: "modbussiu", sim: "modbussiu", baud: 9600},
	{id: "ups", driver: "megatecups", sim: "megatec", baud: 2400},
	{id: "panel", driver: "vt100panel", sim: "vtpanel", baud: 9600},
	{id: "camera", driver: "v4l2camera"}, // a folder of pictures
}

// sheets is the printer of a terminal that prints forms and receipts on sheets.
var sheets = device{id: "printer", driver: "epsonescp", sim: "escp", baud: 19200, fast: m{"pollMs": 40, "replyMs": 400, "silentMs": 1200, "jobMs": 3000}}

// ccnet is the other acceptor.
var ccnet = device{id: "acceptor", driver: "cashcodeccnet", sim: "ccnet", baud: 9600, key: "validator", settings: func(fast bool) m {
	return m{"readMs": ms(fast, 600, 10), "stackMs": ms(fast, 900, 10)}
}, fast: m{"pollMs": 40, "workPollMs": 20, "stackMs": 6000, "resetMs": 6000}}

// recycler is the first acceptor with a SMART Payout. The books learn from it what its store holds.
var recycler = device{id: "acceptor", driver: "itlnv200", sim: "itlssp", baud: 9600, key: "acceptor", profile: m{"payout": true}, settings: func(fast bool) m {
	return m{"readMs": ms(fast, 600, 10), "stackMs": ms(fast, 900, 10), "payMs": ms(fast, 1200, 5), "payout": true, "store": m{"100": 5, "20": 3}}
}, fast: m{"pollMs": 40, "workPollMs": 20, "replyMs": 300, "settleMs": 400, "stackMs": 6000, "resetMs": 6000, "perNoteMs": 3000, "levelsMs": 200}}

// Recycler is the acceptor that Options.Acceptor names so.
const Recycler = "recycler"

// antenna is the other card reader; it has no magnetic head.
var antenna = device{id: "card", driver: "creatorcrt591", sim: "crt591", baud: 9600, key: "cards", profile: m{"tap": true}, settings: func(fast bool) m {
	return m{"motionMs": ms(fast, 500, 1)}
}, fast: m{"pollMs": 30, "idlePollMs": 60}}

// dip is a card reader by hand.
var dip = device{id: "card", driver: "creatorcrt288k", sim: "crt288k", baud: 9600, fast: m{"pollMs": 30, "idlePollMs": 60}}

// sixBoxes are the values of the cassettes of the other dispenser, in yuan.
var sixBoxes = []int{100, 50, 20, 10, 5, 1}

// sixCassettes is the other dispenser: it has no line but a service provider.
var sixCassettes = device{id: "cash", driver: "xfs4iotdispenser", sim: "xfscdm", key: "cashXfs", settings: func(fast bool) m {
	var boxes []m
	for _, v := range sixBoxes {
		boxes = append(boxes, m{"count": 500, "value": v, "near": 30})
	}
	return m{"noteMs": ms(fast, 140, 2), "boxes": boxes}
}, profile: m{"exit": "outFront", "maxNotes": 60, "units": func() m {
	units := m{}
	for i := range sixBoxes {
		units[fmt.Sprintf("unit%d", i+1)] = fmt.Sprintf("CU%d", i+1)
	}
	return units
}()}, fast: m{"againMs": 100, "settleMs": 5000}}

func (s *Scene) six() bool { return s.Dispenser == sixCassettes.driver }

// unitsConfig is what the platform believes of the cash units.
func (s *Scene) unitsConfig() m {
	if !s.has("cash") {
		return nil
	}
	if !s.six() {
		return m{"unit1": m{"value": 10000, "count": 500}, "unit2": m{"value": 5000, "count": 500}}
	}
	units := m{}
	for i, v := range sixBoxes {
		units[fmt.Sprintf("unit%d", i+1)] = m{"value": v * 100, "count": 500}
	}
	return units
}

func ms(fast bool, real, short int) int {
	if fast {
		return short
	}
	return real
}

func reader(fast bool) m {
	return m{"motionMs": ms(fast, 600, 1), "restore": "keep", "cards": []m{
		card("demo-1", "张三：正常", "6225880000000001", "ZHANG/SAN", "4912"),
		card("demo-2", "李四：余额不足", "6225880000000002", "LI/SI", "4912"),
		card("demo-3", "王五：冻结卡", "6225880000000003", "WANG/WU", "4912"),
		card("demo-4", "赵六：过期卡", "6225880000000004", "ZHAO/LIU", "2001"),
		card("demo-5", "孙七：正常", "6225880000000005", "SUN/QI", "4912"),
		card("demo-6", "周八：大额", "6225880000000006", "ZHOU/BA", "4912"),
	}}
}

// card is a demo card of the panel's list.
func card(name, note, pan, holder, expiry string) m {
	return m{"name": name, "note": note, "ic": true,
		"track1": "B" + pan + "^" + holder + "^" + expiry + "2010000012300000", "track2": pan + "=" + expiry + "2010000012300000"}
}

// people are those whose identity cards the reader knows; tests need more than a demonstration,
// as nobody may have many cards.
func people(fast bool) m {
	if !fast {
		return m{}
	}
	list := samv.People()
	for i := range 60 {
		p := list[0]
		p.Name, p.Number = fmt.Sprintf("测试%02d", i), numbered(fmt.Sprintf("99010119900307%03d", 100+i))
		list = append(list, p)
	}
	return m{"cards": list}
}

// numbered adds the check digit (GB 11643, ISO 7064 mod 11-2).
func numbered(n string) string {
	sum := 0
	for _, c := range n {
		sum = 2 * (sum + int(c-'0')) % 11
	}
	return n + string("0123456789X"[(12-sum)%11])
}

// passbooks are demo books of the first and the fifth account.
func passbooks(fast bool) m {
	return m{"lineMs": ms(fast, 300, 1), "books": []m{
		{"name": "book-1", "stripe": "6225880000000001=00=00000000", "pages": 10},
		{"name": "book-5", "stripe": "6225880000000005=22=00000000", "pages": 10},
	}}
}

func dispenser(fast bool) m {
	return m{"exit": "hold", "noteMs": ms(fast, 140, 2), "notices": false,
		"upper": m{"count": 500, "value": 100, "near": 30}, "lower": m{"count": 500, "value": 50, "near": 30}}
}

// fits reports whether a device is one of this terminal's.
func (s *Scene) fits(d device) bool {
	if slices.Contains(s.Also, d.id) {
		return true
	}
	if len(s.Scenes) == 0 {
		return d.core || s.All
	}
	return slices.ContainsFunc(s.Scenes, func(name string) bool {
		is, _ := scene.Find(name)
		return slices.Contains(is.Needs, d.id) || s.All && slices.Contains(is.May, d.id)
	})
}

// has reports whether the terminal has the device.
func (s *Scene) has(id string) bool {
	return slices.ContainsFunc(s.fitted(), func(d device) bool { return d.id == id })
}

// fitted are the devices of this scene.
func (s *Scene) fitted() (out []device) {
	for _, d := range devices {
		if s.fits(d) {
			if d.id == sheets.id && len(s.Scenes) == 1 && (s.Scenes[0] == "form" || s.Scenes[0] == "receipt") {
				d = sheets
			}
			if d.id == ccnet.id && s.Acceptor == ccnet.driver {
				d = ccnet
			}
			if d.id == recycler.id && s.Acceptor == Recycler {
				d = recycler
			}
			if d.id == sixCassettes.id && s.six() {
				d = sixCassettes
			}
			for _, r := range []device{antenna, dip} {
				if d.id == r.id && s.Reader == r.driver {
					d = r
				}
			}
			out = append(out, d)
		}
	}
	return out
}

// devicesConfig is the configuration of the virtual devices.
func (s *Scene) devicesConfig() m {
	var list []m
	for _, d := range s.fitted() {
		if d.sim == "" {
			continue
		}
		one := m{"id": d.id, "model": d.sim, "link": "tty/" + d.id, "baud": d.baud, "pace": ms(s.Fast, 1, 0)}
		if d.settings != nil {
			one[d.key] = d.settings(s.Fast)
		}
		if d.id == recycler.id && s.Acceptor == Recycler && s.Stored != nil {
			one[d.key].(m)["store"] = s.Stored
		}
		if d.sim == sixCassettes.sim {
			one[d.key].(m)["listen"] = addr(s.Ports.CashXFS)
		}
		if d.id == "pinpad" && s.Keys == Remote {
			one[d.id] = m{"maker": s.branch("maker"), "host": s.branch("keys", "keyload.pem")}
		}
		list = append(list, one)
	}
	return m{"state": "devices", "devices": list}
}

// driversConfig is the device part of the platform's configuration.
func (s *Scene) driversConfig() m {
	out := m{}
	for _, d := range s.fitted() {
		profile := m{}
		maps.Copy(profile, d.profile)
		if s.Fast {
			maps.Copy(profile, d.fast)
		}
		if d.id == "pinpad" && s.Keys == Remote {
			profile["remoteKeys"] = true
		}
		maps.Copy(profile, s.Profile[d.id])
		one := m{"model": d.driver, "port": s.path("tty", d.id)}
		if d.sim == sixCassettes.sim {
			one["port"] = "ws://" + addr(s.Ports.CashXFS) + "/xfs4iot/v1.0/dispenser"
		}
		if len(profile) > 0 {
			one["profile"] = profile
		}
		out[d.id] = one
	}
	return out
}
