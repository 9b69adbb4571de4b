//go:build unix

package conformance_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"syscall"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/conformance"
	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/sim/device"
	"zhigui/sim/device/kmy3501"
	"zhigui/sim/device/zt598"
	"zhigui/sim/epp"
)

// bank is a server's half of remote key loading in one zone.
type bank struct {
	t   *testing.T
	how sign.Alg
	key crypto.Signer
}

func newBank(t *testing.T, sm bool) *bank {
	t.Helper()
	b := &bank{t: t, how: map[bool]sign.Alg{false: sign.PSS, true: sign.SM2}[sm]}
	var err error
	if b.key, err = b.how.Generate(); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bank) public() []byte {
	text, err := sign.PEM(b.key.Public())
	if err != nil {
		b.t.Fatal(err)
	}
	p, _ := pem.Decode(text)
	return p.Bytes
}

// token is a key for a pad.
func (b *bank) token(serial string, nonce, key []byte, cert *smx509.Certificate) []byte {
	b.t.Helper()
	alg, number := paycrypto.DES, keyload.TripleDES
	if b.how == sign.SM2 {
		alg, number = paycrypto.SM4, keyload.SM4
	}
	k, err := paycrypto.NewKey(alg, key)
	if err != nil {
		b.t.Fatal(err)
	}
	body := keyload.Body{Serial: serial, Nonce: nonce, Algorithm: number, KCV: k.CheckValue(4)}
	switch p := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		body.Envelope, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, p, key, []byte(serial))
	case *ecdsa.PublicKey:
		body.Envelope, err = sm2.EncryptASN1(rand.Reader, p, key)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := keyload.Seal(body, func(data []byte) ([]byte, error) { return b.how.Sign(b.key, "", data) })
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// remotePads are the pads and the names of their master keys.
var remotePads = []struct {
	make int
	key  string
	sm   bool
}{{0, "TMK", false}, {0, "TMK.sm4", true}, {1, "TMK", false}}

func remotePad(t *testing.T, n int, with bool) *pad {
	t.Helper()
	make := pinPads[n]
	c := device.Config{Model: make.virtual}
	if with {
		origin := epp.Origin{Maker: t.TempDir()}
		if n == 0 {
			c.PinPad = &zt598.Config{Origin: origin}
		} else {
			c.KMY = &kmy3501.Config{Origin: origin}
		}
	}
	sim := device.MustStart(t, c)
	r := conformance.Start(t, make.model, sim.Port(), map[string]any{"pollMs": 50, "replyMs": 500, "remoteKeys": true})
	<-r.Recoveries
	return &pad{t, sim, r}
}

