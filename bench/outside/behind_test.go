package outside

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/host"
)

// behind runs the drivers for any maker's service provider, in processes of their own, on the
// services of this branch: a device behind a service provider behind a driver.
func behind(t *testing.T, b *counter) {
	token, err := os.ReadFile(b.token)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "bh") // short: sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h, err := host.New(host.Config{RunDir: filepath.Join(dir, "r")}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = h.Close(ctx)
	})
	profile, _ := json.Marshal(map[string]string{"token": strings.TrimSpace(string(token))})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	drive := func(t *testing.T, model, service string) *host.Device {
		t.Helper()
		d, err := h.Start(t.Context(), host.Spec{ID: service, Model: model, Binary: filepath.Join(b.Bin, "driverd"), Port: b.url + "/" + service + "/", Profile: profile, StateDir: filepath.Join(dir, service)})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
		st, err := d.Status(ctx)
		if err != nil || !strings.Contains(string(st.Classes), `"online"`) {
			t.Errorf("%s: %s, %v", service, st.Classes, err)
		}
		for _, p := range xfs4iot.Check("completion", "Common.Status", st.Classes) {
			t.Error(p)
		}
		return d
	}
	run := func(d *host.Device, op, name, payload string) api.Completion {
		return d.Execute(ctx, api.Command{Op: api.OpID(op), Name: name, Payload: json.RawMessage(payload)}, nil)
	}
	t.Run("a scanner", func(t *testing.T) {
		d := drive(t, "xfs4iotscanner", "scanner")
		done := make(chan api.Completion, 1)
		go func() { done <- run(d, "1", "BarcodeReader.Read", `{}`) }()
		if err := robot.Until(20*time.Second, func() error {
			return b.devices.Do("scanner", "presentCode", map[string]any{"data": "6901234567892", "symbology": "ean13"})
		}); err != nil {
			t.Fatal(err)
		}
		c := <-done
		if c.Outcome != api.Done || !strings.Contains(string(c.Payload), "NjkwMTIzNDU2Nzg5Mg==") {
			t.Errorf("%+v %s", c, c.Payload)
		}
		stop, cease := context.WithCancel(ctx)
		c = d.Execute(stop, api.Command{Op: "2", Name: "BarcodeReader.Read", Payload: json.RawMessage(`{}`)}, func(api.Event) { cease() })
		if c.Outcome != api.Canceled {
			t.Errorf("canceled through both: %+v", c)
		}
	})
	t.Run("a dispenser, which pays nobody without a transaction", func(t *testing.T) {
		d := drive(t, "xfs4iotdispenser", "cash")
		var st cash.Status
		var all struct{ CashDispenser json.RawMessage }
		s, err := d.Status(ctx)
		if err == nil {
			err = json.Unmarshal(s.Classes, &all)
		}
		if err == nil {
			err = json.Unmarshal(all.CashDispenser, &st)
		}
		if err != nil || st.Transport != "empty" || st.Units["unit1"].State != "ok" || len(st.Positions) != 1 || st.Positions[0].PositionStatus != "empty" {
			t.Errorf("%+v %v", st, err)
		}
		if c := run(d, "1", cash.CmdDispense, `{"counts":{"unit1":1}}`); c.Outcome != api.NotStarted || c.Code != api.AuthorizationRequired {
			t.Errorf("%+v", c)
		}
		if c := run(d, "2", cash.CmdDispense, `{"counts":{"unit9":1}}`); c.Outcome != api.NotStarted || c.ErrorCode != cash.ErrCashUnit {
			t.Errorf("%+v", c)
		}
	})
	t.Run("an acceptor, which takes nobody's notes without a transaction", func(t *testing.T) {
		d := drive(t, "xfs4iotacceptor", "acceptor")
		var all struct{ CashAcceptor cash.AcceptorStatus }
		s, err := d.Status(ctx)
		if err == nil {
			err = json.Unmarshal(s.Classes, &all)
		}
		if at := all.CashAcceptor; err != nil || at.Units[cash.BoxUnit].State != "ok" || len(at.NoteTypes) == 0 || at.CashIn.Unknown {
			t.Errorf("%+v %v", at, err)
		}
		if c := run(d, "1", cash.CmdCashInStart, `{}`); c.Outcome != api.NotStarted || c.Code != api.AuthorizationRequired {
			t.Errorf("%+v", c)
		}
	})
	t.Run("a PIN pad, whose keys are the platform's", func(t *testing.T) {
		d := drive(t, "xfs4iotpinpad", "pinpad")
		if c := run(d, "1", pinpad.CmdPinEntry, `{"minLen":4,"maxLen":6}`); c.Outcome != api.NotStarted || c.Code != api.SequenceError {
			t.Errorf("no card was read: %+v", c)
		}
		if c := run(d, "2", pinpad.CmdDeleteKey, `{"key":"tmk"}`); c.ErrorCode != pinpad.ErrAccessDenied {
			t.Errorf("%+v", c)
		}
		var keys pinpad.GetKeyDetailResult
		if c := run(d, "3", pinpad.CmdGetKeyDetail, `{}`); c.Outcome != api.Done || json.Unmarshal(c.Payload, &keys) != nil || len(keys.KeyDetails) == 0 {
			t.Errorf("%+v %s", c, c.Payload)
		}
		for name, k := range keys.KeyDetails {
			if k.KeyAttributes.KeyUsage == "" || k.KeyAttributes.Algorithm != pinpad.TripleDES {
				t.Errorf("%s: %+v", name, k)
			}
		}
	})
}
