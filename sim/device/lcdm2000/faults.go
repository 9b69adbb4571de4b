package lcdm2000

import "zhigui/sim/device/engine"

const dispensing = "45,55,56"

// Error bytes of the specification (hex) with where a note lies when the fault strikes in
// mid-motion; "" means that no note is on the path.
var errorTable = []struct {
	code, name, zh string
	stuck          Place
}{
	{"32", "pick-up error", "拾钞错误", ""},
	{"33", "jam at CHK1/2", "CHK1/2 卡钞", Chk},
	{"34", "overflow bill", "多出钞票", ""},
	{"35", "jam at EXIT or EJT", "出口/EJT 卡钞", Ejt},
	{"36", "jam at DIV", "分流器卡钞", Div},
	{"38", "upper cassette bill end", "上钞箱无钞", ""},
	{"3A", "count mismatch CHK3/4 to DIV", "CHK3/4 至 DIV 计数不符", Div},
	{"3B", "note request error", "张数请求错误", ""},
	{"3C", "count mismatch DIV to EJT", "DIV 至 EJT 计数不符", Ejt},
	{"3D", "count mismatch EJT to EXIT", "EJT 至出口计数不符", ""},
	{"3F", "reject tray not present", "废钞箱未就位", ""},
	{"40", "lower cassette bill end", "下钞箱无钞", ""},
	{"41", "motor stop", "电机停转", Div},
	{"42", "jam at DIV (timeout)", "分流器超时卡钞", Div},
	{"43", "timeout DIV to EJT", "DIV 至 EJT 超时", Div},
	{"44", "over reject", "拒钞过多", ""},
	{"45", "upper cassette not present", "上钞箱未就位", ""},
	{"46", "lower cassette not present", "下钞箱未就位", ""},
	{"47", "dispensing timeout", "出钞超时", Chk},
	{"48", "EJT jam", "EJT 卡钞", Ejt},
	{"49", "diverter solenoid error", "分流电磁铁错误", Div},
	{"4A", "SOL sensor error", "SOL 传感器错误", Div},
	{"4E", "purge error", "清空失败", ""},
}

// Reject reasons (interim notice 01 9C reason): armed as REJ-xx in mid-motion, one note for
// each firing goes to the reject tray and another is picked.
var rejectTable = []struct{ code, name, zh string }{
	{"33", "rejected: too close", "拒钞：间距过小"},
	{"35", "rejected: too long", "拒钞：过长"},
	{"38", "rejected: skew", "拒钞：歪斜"},
	{"3C", "rejected: double note", "拒钞：重张"},
	{"3D", "rejected: too thin", "拒钞：过薄"},
	{"3E", "rejected: too short", "拒钞：过短"},
}

func faultDefs() []engine.FaultDef {
	var list []engine.FaultDef
	for _, e := range errorTable {
		d := engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh, Command: dispensing}
		if e.code == "4E" {
			d.Command = "44"
		}
		list = append(list, d)
	}
	for _, e := range rejectTable {
		list = append(list, engine.FaultDef{Code: "REJ-" + e.code, Name: e.name, NameZh: e.zh, Command: dispensing})
	}
	return list
}

func stuckAt(code string) Place {
	for _, e := range errorTable {
		if e.code == code {
			return e.stuck
		}
	}
	return ""
}
