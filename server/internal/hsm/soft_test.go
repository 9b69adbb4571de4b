package hsm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"zhigui/server/api/paycrypto"
)

type memory struct{ recs map[string]Record }

func (m *memory) SaveKeys(recs ...Record) error {
	for _, r := range recs {
		m.recs[string(aad(r))] = r
	}
	return nil
}

func (m *memory) DropKeys(owner string, _ ...Record) error {
	for k, r := range m.recs {
		if r.Owner == owner {
			delete(m.recs, k)
		}
	}
	return nil
}

func (m *memory) LoadKeys(owner string) ([]Record, error) {
	var out []Record
	for _, r := range m.recs {
		if owner == "" || r.Owner == owner {
			out = append(out, r)
		}
	}
	return out, nil
}

func TestAMasterKeyOthersMayReadIsRefused(t *testing.T) {
	p := filepath.Join(t.TempDir(), "master.key")
	k, err := MasterKey(p)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := MasterKey(p); err != nil || !bytes.Equal(k, again) {
		t.Fatal("the key changed")
	}
	if err := os.Chmod(p, 0o644); err != nil { //nolint:gosec // the test's point
		t.Fatal(err)
	}
	if _, err := MasterKey(p); err == nil {
		t.Fatal("accepted")
	}
}

// req: TX-27 TX-31
func TestKeysSurviveARestartSealedAndThePreviousVersionStaysUsable(t *testing.T) {
	for _, alg := range []paycrypto.Alg{paycrypto.DES, paycrypto.SM4} {
		m := &memory{map[string]Record{}}
		master := bytes.Repeat([]byte{7}, 32)
		s, err := NewSoft(master, m)
		if err != nil {
			t.Fatal(err)
		}
		tmkRaw, _, err := s.CreateTMK("T", alg)
		if err != nil {
			t.Fatal(err)
		}
		var last *Working
		for range 3 {
			if last, err = s.NewWorking("T", false); err != nil {
				t.Fatal(err)
			}
		}
		tmk, _ := paycrypto.NewKey(alg, tmkRaw)
		mak, _ := paycrypto.Unwrap(tmk, last.MAK)
		for _, r := range m.recs {
			if bytes.Contains(r.Sealed, mak) || bytes.Contains(r.Sealed, tmkRaw) {
				t.Fatal("a key lies in the clear")
			}
		}
		again, err := NewSoft(master, m)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := again.Current("T")
		if err != nil || ref.Version != 3 {
			t.Fatal(ref, err)
		}
		a, _ := s.AppendMAC(nil, ref, []byte("data"))
		b, err := again.AppendMAC(nil, ref, []byte("data"))
		if err != nil || !bytes.Equal(a, b) {
			t.Fatal("another key after the restart")
		}
		if _, err := again.AppendMAC(nil, Ref{Owner: "T", Version: 2}, []byte("data")); err != nil {
			t.Error("previous version:", err)
		}
		if _, err := again.AppendMAC(nil, Ref{Owner: "T", Version: 1}, []byte("data")); !errors.Is(err, ErrNoKey) {
			t.Error("old version:", err)
		}
		if _, err := NewSoft(bytes.Repeat([]byte{8}, 32), m); !errors.Is(err, ErrSeal) {
			t.Error("opened under another master key:", err)
		}
	}
}

// Processes of several roles start at once on a new folder.
func TestOneMasterKeyIsMadeByAllThatStartAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		file := filepath.Join(t.TempDir(), "master.key")
		var wg sync.WaitGroup
		var keys [8][]byte
		for i := range keys {
			wg.Go(func() {
				var err error
				if keys[i], err = MasterKey(file); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, k := range keys {
			if !bytes.Equal(k, keys[0]) {
				t.Fatal("two master keys")
			}
		}
	}
}
