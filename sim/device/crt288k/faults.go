package crt288k

import "zhigui/sim/device/engine"

// errorTable: e1 e0 of the error response.
var errorTable = []struct{ code, name, zh, cmd string }{
	{"00", "undefined command", "未定义的命令", ""},
	{"01", "parameter wrong", "参数错误", ""},
	{"02", "cannot be executed", "命令无法执行", ""},
	{"03", "not supported", "功能不支持", ""},
	{"04", "data wrong", "命令数据错误", ""},
	{"11", "card latch failure", "卡锁故障", "30 30,30 31"},
	{"15", "EEPROM error", "EEPROM 错误", ""},
	{"20", "magnetic parity error", "磁条校验错误", "36 31"},
	{"21", "magnetic reading error", "读磁错误", "36 31"},
	{"30", "power down", "掉电", ""},
	{"41", "IC module failure", "IC 模块故障", "51"},
	{"60", "IC power short circuit", "IC 卡电源短路", "51"},
	{"61", "IC initialisation failure", "IC 卡初始化失败", "51"},
	{"62", "not supported by the card", "卡不支持", "51"},
	{"63", "IC card does not respond", "IC 卡无应答", "51"},
	{"64", "IC communication error", "IC 卡通讯错误", "51"},
	{"65", "IC card not initialised", "IC 卡未初始化", "51"},
	{"66", "card type not supported", "不支持的卡类型", "51"},
	{"69", "not an EMV card", "非 EMV 卡", "51"},
}

// A stripe that is read badly shows in its track, not in the answer's head.
const (
	stripeLRC   = "STRIPE-LRC"
	stripeBlank = "STRIPE-BLANK"
)

func faultDefs() []engine.FaultDef {
	list := []engine.FaultDef{
		{Code: stripeLRC, Name: "the tracks have a wrong LRC", NameZh: "磁道 LRC 错误", Command: "36 31"},
		{Code: stripeBlank, Name: "the tracks are blank", NameZh: "磁道为空", Command: "36 31"},
	}
	for _, e := range errorTable {
		list = append(list, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh, Command: e.cmd})
	}
	return list
}

var commandTable = []struct{ code, name, zh string }{
	{"30 30", "initialise and latch", "初始化并锁卡"}, {"30 31", "initialise and let go", "初始化并解锁"}, {"31 30", "status", "状态"}, {"36 30", "magnetic mode", "磁条模式"},
	{"36 31", "read the tracks", "读磁道"}, {"50 30", "IC card type", "IC 卡类型"}, {"51 30", "IC reset", "IC 复位"}, {"51 31", "IC off", "IC 下电"},
	{"51 33", "IC command T=0", "IC 命令 T=0"}, {"51 34", "IC command T=1", "IC 命令 T=1"}, {"A2 30", "serial number", "序列号"},
}

func title(cmd string) string {
	for _, c := range commandTable {
		if c.code == cmd {
			return c.name
		}
	}
	return "unknown command"
}
