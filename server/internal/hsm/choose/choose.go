// Package choose opens the security module that the configuration names. Only commands import it.
package choose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/remote"
)

// DataAlgorithm is that of the data keys.
func DataAlgorithm(c *config.Config) paycrypto.Alg {
	if c.HSM.Data == "aes" {
		return paycrypto.AES
	}
	return paycrypto.SM4
}

// Loader is the remote key loading of an opened module.
func Loader(h hsm.HSM, keys hsm.Keys) (*hsm.Loader, error) {
	switch m := h.(type) {
	case *hsm.Soft:
		return hsm.NewLoader(m.Vault, keys, m), nil
	case *remote.Module:
		return hsm.NewLoader(m.Vault, keys, m), nil
	}
	return nil, fmt.Errorf("hsm: %T loads no keys over the line", h)
}

// Open opens the module over its stored keys. The master key file in the data folder protects the
// journal with either kind; with kind soft it protects the keys as well.
func Open(c *config.Config, keys hsm.Keys) (hsm.HSM, error) {
	file := filepath.Join(c.Data, "master.key")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) { // a new one would open nothing, and hide that the old one is away
		recs, err := keys.LoadKeys("")
		if err != nil {
			return nil, fmt.Errorf("hsm: load keys: %w", err)
		}
		if len(recs) > 0 {
			return nil, fmt.Errorf("hsm: master key file %s is missing, and the database has keys under it: bring it back, from a backup or from another server of this database", file)
		}
	}
	master, err := hsm.MasterKey(file)
	if err != nil {
		return nil, err
	}
	defer clear(master)
	alg := DataAlgorithm(c)
	if c.HSM.Kind != "tcp" {
		s, err := hsm.NewSoft(master, keys)
		if err != nil {
			return nil, err
		}
		return s, s.UseDataKeys(keys, alg)
	}
	v, err := hsm.NewVault(master)
	if err != nil {
		return nil, err
	}
	m, err := remote.New(remote.Options{Address: c.HSM.Address, Connections: c.HSM.Connections, Timeout: c.HSM.Timeout, Header: c.HSM.Header}, v, keys)
	if err != nil {
		return nil, err
	}
	return m, v.UseDataKeys(keys, alg)
}
