package crt591

import "zhigui/sim/device/engine"

const moving = "32,30 30,30 31,30 34,30 35"

// errorTable: e1 e0 of the error response, the maker's table; 16, 63 and 64 are the CRT-571's.
// stays says where a card is when the error strikes in mid-motion: "" where it was, else the
// place on its way.
var errorTable = []struct {
	code, name, zh, cmd string
	stays               Place
}{
	{"00", "undefined command", "未定义的命令", "", ""},
	{"01", "command parameter wrong", "命令参数错误", "", ""},
	{"02", "command sequence wrong", "命令顺序错误", "", ""},
	{"03", "not supported", "功能不支持", "", ""},
	{"04", "command data wrong", "命令数据错误", "", ""},
	{"05", "IC contact not released", "IC 触点未释放", "32", ""},
	{"10", "card jam", "卡片堵塞", moving, Path},
	{"12", "sensor error", "传感器错误", "", ""},
	{"13", "card too long", "卡片过长", moving, Path},
	{"14", "card too short", "卡片过短", moving, Path},
	{"16", "card moved by hand", "卡片被人为移动", moving, ""},
	{"40", "card cannot be retracted", "卡片无法回收", "32 33,30 31,30 35", Path},
	{"41", "IC magnet error", "IC 电磁铁错误", "51,32 31", ""},
	{"43", "card cannot reach the IC position", "卡无法到达 IC 位", "32 31", Path},
	{"45", "card moved by hand", "卡片被人为移动", moving, ""},
	{"50", "retract counter overflow", "回收计数溢出", "32 33", ""},
	{"51", "motor error", "电机错误", moving, ""},
	{"60", "IC power short circuit", "IC 卡电源短路", "51", ""},
	{"61", "IC activation error", "IC 卡激活错误", "51,60", ""},
	{"62", "not supported by the card", "卡不支持", "51", ""},
	{"63", "IC card does not respond", "IC 卡无应答", "51", ""},
	{"64", "IC protocol error", "IC 卡协议错误", "51", ""},
	{"65", "IC card not active", "IC 卡未激活", "51,60", ""},
	{"66", "not supported by this card", "卡片不支持该操作", "51,60", ""},
	{"67", "IC transmission error", "IC 卡传输错误", "51,60", ""},
	{"68", "IC transmission timeout", "IC 卡传输超时", "51,60", ""},
	{"69", "not an EMV card", "非 EMV 卡", "51", ""},
	{"A0", "card stacker empty", "卡箱空", "32 31", ""},
	{"A1", "error bin full", "废卡箱满", "32 33,30 31,30 35", ""},
	{"B0", "not initialised", "未初始化", "", ""},
}

func faultDefs() []engine.FaultDef {
	var list []engine.FaultDef
	for _, e := range errorTable {
		list = append(list, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh, Command: e.cmd})
	}
	return append(list, engine.FaultDef{Code: chipMute, Name: "the chip stops answering", NameZh: "芯片停止应答", Command: apdus},
		engine.FaultDef{Code: chipNoise, Name: "a block of the chip arrives spoiled", NameZh: "芯片数据块损坏", Command: apdus},
		engine.FaultDef{Code: airLeaves, Name: "the card leaves the antenna in mid-exchange", NameZh: "非接触卡中途移开", Command: airAPDUs})
}

func staysAt(code string) Place {
	for _, e := range errorTable {
		if e.code == code {
			return e.stays
		}
	}
	return ""
}
