package pcsc_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/pcsc"
	"zhigui/sim/device/iccard"
)

func TestMain(m *testing.M) { conformance.Main(m, pcsc.Model) }

const (
	pan        = "6225880000000001"
	selectPBOC = "00A4040008A000000333010101"
)

// insert puts a virtual card into the daemon's virtual reader; take pulls it out.
func insert(t *testing.T, addr string, kind iccard.Chip) (take func()) {
	t.Helper()
	c, err := iccard.New(t.TempDir(), kind, pan+"=49122010000012300000", "ZHANG/SAN")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- iccard.Serve(ctx, addr, c) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func apdu(t *testing.T, r *conformance.Rig, protocol, hexed string) (api.Completion, string) {
	t.Helper()
	b, err := hex.DecodeString(hexed)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(card.CmdChipIO, card.ChipIO{ChipProtocol: protocol, ChipData: b})
	var out card.ChipIO
	_ = json.Unmarshal(c.Payload, &out)
	return c, fmt.Sprintf("%X", out.ChipData)
}

func status(r *conformance.Rig) string {
	var st card.Status
	r.Status("cardReader", &st)
	return st.Media + " " + st.ChipPower
}

// online waits until the daemon has found its reader.
func online(t *testing.T, r *conformance.Rig) {
	t.Helper()
	for end := time.Now().Add(conformance.Patience); strings.HasPrefix(status(r), "unknown"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no reader")
		}
	}
}

// req: X-06
func TestACardIsReadOverThePCSCDaemon(t *testing.T) {
	addr := conformance.PCSCD(t)
	r := conformance.Start(t, pcsc.Model, conformance.PCSCSocket, map[string]any{"pollMs": 20})
	<-r.Recoveries
	online(t, r)
	for _, x := range []struct{ kind, protocol, other, atr, answer string }{
		{"T0", card.T0, card.T1, "3B680000", "61"}, {"T1", card.T1, card.T0, "3BE80000813120", "6F"},
	} {
		if got := status(r); got != "notPresent noCard" {
			t.Errorf("%s: %s", x.kind, got)
		}
		if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}); c.ErrorCode != card.ErrNoMedia {
			t.Errorf("power without a card: %+v", c)
		}
		events, done := r.Begin(t.Context(), r.Command(card.CmdReadRawData, card.ReadRawData{Chip: true}))
		conformance.Next(t, events, card.EvInsertCard)
		take := insert(t, addr, iccard.Chip{Protocol: x.kind})
		conformance.Next(t, events, card.EvMediaInserted)
		c := conformance.Ended(t, done)
		var read card.ReadRawDataResult
		if err := json.Unmarshal(c.Payload, &read); err != nil || len(read.Chip) != 1 || !strings.HasPrefix(fmt.Sprintf("%X", read.Chip[0].Data), x.atr) {
			t.Fatalf("%+v %v", c, err)
		}
		if got := status(r); got != "present online" {
			t.Error(got)
		}
		if c, got := apdu(t, r, x.protocol, selectPBOC); c.Outcome != api.Done || !strings.HasPrefix(got, x.answer) {
			t.Errorf("%s: %+v %s", x.kind, c, got)
		}
		if c, _ := apdu(t, r, x.other, selectPBOC); c.ErrorCode != card.ErrProtocolNotSupported {
			t.Errorf("%s: %+v", x.kind, c)
		}
		for _, how := range []string{card.Warm, card.Off, card.Cold} {
			if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: how}); c.Outcome != api.Done {
				t.Errorf("%s %s: %+v", x.kind, how, c)
			}
			c, got := apdu(t, r, card.NotRequired, selectPBOC)
			if how == card.Off && c.ErrorCode != card.ErrATRNotObtained || how != card.Off && !strings.HasPrefix(got, x.answer) {
				t.Errorf("%s after %s: %+v %s", x.kind, how, c, got)
			}
		}
		take()
		r.Event(card.EvMediaRemoved)
		if c, _ := apdu(t, r, x.protocol, selectPBOC); c.ErrorCode != card.ErrNoMedia {
			t.Errorf("%s without a card: %+v", x.kind, c)
		}
		if s := r.Log.String(); strings.Contains(s, pan) || strings.Contains(s, selectPBOC) {
			t.Error("the log knows what was said to the chip")
		}
	}
}

func TestAWaitForACardEndsByCancel(t *testing.T) {
	conformance.PCSCD(t)
	r := conformance.Start(t, pcsc.Model, conformance.PCSCSocket, map[string]any{"pollMs": 20})
	<-r.Recoveries
	online(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	events, done := r.Begin(ctx, r.Command(card.CmdReadRawData, card.ReadRawData{Chip: true}))
	conformance.Next(t, events, card.EvInsertCard)
	cancel()
	if c := conformance.Ended(t, done); c.Outcome != api.Canceled {
		t.Errorf("%+v", c)
	}
}
