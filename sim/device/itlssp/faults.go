package itlssp

import (
	"fmt"
	"strconv"
	"strings"

	"zhigui/sim/device/engine"
)

// Movements that faults can be bound to, beside the command codes on the wire.
const (
	mvRead   = "read"   // mouth to escrow
	mvStack  = "stack"  // escrow to cash box or store; the credit is given at half way
	mvReject = "reject" // back to the mouth
	mvPay    = "pay"    // store to bezel
	mvShift  = "shift"  // store to cash box
	mvClear  = "clear"  // clearing the path at power-up and reset
)

// Reject codes of command 17 that the virtual device uses.
const (
	rejectNone     = 0x00
	rejectInternal = 0x05
	rejectInhibit  = 0x06
	rejectSecond   = 0x07
	rejectHost     = 0x08
	rejectUnknown  = 0x02
	rejectTwisted  = 0x12
	rejectTimeout  = 0x13
	rejectDouble   = 0x1C
	rejectUnable   = 0x1D
)

func faultDefs() []engine.FaultDef {
	list := []engine.FaultDef{
		{Code: "E9", Name: "unsafe note jam", NameZh: "不安全卡钞（客户可取）", Command: mvRead},
		{Code: "EA", Name: "safe note jam", NameZh: "安全卡钞（客户不可取）", Command: mvStack},
		{Code: "E6", Name: "fraud attempt", NameZh: "欺诈企图", Command: mvStack},
		{Code: "B1", Name: "error during payout", NameZh: "出钞错误", Command: mvPay},
		{Code: "D5", Name: "payout jammed", NameZh: "出钞卡钞", Command: mvPay},
		{Code: "D9", Name: "payout time-out", NameZh: "出钞超时", Command: mvPay},
		{Code: "F5", Name: "command cannot be processed", NameZh: "命令无法处理", Command: "02"},
		{Code: "F6", Name: "software error", NameZh: "软件错误", Command: "02"},
		{Code: "F8", Name: "fail", NameZh: "失败", Command: "02"},
		{Code: "FA", Name: "key not set", NameZh: "密钥未设置", Command: "02"},
	}
	for _, r := range []struct {
		code     byte
		name, zh string
	}{
		{rejectUnknown, "rejected: not recognised", "拒收：无法识别"}, {rejectInternal, "rejected: validation failed", "拒收：鉴伪失败"},
		{rejectSecond, "rejected: second note", "拒收：第二张钞票"}, {rejectTwisted, "rejected: twisted", "拒收：歪斜"},
		{rejectDouble, "rejected: double note", "拒收：重张"}, {rejectUnable, "rejected: unable to stack", "拒收：无法入箱"},
	} {
		list = append(list, engine.FaultDef{Code: fmt.Sprintf("REJ-%02X", r.code), Name: r.name, NameZh: r.zh, Command: mvRead})
	}
	return list
}

// rejectOf is the code behind REJ-xx.
func rejectOf(code string) (byte, bool) {
	h, ok := strings.CutPrefix(code, "REJ-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(h, 16, 8)
	return byte(n), err == nil
}

// conditions of a note that a person puts in: what the validator answers (0: accepted).
var conditions = map[string]byte{
	"genuine": rejectNone, "unfit": rejectNone, "counterfeit": rejectInternal, "foreign": rejectUnknown, "double": rejectDouble, "twisted": rejectTwisted,
}
