package counter

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/server/api/message"
	"zhigui/sim/device/iccard"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/service"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	must(t, err)
	return b
}

// cless is an outside client at a reader with an antenna.
type cless struct {
	*rig
	t    *testing.T
	told []string // the events
}

// do runs a command and checks its payloads against the standard.
func (c *cless) do(name string, in any) (api.Completion, card.ClessResult) {
	c.t.Helper()
	b, err := json.Marshal(in)
	must(c.t, err)
	call := &service.Call{Payload: b}
	var done api.Completion
	switch name {
	case card.CmdClessConfigure:
		done = c.clessConfigure(context.Background(), call)
	case card.CmdClessApplications:
		done = c.clessApplications(context.Background(), call)
	case card.CmdClessIssuerUpdate:
		done = c.clessIssuer(context.Background(), call)
	default:
		done = c.clessPerform(context.Background(), call, func(e api.Event) {
			if p := xfs4iot.Check("event", e.Name, e.Payload); len(p) > 0 {
				c.t.Error(p)
			}
			var s card.ClessStatus
			_ = json.Unmarshal(e.Payload, &s)
			c.told = append(c.told, s.Status)
		})
	}
	for kind, payload := range map[string][]byte{"command": b, "completion": done.Payload} {
		if p := xfs4iot.Check(kind, name, payload); len(p) > 0 && string(payload) != "null" {
			c.t.Error(p)
		}
	}
	var out card.ClessDone
	_ = json.Unmarshal(done.Payload, &out)
	return done, out.Chip
}

func TestAnOutsideClientHasAContactlessKernel(t *testing.T) {
	c := &cless{rig: newRig(t), t: t}
	if c.clessCommands() != nil {
		t.Error("a reader without an antenna has the commands")
	}
	c = &cless{rig: newRig(t), t: t}
	away := c.withTap(t, iccard.Chip{}, stripe)
	if len(c.clessCommands()) != 4 {
		t.Error(c.clessCommands())
	}
	pay := card.ClessData{Data: unhex(t, "9F0206000000010000"+"9C0101"+"9F370401020304")}
	if done, _ := c.do(card.CmdClessPerform, pay); done.ErrorCode != card.ErrNotConfigured {
		t.Errorf("%+v", done)
	}
	for _, x := range []struct {
		name string
		in   card.ClessConfigure
		want string
	}{
		{"no TLV", card.ClessConfigure{TerminalData: []byte{0x9F}}, card.ErrTerminalData},
		{"not the client's", card.ClessConfigure{TerminalData: unhex(t, "9F0206000000000000")}, card.ErrTerminalData},
		{"another scheme", card.ClessConfigure{AidData: []card.ClessAID{{AID: unhex(t, "A0000000031010")}}}, card.ErrAidData},
		{"a key", card.ClessConfigure{KeyData: make([]struct{}, 1)}, card.ErrKeyData},
		{"", card.ClessConfigure{TerminalData: unhex(t, "9F1E084142434445464748"), AidData: []card.ClessAID{{AID: emv.AIDs[0]}}}, ""},
	} {
		if done, _ := c.do(card.CmdClessConfigure, x.in); done.ErrorCode != x.want {
			t.Errorf("%s: %+v", x.name, done)
		}
	}
	done, _ := c.do(card.CmdClessApplications, nil)
	var apps card.ClessApplications
	_ = json.Unmarshal(done.Payload, &apps)
	if d := cmp.Diff([]card.ClessAID{{AID: emv.AIDs[0], KernelIdentifier: kernelIdentifier}}, apps.AppData); d != "" {
		t.Error(d)
	}
	if done, _ := c.do(card.CmdClessIssuerUpdate, card.ClessData{}); done.ErrorCode != card.ErrNotInitiated {
		t.Errorf("%+v", done)
	}
	*away = 1
	_, out := c.do(card.CmdClessPerform, pay)
	if out.TxOutcome != card.ClessOnline || out.ClessOutcome == nil || out.ClessOutcome.CVM != "onlinePIN" {
		t.Fatalf("%+v", out)
	}
	v := emv.Values{}
	must(t, v.Add(out.DataRead))
	if hex.EncodeToString(v[0x5A]) != "6225880000000001" || string(v[0x9F1E]) != "ABCDEFGH" || len(v[0x9F26]) != 8 {
		t.Errorf("%X", out.DataRead)
	}
	// The cryptogram is one that the issuer accepts.
	d, err := message.Builtin("pos64")
	must(t, err)
	q, a := message.New(d), message.New(d)
	must(t, q.Set(55, out.DataRead))
	approve(t, q, a)
	if d := cmp.Diff([]string{"readyToRead", "cardReadOk"}, c.told); d != "" {
		t.Error(d)
	}
	if _, out := c.do(card.CmdClessIssuerUpdate, card.ClessData{Data: unhex(t, "8A023030")}); out.TxOutcome != card.ClessApprove {
		t.Errorf("%+v", out)
	}
	if done, _ := c.do(card.CmdClessIssuerUpdate, card.ClessData{Data: unhex(t, "8A023030")}); done.ErrorCode != card.ErrNotInitiated {
		t.Errorf("a second answer: %+v", done)
	}
	c.do(card.CmdClessPerform, pay)
	if _, out := c.do(card.CmdClessIssuerUpdate, card.ClessData{Data: unhex(t, "8A023531")}); out.TxOutcome != card.ClessDecline {
		t.Errorf("%+v", out)
	}
	if done, _ := c.do(card.CmdClessPerform, card.ClessData{Data: unhex(t, "9C0101")}); done.Code != api.InvalidData {
		t.Errorf("no amount: %+v", done)
	}
}

func TestTheKernelsOutcomesOfCardsThatCannotPay(t *testing.T) {
	for _, x := range []struct {
		kind iccard.Chip
		more string // terminal data
		want string
	}{
		{iccard.Chip{State: "blocked"}, "", card.ClessDecline},
		{iccard.Chip{State: "foreign"}, "", card.ErrInvalidMedia},
		{iccard.Chip{}, "9F660410C00000", card.ClessOther}, // a terminal without qPBOC
		{iccard.Chip{}, "9F660428000000", card.ClessDecline},
	} {
		c := &cless{rig: newRig(t), t: t}
		c.withTap(t, x.kind, stripe)
		c.do(card.CmdClessConfigure, card.ClessConfigure{TerminalData: unhex(t, x.more)})
		done, out := c.do(card.CmdClessPerform, card.ClessData{Data: unhex(t, "9F0206000000010000")})
		if got := done.ErrorCode + out.TxOutcome; got != x.want {
			t.Errorf("%+v %s: %s", x.kind, x.more, got)
		}
	}
}
