package crt350n

import "zhigui/sim/device/engine"

const ejecting = "C30,C33,C37,C00,C04"

// errorTable: e1 e0 of the N response and what it means, from the two public drivers.
var errorTable = []struct{ code, name, zh, cmd string }{
	{"00", "undefined command", "未定义的命令", ""},
	{"01", "command parameter wrong", "命令参数错误", ""},
	{"02", "command cannot be executed", "命令无法执行", ""},
	{"03", "function not supported", "功能不支持", ""},
	{"04", "command data wrong", "命令数据错误", ""},
	{"05", "IC contact not released", "IC 触点未释放", ""},
	{"10", "card jam", "卡片堵塞", "C30,C31,C32,C37,C40,C00,C01,C02,C04,C05,C06"},
	{"11", "shutter error", "闸门错误", ""},
	{"12", "sensor error", "传感器错误", ""},
	{"13", "card too long", "卡片过长", ""},
	{"14", "card too short", "卡片过短", ""},
	{"16", "card moved by force", "卡片被强行移动", ""},
	{"17", "card jam on re-intake", "重新吸卡时堵塞", "C40,C02,C06"},
	{"20", "parity error", "奇偶校验错误", "C6"},
	{"21", "read error", "读磁错误", "C6"},
	{"23", "no data on track", "磁道无数据", "C6"},
	{"24", "no magnetic stripe", "无磁条", "C6"},
	{"26", "no start sentinel", "无起始符", "C6"},
	{"27", "no end sentinel", "无结束符", "C6"},
	{"28", "LRC error", "LRC 校验错误", "C6"},
	{"30", "power supply error", "电源异常", ""},
	{"40", "card pulled out during capture", "吞卡时卡被拔出", "C31,C01,C05"},
	{"41", "IC contact sensor error", "IC 触点传感器错误", "C@"},
	{"43", "card cannot reach the IC position", "卡无法到达 IC 位", "C@,C32"},
	{"45", "card ejected by force", "强制退卡", ""},
	{"46", "card not taken in time", "超时未取卡", ejecting},
	{"50", "retain counter overflow", "吞卡计数溢出", "C31,C01,C05"},
	{"51", "motor error", "电机错误", ""},
	{"60", "IC power short circuit", "IC 卡电源短路", "CI"},
	{"61", "ATR error", "ATR 错误", "CI"},
	{"62", "invalid ATR", "ATR 无效", "CI0,CI8"},
	{"63", "IC card does not respond", "IC 卡无应答", "CI"},
	{"64", "IC communication error", "IC 卡通讯错误", "CI"},
	{"65", "IC card not activated", "IC 卡未激活", "CI"},
	{"66", "IC card not supported", "不支持的 IC 卡", "CI"},
	{"73", "EEPROM error", "EEPROM 错误", ""},
	{"95", "anti-skimming unit error", "防盗刷装置错误", ""},
	{"B0", "not initialised", "未初始化", ""},
}

// faultDefs: the device's own numbers and the seed's 1283 (VD-28), which goes over the wire
// as 10 in answer to an eject command.
func faultDefs() []engine.FaultDef {
	list := []engine.FaultDef{
		{Code: chipMute, Name: "the chip stops answering", NameZh: "芯片停止应答", Command: apdus},
		{Code: chipPulled, Name: "the card is pulled off the contacts", NameZh: "卡片被拔离触点", Command: apdus},
		{Code: chipNoise, Name: "a block of the chip arrives spoiled", NameZh: "芯片数据块损坏", Command: apdus},
		{Code: "1283", Name: "card jammed on eject", NameZh: "退卡时卡片堵塞", Command: ejecting}}
	for _, e := range errorTable {
		list = append(list, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh, Command: e.cmd})
	}
	return list
}

// wire is the two characters that stand for a fault.
func wire(code string) string {
	if code == "1283" {
		return "10"
	}
	return code
}
