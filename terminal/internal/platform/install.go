package platform

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/host"
	"zhigui/terminal/internal/config"
)

// InstallKey loads the terminal's master key into the PIN pad: once, at installation. files is one file, or
// the two of a key in parts with a comma between. They should be destroyed afterwards.
func InstallKey(ctx context.Context, cfg config.Config, files string, log *slog.Logger) error {
	var raws [][]byte
	for _, f := range strings.Split(files, ",") {
		raw, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		raws = append(raws, raw)
	}
	key, kcv, err := parseKeyFiles(raws, cfg.Terminal, cfg.Host.Zone)
	if err != nil {
		return fmt.Errorf("%s: %w", files, err)
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
	d, ok := cfg.Devices["pinpad"]
	if !ok {
		return errors.New("this terminal has no PIN pad: devices.pinpad in platform.yaml")
	}
	// Only here, and only into a PIN pad that holds no master key, may one go in clear.
	install := map[string]any{"allowClearMaster": true}
	maps.Copy(install, d.Profile)
	profile, err := json.Marshal(install)
	if err != nil {
		return err
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

// keyFile is what serverctl terminal add writes.
type keyFile struct {
	Terminal string `json:"terminal"`
	Zone     string `json:"zone"`
	Key      string `json:"key"`  // 32 hexadecimal digits; of a part: the key is the exclusive or of both
	KCV      string `json:"kcv"`  // of the key
	Part     int    `json:"part"` // 0: it is whole
}

// parseKeyFiles puts a key together of its parts, or takes the whole one.
func parseKeyFiles(raws [][]byte, terminal, zone string) (key, kcv []byte, err error) {
	key, seen := make([]byte, 16), map[int]bool{}
	for i, raw := range raws {
		var f keyFile
		if err := json.Unmarshal(raw, &f); err != nil {
			return nil, nil, errors.New("this is not a key file of serverctl terminal add")
		}
		part, check, err := f.parse(terminal, zone)
		switch {
		case err != nil:
			return nil, nil, err
		case i > 0 && !bytes.Equal(check, kcv):
			return nil, nil, errors.New("the files are of two keys: their check values differ")
		}
		kcv, seen[f.Part] = check, true
		subtle.XORBytes(key, key, part)
	}
	if whole, parts := len(raws) == 1 && seen[0], len(raws) == 2 && seen[1] && seen[2]; !whole && !parts {
		return nil, nil, errors.New("want the file of a whole key, or the two files of its parts with a comma between")
	}
	return key, kcv, nil
}

func (f keyFile) parse(terminal, zone string) (key, kcv []byte, err error) {
	if f.Terminal != terminal || f.Zone != zone {
		return nil, nil, fmt.Errorf("the key is for terminal %s in zone %s, this is %s in %s", f.Terminal, f.Zone, terminal, zone)
	}
	key, err1 := hex.DecodeString(f.Key)
	kcv, err2 := hex.DecodeString(f.KCV)
	if err1 != nil || err2 != nil || len(key) != 16 || len(kcv) < 3 {
		return nil, nil, errors.New("key or check value is not hexadecimal of the right length")
	}
	return key, kcv, nil
}
