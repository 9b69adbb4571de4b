// Package choose opens the security module that the configuration names. Only commands import it.
package choose

import (
	"fmt"
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
	master, err := hsm.MasterKey(filepath.Join(c.Data, "master.key"))
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
