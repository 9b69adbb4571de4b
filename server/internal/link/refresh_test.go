package link

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
)

// slowView is another server's view of the keys, whose refresh ends when it is told.
type slowView struct {
	*hsm.Soft
	begun, end chan struct{}
	once       sync.Once
}

func (s *slowView) Refresh(owners ...string) error {
	s.once.Do(func() { close(s.begun) })
	<-s.end
	return s.Soft.Refresh(owners...)
}

func TestAllMessagesUnderAKeyThatAnotherServerTookOverAreOpened(t *testing.T) {
	keys := conformance.NewMemory()
	a := moduleOn(t, keys, paycrypto.SM4, 0x11)
	b, err := hsm.NewSoft(make([]byte, 32), keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Current("p"); err != nil {
		t.Fatal(err)
	}
	stranger := &vault{m: module(t, paycrypto.SM4, 0x77), owner: "p"}
	strange, err := stranger.seal(hsm.Ref{}, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	view := &slowView{Soft: b, begun: make(chan struct{}), end: make(chan struct{})}
	at := &vault{m: view, owner: "p"}
	first := make(chan error, 1)
	go func() { // a stranger's key is asked for
		_, _, err := at.open(strange)
		first <- err
	}()
	<-view.begun
	addKeys(t, a, paycrypto.SM4, 0x22)
	env, err := (&vault{m: a, owner: "p"}).seal(hsm.Ref{}, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 20)
	for range 20 {
		go func() {
			_, _, err := at.open(env)
			answers <- err
		}()
	}
	close(view.end)
	for range 20 {
		if err := <-answers; err != nil {
			t.Error("under the new key: ", err)
		}
	}
	if err := <-first; !errors.Is(err, ErrOtherKey) {
		t.Error("a stranger's: ", err)
	}
}

func TestAStrangersKeyIsAskedForOnceASecondAndKeepsNoOtherWaiting(t *testing.T) {
	keys := conformance.NewMemory()
	a := moduleOn(t, keys, paycrypto.SM4, 0x11)
	b, err := hsm.NewSoft(make([]byte, 32), keys)
	if err != nil {
		t.Fatal(err)
	}
	strange, err := (&vault{m: module(t, paycrypto.SM4, 0x77), owner: "p"}).seal(hsm.Ref{}, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	at := &vault{m: b, owner: "p"}
	if _, _, err := at.open(strange); !errors.Is(err, ErrOtherKey) {
		t.Error(err)
	}
	addKeys(t, a, paycrypto.SM4, 0x22)
	env, err := (&vault{m: a, owner: "p"}).seal(hsm.Ref{}, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := at.open(env); err != nil { // in the same second
		t.Error("after a stranger's: ", err)
	}
}

// A peer that names one unknown key after the other holds up its own new key by a pause, not by a second: no
// message is refused before the keys were read again.
func TestAFloodOfStrangersKeysDoesNotHoldUpANewOne(t *testing.T) {
	keys := conformance.NewMemory()
	a := moduleOn(t, keys, paycrypto.SM4, 0x11)
	b, err := hsm.NewSoft(make([]byte, 32), keys)
	if err != nil {
		t.Fatal(err)
	}
	at := &vault{m: b, owner: "p"}
	for i := range strangers + 6 {
		if _, err := at.find('S', [3]byte{0xEE, 0xEE, byte(i)}); !errors.Is(err, ErrOtherKey) {
			t.Fatal(err)
		}
	}
	if len(at.strange) > strangers {
		t.Errorf("%d names are remembered", len(at.strange))
	}
	addKeys(t, a, paycrypto.SM4, 0x22)
	env, err := (&vault{m: a, owner: "p"}).seal(hsm.Ref{}, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := at.open(env); err != nil {
		t.Error("under the new key, in the same second: ", err)
	}
}

func TestASecretValueInTheClearBesideAnEnvelopeIsRefused(t *testing.T) {
	x := &secrecy{vault: vault{m: module(t, paycrypto.SM4, 0x11), owner: "p"}, s: &Cipher{}, into: message.CanonByName("private"), names: []string{"account", "holder"}}
	sealed := func() *format.Transaction {
		m := &format.Transaction{Values: map[string]string{"account": "1"}}
		if err := x.closeValues(m, hsm.Ref{}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if _, err := x.openValues(sealed()); err != nil {
		t.Error(err)
	}
	for _, name := range x.names {
		m := sealed()
		m.Values[name] = "2"
		if _, err := x.openValues(m); !errors.Is(err, ErrInClear) {
			t.Errorf("%s in the clear: %v", name, err)
		}
	}
}

func TestAPasswordOfTheBrokersThatOthersMayReadIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Spec{Kind: "mq", Address: "127.0.0.1:1", SASL: &SASL{Mechanism: "scram-sha-512", User: "u", Password: file}}
	b, err := s.bus(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_ = b.Close()
	if err := os.Chmod(file, 0o644); err != nil { //nolint:gosec // what is refused
		t.Fatal(err)
	}
	if _, err := s.bus(nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Error(err)
	}
}
