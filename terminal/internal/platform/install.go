package platform

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/host"
	"zhigui/terminal/internal/config"
)

// InstallKey loads the terminal's master key into the PIN pad: once, at installation. The
// file holds the key in hexadecimal and, on the same line, its check value. It should be
// destroyed afterwards.
func InstallKey(ctx context.Context, cfg config.Config, file string, log *slog.Logger) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	key, kcv, err := parseKeyFile(string(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(cfg.Run, 0o700); err != nil {
		return err
	}
	h, err := host.New(host.Config{RunDir: filepath.Join(cfg.Run, "k")}, log)
	if err != nil {
		return err
	}
	defer func() {
		c, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = h.Close(c)
	}()
	d := cfg.Devices["pinpad"]
	profile, err := json.Marshal(d.Profile)
	if err != nil {
		return err
	}
	if len(d.Profile) == 0 {
		profile = nil
	}
	drv, err := h.Start(ctx, host.Spec{ID: "pinpad", Model: d.Model, Binary: cfg.Driverd, SHA256: cfg.SHA256, Port: d.Port, Profile: profile, StateDir: filepath.Join(cfg.Data, "drivers", "pinpad")})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := drv.WaitReady(wait); err != nil {
		_, why := drv.State()
		return fmt.Errorf("the PIN pad does not answer (%s): %w", why, err)
	}
	name, alg := "TMK", pinpad.TripleDES
	if cfg.Host.Zone == "sm4" {
		name, alg = "TMK.sm4", pinpad.SM4
	}
	payload, err := json.Marshal(pinpad.ImportKey{Key: name, KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UseKEK, Algorithm: alg}, Value: key, VerificationData: kcv})
	if err != nil {
		return err
	}
	done := drv.Execute(ctx, api.Command{Op: api.OpID("install-" + randomHex(6)), Name: pinpad.CmdImportKey, Payload: payload}, func(api.Event) {})
	if done.Outcome != api.Done {
		return fmt.Errorf("the PIN pad refused the master key: %s %s %s", done.Code, done.ErrorCode, done.Description)
	}
	fmt.Fprintf(os.Stderr, "master key %s installed, check value %X\n", name, kcv)
	return nil
}

func parseKeyFile(text string) (key, kcv []byte, err error) {
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(f[0], "#") {
			continue
		}
		key, err1 := hex.DecodeString(f[0])
		kcv, err2 := hex.DecodeString(f[1])
		if err1 == nil && err2 == nil && len(key) == 16 && len(kcv) >= 3 {
			return key, kcv, nil
		}
	}
	return nil, nil, errors.New("no line with a key (32 hexadecimal digits) and its check value")
}
