package zt598

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"zhigui/sim/epp"
)

// origin says where a master key came from: slot, key and the nonce of its token. A key that was loaded into
// the slot since is another one.
type origin struct {
	Slot  int    `json:"slot"`
	Key   string `json:"key"`
	Nonce []byte `json:"nonce"`
}

// exchange puts another pad of the same make into this one's place: with a serial number and an identity of
// its own, and without keys.
func (m *Model) exchange() error {
	n, err := strconv.Atoi(strings.TrimLeft(m.cfg.Serial, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	if err != nil || len(m.cfg.Serial) != 8 {
		n = 0
	}
	m.phy = physical{Warning: warning, TDES: map[int]key{}, SM4: map[int]key{}, SM4KEK: map[int]key{}, Serial: fmt.Sprintf("SIM%05d", n+1)}
	m.cfg.Serial = m.phy.Serial
	if err := m.openItems(); err != nil {
		return err
	}
	m.PowerOff()
	return m.save()
}

func (m *Model) openItems() (err error) {
	file := filepath.Join(filepath.Dir(m.file), "identity-"+m.cfg.Serial+".json")
	if m.items, err = m.cfg.Open(file, m.cfg.Serial); m.items == nil {
		return err
	}
	for zone, der := range m.phy.Hosts {
		if p := m.items.Zone(zone); p != nil && p.Host() == nil {
			if err := p.PinHost(der); err != nil {
				return fmt.Errorf("pinned host key: %w", err)
			}
		}
	}
	return nil
}

var extensionErrors = map[error]string{epp.ErrFormat: "F1", epp.ErrSignature: "F2", epp.ErrRandom: "F3", epp.ErrContent: "F4", epp.ErrNoHost: "F5", epp.ErrOperation: "EB"}

// extension is command x, keys over the line: zone, operation, arguments.
func (m *Model) extension(arg string) []byte {
	if m.items == nil || len(arg) < 2 {
		return failure("EB")
	}
	zone, op := int(arg[0]-'0'), int(arg[1]-'0')
	if m.items.Zone(zone) == nil {
		return failure("EB")
	}
	data, err := m.item(zone, op, arg[2:])
	if err == nil {
		return success(data)
	}
	for is, code := range extensionErrors {
		if errors.Is(err, is) {
			return failure(code)
		}
	}
	return failure("EF")
}

// masters is the store of a zone's master keys.
func (m *Model) masters(zone int) map[int]key {
	if zone == 2 {
		return m.phy.SM4KEK
	}
	return m.phy.TDES
}

// tell gives the signing half the master key that the memory has now. Slot 01 is its place when no token
// has chosen another.
func (m *Model) tell(zone int) {
	from, n := m.phy.Last[zone], 1
	if from.Key != "" {
		n = from.Slot
	}
	k, there := m.masters(zone)[n]
	switch {
	case !there || k.Use != useKEK:
		m.items.Zone(zone).Hold(nil, nil)
	case k.Hex == from.Key:
		m.items.Zone(zone).Hold(from.Nonce, k.bytes())
	default:
		m.items.Zone(zone).Hold(nil, k.bytes())
	}
}

func (m *Model) item(zone, op int, arg string) (string, error) {
	switch op {
	case 1, 2, 3, 4, 5:
		m.tell(zone)
		n, err := m.items.Make(zone, op)
		return fmt.Sprintf("%04d", n), err
	case 6, 7:
		if len(arg) < 4 {
			return "", epp.ErrFormat
		}
		at, err := strconv.ParseUint(arg[:4], 10, 16)
		if err != nil {
			return "", epp.ErrFormat
		}
		if op == 6 {
			b, err := m.items.Read(int(at), 100) //nolint:gosec // 16 bits
			return arg[:4] + upperHex(b), err
		}
		b, err := hex.DecodeString(arg[4:])
		if err != nil {
			return "", epp.ErrFormat
		}
		return "", m.items.Write(int(at), b) //nolint:gosec // 16 bits
	case 8:
		return m.take(zone, arg)
	case 9:
		if err := m.items.Pin(zone); err != nil {
			return "", err
		}
		if m.phy.Hosts == nil {
			m.phy.Hosts = map[int][]byte{}
		}
		m.phy.Hosts[zone] = m.items.Zone(zone).Host()
		return "", m.save()
	}
	return "", epp.ErrOperation
}

// take loads the key of a token into a slot; key and origin are saved together.
func (m *Model) take(zone int, arg string) (string, error) {
	n, ok := slot(arg)
	if !ok {
		return "", epp.ErrFormat
	}
	raw, nonce, err := m.items.Take(zone)
	if err != nil {
		return "", err
	}
	check, err := map[int]func([]byte) ([]byte, error){1: kcv3, 2: kcv4}[zone](raw)
	if err != nil {
		return "", err
	}
	k := key{useKEK, upperHex(raw)}
	m.masters(zone)[n] = k
	if m.phy.Last == nil {
		m.phy.Last = map[int]origin{}
	}
	m.phy.Last[zone] = origin{n, k.Hex, nonce}
	return upperHex(check), m.save()
}
