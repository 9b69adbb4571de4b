package lcdm4000

import (
	"strconv"

	"zhigui/sim/device/engine"
)

// errorTable: the error byte without its offset 20h, in hex. stuck: where the note on its way
// stops in mid-motion; "" means that none is on the path.
var errorTable = []struct {
	code, name, zh, cmd string
	stuck               Place
}{
	{"01", "pick-up error", "拾钞错误", "52,53", ""},
	{"02", "jam between CHK and DVT", "CHK 至 DVT 卡钞", "52,53", Diverter},
	{"03", "jam between DVT and EJT", "DVT 至 EJT 卡钞", "52", Eject},
	{"04", "jam between EJT and EXIT", "EJT 至出口卡钞", "52", Eject},
	{"05", "a note stays at EXIT", "出口留钞", "52", Exit},
	{"06", "a suspected note was ejected", "可疑钞被吐出", "52", ""},
	{"07", "count mismatch at EJT", "EJT 计数不符", "52", ""},
	{"08", "a note to be rejected passed EJT", "应拒钞通过 EJT", "52", ""},
	{"09", "note too long at EJT", "EJT 处钞票过长", "52", Eject},
	{"0A", "note too long at EXIT", "出口处钞票过长", "52", ""},
	{"0B", "notes on the path before the start", "启动前通道有钞", "52,53", ""},
	{"0D", "too many notes rejected", "拒钞过多", "52", ""},
	{"0E", "purge ended abnormally", "清空异常结束", "51", ""},
	{"20", "sensor trouble", "传感器异常", "52,53", ""},
	{"22", "solenoid", "电磁铁故障", "52,53", ""},
	{"23", "motor or slit sensor", "电机或码盘故障", "52,53", ""},
	{"24", "cassette missing", "钞箱缺失", "52,53", ""},
	{"26", "reject tray missing", "废钞箱缺失", "51,52,53", ""},
	{"40", "a note of the first cassette came unasked", "误出第一钞箱钞票", "52", ""},
}

func faultDefs() []engine.FaultDef {
	list := []engine.FaultDef{{Code: "REJ", Name: "one note is rejected and another picked", NameZh: "拒收一张并重取", Command: "52"}}
	for _, e := range errorTable {
		list = append(list, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh, Command: e.cmd})
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

func errorOf(code string) byte {
	n, err := strconv.ParseUint(code, 16, 8)
	if err != nil {
		return fine
	}
	return byte(n)
}
