package kmy3501_test

import (
	"encoding/hex"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/kmy3501"
	"zhigui/sim/device"
)

func TestMain(m *testing.M) { conformance.Main(m, kmy3501.Model) }

func setup(t *testing.T) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "kmy3501"})
	r := conformance.Start(t, kmy3501.Model, sim.Port(), map[string]any{"pollMs": 600000, "replyMs": 300, "allowClearMaster": true})
	<-r.Recoveries
	return sim, r
}

func load(t *testing.T, r *conformance.Rig) {
	t.Helper()
	master, _ := hex.DecodeString("0123456789ABCDEFFEDCBA9876543210")
	for _, k := range []pinpad.ImportKey{
		{Key: "TMK", KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UseKEK, Algorithm: pinpad.TripleDES}, Value: master},
		{Key: "TPK", KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UsePIN, Algorithm: pinpad.TripleDES}, Value: master, DecryptKey: "TMK"},
		{Key: "TAK", KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UseMAC, Algorithm: pinpad.TripleDES}, Value: master, DecryptKey: "TMK"},
	} {
		if c, _ := r.Do(pinpad.CmdImportKey, k); c.Outcome != api.Done {
			t.Fatalf("%+v", c)
		}
	}
}

// The pad has no check value of a master key: only a key that works under it proves it.
func TestAMasterKeyThatThePadDidNotStoreIsNotBelieved(t *testing.T) {
	sim, r := setup(t)
	if err := sim.ArmFault(device.FaultSpec{Code: "15", Command: "36", Stage: device.AfterMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	master, _ := hex.DecodeString("0123456789ABCDEFFEDCBA9876543210")
	c, _ := r.Do(pinpad.CmdImportKey, pinpad.ImportKey{Key: "TMK", KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UseKEK, Algorithm: pinpad.TripleDES}, Value: master})
	if c.Outcome == api.Done {
		t.Errorf("%+v", c)
	}
	var st pinpad.Status
	if r.Status("keyManagement", &st); st.EncryptionState == "ready" {
		t.Error("the pad counts as ready")
	}
}

func TestABlockIsMadeForTheAccountOfTheEntryOnly(t *testing.T) {
	sim, r := setup(t)
	load(t, r)
	for _, e := range []pinpad.PinEntry{{XKey: "TPK"}, {XPAN: "6225880000000001"}, {XKey: "TPK", XPAN: "62258800000x0001"}} {
		if c, _ := r.Do(pinpad.CmdPinEntry, e); c.Outcome != api.NotStarted {
			t.Errorf("%+v: %+v", e, c)
		}
	}
	events, done := r.Begin(t.Context(), r.Command(pinpad.CmdPinEntry, pinpad.PinEntry{XKey: "TPK", XPAN: "6225880000000001", MaxLen: 6}))
	conformance.Next(t, events, pinpad.EvEnterData)
	// Nobody may activate another key while digits come in.
	if c, _ := r.Do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("x")}); c.Outcome != api.NotStarted || c.Code != api.SequenceError {
		t.Errorf("a MAC during the entry: %+v", c)
	}
	if _, err := sim.Do("pressKeys", device.Args{"keys": "12B3456789"}); err != nil { // the sixth digit ends it
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: "6225880000000002", Key: "TPK"}); c.ErrorCode != pinpad.ErrAccessDenied {
		t.Errorf("for another account: %+v", c)
	}
	if c, _ := r.Do(pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: "iso0", CustomerData: "6225880000000001", Key: "TPK"}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestLineFaultsAreMended(t *testing.T) {
	for _, k := range []device.LineFault{device.BadChecksum, device.DropByte, device.Garbage, device.DuplicateReply, device.Silence} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t)
			load(t, r)
			if err := sim.ArmLine(k, 1); err != nil {
				t.Fatal(err)
			}
			if c, _ := r.Do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("x")}); c.Outcome != api.Done {
				t.Errorf("%+v", c)
			}
		})
	}
}
