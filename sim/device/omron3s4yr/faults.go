package omron3s4yr

import "zhigui/sim/device/engine"

const carrying = "30,31,40,00,01,02,04,05,06"

// errorTable: the maker's table of error codes (3.4.2), with the commands that show them.
var errorTable = []struct{ code, name, zh, cmd string }{
	{"00", "undefined command", "未定义的命令", ""},
	{"01", "command sequence error", "命令顺序错误", ""},
	{"02", "command data error", "命令数据错误", ""},
	{"10", "card jam", "卡片堵塞", carrying},
	{"11", "shutter abnormality", "闸门异常", ""},
	{"12", "sensor abnormality", "传感器异常", ""},
	{"13", "motor abnormality", "电机异常", carrying},
	{"14", "card drawn out", "卡片被抽出", carrying},
	{"15", "card jam in re-intake", "重新吸卡时堵塞", "40"},
	{"16", "card jam at the rear end", "后端卡片堵塞", "31"},
	{"17", "encoder abnormality", "编码器异常", carrying},
	{"18", "power down detected", "检测到掉电", ""},
	{"19", "waiting for an initial reset", "等待初始化", ""},
	{"20", "card too long", "卡片过长", ""},
	{"21", "card too short", "卡片过短", ""},
	{"32", "card position changed", "卡片位置变化", ""},
	{"33", "memory information abnormality", "存储信息异常", ""},
	{"40", "read error: no start sentinel", "读磁：无起始符", "6"},
	{"41", "read error: no end sentinel", "读磁：无结束符", "6"},
	{"42", "read error: parity", "读磁：奇偶校验错", "6"},
	{"43", "read error: LRC", "读磁：LRC 错", "6"},
	{"44", "read error: no encoding", "读磁：未写磁", "6"},
	{"45", "read error: no data", "读磁：无数据", "6"},
	{"46", "read error: jitter", "读磁：抖动", "6"},
	{"60", "card taken out when re-intake", "重新吸卡时卡被取走", "40"},
	{"63", "re-intake monitoring time is up", "重新吸卡超时", "40"},
	{"64", "card held at the mouth during the reset", "初始化时卡被拿住", "01,02,05,06"},
}

func faultDefs() []engine.FaultDef {
	var list []engine.FaultDef
	for _, e := range errorTable {
		list = append(list, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh, Command: e.cmd})
	}
	return list
}

var commandTable = []struct{ code, name, zh string }{
	{"00", "initial reset, return the card", "初始化并退卡"}, {"01", "initial reset, eject to the rear", "初始化并收卡"}, {"02", "initial reset, hold the card", "初始化"},
	{"10", "status sense", "状态"}, {"11", "sensors", "传感器"}, {":0", "permit insertion", "允许进卡"}, {":1", "deny insertion", "禁止进卡"},
	{"30", "return to the front", "退卡"}, {"31", "eject to the rear", "收卡"}, {"40", "re-intake", "重新吸卡"},
	{"61", "read track 1", "读一磁道"}, {"62", "read track 2", "读二磁道"}, {"63", "read track 3", "读三磁道"}, {"Q0", "number of captured cards", "收卡计数"}, {"V0", "version", "版本"},
}

func title(cmd string) string {
	for _, c := range commandTable {
		if c.code == cmd {
			return c.name
		}
	}
	return "other command"
}

// readError is the maker's code for a track that package crt350n could not decode.
var readError = map[string]string{"20": "42", "23": "44", "24": "44", "26": "40", "27": "41", "28": "43"}
