package device_test

import (
	"testing"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
)

// req: VD-04
func TestEveryFaultOfEveryModelIsArmedByItsNumberHasNamesInBothLanguagesAndIsTakenBack(t *testing.T) {
	for model := range device.Models() {
		t.Run(model, func(t *testing.T) {
			s := device.MustStart(t, device.Config{Model: model})
			list := append(s.State().Info.Faults, engine.CommonFaults()...)
			if len(list) < 2 {
				t.Fatalf("only %d faults", len(list))
			}
			for _, f := range list {
				if f.Name == "" || f.NameZh == "" {
					t.Errorf("%s: %+v has no name", f.Code, f)
				}
				for _, stage := range []device.Stage{device.BeforeMotion, device.MidMotion, device.AfterMotion, device.ReplyLost} {
					if err := s.ArmFault(device.FaultSpec{Code: f.Code, Stage: stage, Times: 2, After: -1}); err != nil {
						t.Fatalf("%s %s: %v", f.Code, stage, err)
					}
					armed := s.State().Armed
					if len(armed) != 1 || armed[0].Code != f.Code || armed[0].Stage != stage || armed[0].Left != 2 || armed[0].Name == "" {
						t.Fatalf("%s %s: %+v", f.Code, stage, armed)
					}
					s.ClearFaults()
				}
			}
			if err := s.ArmFault(device.FaultSpec{Code: "no such"}); err == nil {
				t.Error("an unknown number is armed")
			}
			if n := len(s.State().Armed); n != 0 {
				t.Errorf("%d are still armed", n)
			}
		})
	}
}
