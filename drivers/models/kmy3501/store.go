package kmy3501

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zhigui/drivers/api/pinpad"
)

// keyring is the driver's record of what was loaded: names, uses and check values, never a
// key. The device has no command that lists its keys.
type keyring struct {
	path string
	keys map[string]pinpad.KeyDetail
}

const keyFile = "keys.json"

func openKeyring(dir string) (*keyring, error) {
	k := &keyring{path: filepath.Join(dir, keyFile), keys: map[string]pinpad.KeyDetail{}}
	b, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &k.keys)
	}
	if err != nil {
		return nil, fmt.Errorf("record of keys: %w", err)
	}
	return k, nil
}

func (k *keyring) save() error {
	b, err := json.MarshalIndent(k.keys, "", "  ")
	if err != nil {
		return fmt.Errorf("record of keys: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(k.path), keyFile+".new*")
	if err != nil {
		return fmt.Errorf("record of keys: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), k.path)
	}
	if err != nil {
		return fmt.Errorf("record of keys: %w", err)
	}
	return nil
}
