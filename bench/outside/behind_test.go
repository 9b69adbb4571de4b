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
	"zhigui/drivers/host"
)

// behind runs the driver for any maker's service provider, in a process of its own, on the
// scanner's service of this branch: a device behind a service provider behind a driver.
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
	d, err := h.Start(t.Context(), host.Spec{ID: "scanner", Model: "xfs4iotscanner", Binary: filepath.Join(b.Bin, "driverd"), Port: b.url + "/scanner/", Profile: profile, StateDir: filepath.Join(dir, "s")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	st, err := d.Status(ctx)
	if err != nil || !strings.Contains(string(st.Classes), `"online"`) {
		t.Errorf("%s, %v", st.Classes, err)
	}
	done := make(chan api.Completion, 1)
	go func() {
		done <- d.Execute(ctx, api.Command{Op: "1", Name: "BarcodeReader.Read", Payload: json.RawMessage(`{}`)}, nil)
	}()
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
}