func (p *pad) cert(key, which string) *smx509.Certificate {
	p.t.Helper()
	var out pinpad.GetCertificateResult
	p.into(p.do(pinpad.CmdGetCertificate, pinpad.GetCertificate{GetCertificate: which, Key: key}), &out)
	c, err := smx509.ParseCertificate(out.Certificate)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// exchange starts a key exchange and checks what the pad has signed.
func (p *pad) exchange(b *bank, key string) pinpad.StartKeyExchangeResult {
	p.t.Helper()
	var o pinpad.StartKeyExchangeResult
	p.into(p.do(pinpad.CmdStartKeyExchange, pinpad.StartKeyExchange{Key: key}), &o)
	signed, err := (&keyload.Offer{Serial: o.Serial, Nonce: o.RandomItem, Held: keyload.Held(o.Held)}).Signed()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := b.how.Verify(p.cert(key, "verificationkey").PublicKey, "", signed, o.Signature); err != nil {
		p.t.Error("the offer:", err)
	}
	return o
}

// proof is what the pad says that it holds, checked.
func (p *pad) proof(b *bank, key string) pinpad.Held {
	p.t.Helper()
	var o pinpad.ExportItemResult
	p.into(p.do(pinpad.CmdExportItem, pinpad.ExportItem{ExportItemType: "deviceId", Key: key}), &o)
	signed, err := (&keyload.Proof{Serial: string(o.Value), Held: keyload.Held(o.Held)}).Signed()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := b.how.Verify(p.cert(key, "verificationkey").PublicKey, "", signed, o.Signature); err != nil {
		p.t.Error("the proof:", err)
	}
	return o.Held
}

func (p *pad) take(key string, token []byte) api.Completion {
	p.t.Helper()
	return p.do(pinpad.CmdImportKeyToken, pinpad.ImportKeyToken{KeyToken: token, Key: key, KeyUsage: pinpad.UseKEK, LoadOption: "random"})
}

// req: G-09
func TestEveryPinPadTakesItsMasterKeyOverTheLine(t *testing.T) {
	for _, c := range remotePads {
		t.Run(pinPads[c.make].virtual+" "+c.key, func(t *testing.T) {
			p, b := remotePad(t, c.make, true), newBank(t, c.sm)
			alg := map[bool]paycrypto.Alg{false: paycrypto.DES, true: paycrypto.SM4}[c.sm]
			check := func(key []byte) []byte {
				k, err := paycrypto.NewKey(alg, key)
				if err != nil {
					t.Fatal(err)
				}
				return k.CheckValue(4)
			}
			one, two := unhex(padMaster), unhex(padTPK)
			o := p.exchange(b, c.key)
			if len(o.Last)+len(o.KCV) > 0 {
				t.Error("a fresh pad holds a key")
			}
			enc := p.cert(c.key, "enckey")
			token := b.token(o.Serial, o.RandomItem, one, enc)
			if done := p.take(c.key, token); done.ErrorCode != pinpad.ErrAccessDenied {
				t.Errorf("without the bank's key: %+v", done)
			}
			load := pinpad.LoadCertificate{LoadOption: "newHost", CertificateData: b.public(), Key: c.key}
			if done := p.do(pinpad.CmdLoadCertificate, load); done.Outcome != api.Done {
				t.Fatalf("%+v", done)
			}
			if done := p.do(pinpad.CmdLoadCertificate, load); done.ErrorCode != pinpad.ErrAccessDenied {
				t.Errorf("the bank's key was replaced: %+v", done)
			}
			stranger := newBank(t, c.sm)
			if done := p.take(c.key, stranger.token(o.Serial, o.RandomItem, one, enc)); done.ErrorCode != pinpad.ErrSignature {
				t.Errorf("another bank's token: %+v", done)
			}
			if done := p.take(c.key, token[:len(token)-9]); done.ErrorCode != pinpad.ErrFormat {
				t.Errorf("half a token: %+v", done)
			}
			var out pinpad.ImportKeyTokenResult
			if p.into(p.take(c.key, token), &out); !bytes.Equal(out.KeyCheckValue, check(one)) {
				t.Errorf("check value %X", out.KeyCheckValue)
			}
			if h := p.proof(b, c.key); !bytes.Equal(h.KCV, check(one)) || !bytes.Equal(h.Last, o.RandomItem) {
				t.Errorf("the pad holds %+v", h)
			}
			if p.keys()[c.key].KeyAttributes.KeyUsage != pinpad.UseKEK {
				t.Error("the driver does not know the key")
			}

			next := p.exchange(b, c.key)
			if !bytes.Equal(next.Last, o.RandomItem) || bytes.Equal(next.RandomItem, o.RandomItem) {
				t.Error("the next offer:", next.Last, next.RandomItem)
			}
			if done := p.take(c.key, token); done.Outcome == api.Done {
				t.Errorf("a token of an older random value: %+v", done)
			}
			// The reply is lost each time: the pad has the key, and the driver finds out.
			take := map[int]string{0: "x8", 1: "4B08"}[c.make]
			if err := p.sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: take, Stage: device.ReplyLost, Times: 1}); err != nil {
				t.Fatal(err)
			}
			if p.into(p.take(c.key, b.token(next.Serial, next.RandomItem, two, enc)), &out); !bytes.Equal(out.KeyCheckValue, check(two)) {
				t.Errorf("check value %X", out.KeyCheckValue)
			}
			if err := syscall.Kill(p.r.Device.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-p.r.Recoveries
			p.r.Ready()
			if h := p.proof(b, c.key); !bytes.Equal(h.KCV, check(two)) || !bytes.Equal(h.Last, next.RandomItem) {
				t.Errorf("after the driver was killed the pad holds %+v", h)
			}
			if _, err := p.sim.Do("loseKeys", nil); err != nil {
				t.Fatal(err)
			}
			if h := p.proof(b, c.key); len(h.KCV) > 0 {
				t.Errorf("a pad that lost its keys holds %+v", h)
			}
			if _, there := p.keys()[c.key]; there {
				t.Error("the driver believes in a key that the pad has lost")
			}
		})
	}
}

// A working key that was wrapped under a key that came over the line can be used.
//
// req: G-09
func TestWorkingKeysComeUnderAMasterKeyThatCameOverTheLine(t *testing.T) {
	for n := range pinPads {
		t.Run(pinPads[n].virtual, func(t *testing.T) {
			p, b := remotePad(t, n, true), newBank(t, false)
			p.do(pinpad.CmdLoadCertificate, pinpad.LoadCertificate{LoadOption: "newHost", CertificateData: b.public(), Key: "TMK"})
			o := p.exchange(b, "TMK")
			if done := p.take("TMK", b.token(o.Serial, o.RandomItem, unhex(padMaster), p.cert("TMK", "enckey"))); done.Outcome != api.Done {
				t.Fatalf("%+v", done)
			}
			if done := p.loadWork("TAK", pinpad.UseMAC, padTAK, zeroBlock(padTAK)[:4]); done.Outcome != api.Done {
				t.Fatalf("%+v", done)
			}
			var mac pinpad.GenerateMACResult
			if p.into(p.do(pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: "TAK", Data: []byte("12345678")}), &mac); !bytes.Equal(mac.AuthenticationData, x919(padTAK, []byte("12345678"))) {
				t.Errorf("MAC %X", mac.AuthenticationData)
			}
		})
	}
}

func TestAPinPadWithoutTheExtensionSaysSo(t *testing.T) {
	for n := range pinPads {
		p := remotePad(t, n, false)
		if done := p.do(pinpad.CmdStartKeyExchange, pinpad.StartKeyExchange{Key: "TMK"}); done.Outcome != api.Failed {
			t.Errorf("%s: %+v", pinPads[n].virtual, done)
		}
		if done := p.do(pinpad.CmdStartKeyExchange, pinpad.StartKeyExchange{Key: "TPK"}); done.Outcome != api.NotStarted {
			t.Errorf("%s, a working key: %+v", pinPads[n].virtual, done)
		}
	}
}
