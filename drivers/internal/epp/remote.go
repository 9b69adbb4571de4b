package epp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/sdk"
)

// Remote is the extension for keys over the line. It is this project's own: no maker's is public. The pad
// makes items (1 to 5) into a memory that is read in parts (6), and works on what was written in parts (7).
type Remote struct {
	// Zones are the master keys that can be loaded so.
	Zones map[string]Zone
	// Part is how many bytes one command carries.
	Part int
	// Do exchanges one command of the extension.
	Do func(zone, op byte, arg []byte) ([]byte, error)
}

// Zone is a master key's: 1 is RSA and tripleDes, 2 is SM2 and SM4.
type Zone struct {
	Number byte
	Slot   byte
}

// Operations of the extension.
const (
	opOffer   = 1
	opProof   = 2
	opSigning = 3 // certificates
	opEncrypt = 4
	opHost    = 5 // the host's public key
	opRead    = 6
	opWrite   = 7
	opTake    = 8
	opPin     = 9
)

// maxItem bounds what a pad says.
const maxItem = 4096

// offer and proof are the pad's items.
type offer struct {
	Serial                      string `asn1:"utf8"`
	Nonce, Last, KCV, Signature []byte
}

type proof struct {
	Serial               string `asn1:"utf8"`
	Last, KCV, Signature []byte
}

// RemoteNames are the master keys that can be loaded over the line, for the capabilities.
func (r Remote) RemoteNames() []string { return slices.Sorted(maps.Keys(r.Zones)) }

var errItem = errors.New("the pad's item is not what it should be")

// remote runs one command of the extension; nobody else writes into the pad's memory meanwhile.
func (p *Pad) remote(key string, f func(z Zone) api.Completion) api.Completion {
	z, ok := p.o.Remote.Zones[key]
	if !ok {
		return api.Refuse(api.UnsupportedData, fmt.Sprintf("key %q cannot be loaded over the line here", key))
	}
	p.items.Lock()
	defer p.items.Unlock()
	return f(z)
}

// item has the pad make an item and reads it; nil: it has none.
func (p *Pad) item(z Zone, op byte) ([]byte, error) {
	b, err := p.o.Remote.Do(z.Number, op, nil)
	if err != nil {
		return nil, err
	}
	if len(b) != 2 {
		return nil, errItem
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > maxItem {
		return nil, errItem
	}
	var out []byte
	for len(out) < n {
		b, err := p.o.Remote.Do(z.Number, opRead, binary.BigEndian.AppendUint16(nil, uint16(len(out)))) //nolint:gosec // bounded above
		if err != nil {
			return nil, err
		}
		if len(b) == 0 || len(out)+len(b) > n {
			return nil, errItem
		}
		out = append(out, b...)
	}
	return out, nil
}

func (p *Pad) write(z Zone, item []byte) error {
	for at := 0; at < len(item); at += p.o.Remote.Part {
		part := item[at:min(at+p.o.Remote.Part, len(item))]
		if _, err := p.o.Remote.Do(z.Number, opWrite, append(binary.BigEndian.AppendUint16(nil, uint16(at)), part...)); err != nil { //nolint:gosec // a token is short
			return err
		}
	}
	return nil
}

// decode is item, read as an ASN.1 structure.
func (p *Pad) decode(z Zone, op byte, into any) error {
	b, err := p.item(z, op)
	if err != nil {
		return err
	}
	if rest, err := asn1.Unmarshal(b, into); err != nil || len(rest) > 0 {
		return errItem
	}
	return nil
}

func (p *Pad) startKeyExchange(z Zone) api.Completion {
	var o offer
	if err := p.decode(z, opOffer, &o); err != nil {
		return p.Broken(err, api.Failed)
	}
	p.nonce = o.Nonce
	return sdk.Ok(pinpad.StartKeyExchangeResult{RandomItem: o.Nonce, Serial: o.Serial, Held: pinpad.Held{Last: o.Last, KCV: o.KCV}, Signature: o.Signature})
}

// exportItem also sets the driver's record right: the pad knows best whether it holds the key.
func (p *Pad) exportItem(key string, z Zone) api.Completion {
	var o proof
	if err := p.decode(z, opProof, &o); err != nil {
		return p.Broken(err, api.Failed)
	}
	if err := p.correct(key, z, o.KCV); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return sdk.Ok(pinpad.ExportItemResult{Value: []byte(o.Serial), Held: pinpad.Held{Last: o.Last, KCV: o.KCV}, Signature: o.Signature})
}

// correct brings the record of a master key to what the pad says.
func (p *Pad) correct(key string, z Zone, kcv []byte) error {
	was, known := p.Loaded(key)
	switch {
	case len(kcv) < 3 && known:
		return p.remember(key, nil)
	case len(kcv) < 3, known && bytes.Equal(was.KCV, kcv[:3]):
		return nil
	}
	alg := pinpad.TripleDES
	if z.Number == 2 {
		alg = pinpad.SM4
	}
	return p.remember(key, &pinpad.KeyDetail{KeyAttributes: pinpad.KeyAttributes{KeyUsage: pinpad.UseKEK, Algorithm: alg}, KCV: kcv[:3]})
}

func (p *Pad) getCertificate(r pinpad.GetCertificate, z Zone) api.Completion {
	op := map[string]byte{"verificationkey": opSigning, "enckey": opEncrypt, "hostkey": opHost}[r.GetCertificate]
	if op == 0 {
		return api.Refuse(api.InvalidData, "getCertificate: enckey, verificationkey or hostkey")
	}
	b, err := p.item(z, op)
	if err != nil {
		return p.Broken(err, api.Failed)
	}
	if len(b) == 0 {
		return api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, "the pad has none")
	}
	return sdk.Ok(pinpad.GetCertificateResult{Certificate: b})
}

func (p *Pad) loadCertificate(ctx context.Context, r pinpad.LoadCertificate, z Zone) api.Completion {
	if r.LoadOption != "newHost" {
		return api.Fail(api.NotStarted, "modeNotSupported", "loadOption: newHost")
	}
	if len(r.CertificateData) == 0 || len(r.CertificateData) > maxItem {
		return api.Fail(api.NotStarted, pinpad.ErrFormat, "certificateData: a public key, DER")
	}
	if err := p.write(z, r.CertificateData); err != nil {
		return p.Broken(err, api.NotStarted)
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if _, err := p.o.Remote.Do(z.Number, opPin, nil); err != nil {
		return p.Broken(err, api.Indeterminate)
	}
	sum := sha256.Sum256(r.CertificateData)
	return sdk.Ok(pinpad.LoadCertificateResult{RSAKeyCheckMode: "sha256", RSAData: sum[:]})
}

func (p *Pad) importToken(ctx context.Context, r pinpad.ImportKeyToken, z Zone) api.Completion {
	switch {
	case r.KeyUsage != pinpad.UseKEK:
		return api.Fail(api.NotStarted, pinpad.ErrUseViolation, "a master key (K0) is loaded over the line")
	case r.LoadOption != "random":
		return api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "loadOption: random")
	case len(r.KeyToken) == 0 || len(r.KeyToken) > maxItem:
		return api.Fail(api.NotStarted, pinpad.ErrFormat, "keyToken is no token")
	}
	if err := p.write(z, r.KeyToken); err != nil {
		return p.Broken(err, api.NotStarted)
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	p.ForgetPin()
	_, err := p.o.Remote.Do(z.Number, opTake, []byte{z.Slot})
	// Whatever it answered (a second try finds its random value spent), the pad says what it holds.
	var held proof
	if again := p.decode(z, opProof, &held); again != nil {
		return p.Broken(errors.Join(err, again), api.Indeterminate)
	}
	if c := p.correct(r.Key, z, held.KCV); c != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: c.Error()}
	}
	if len(p.nonce) > 0 && bytes.Equal(held.Last, p.nonce) && len(held.KCV) >= 3 {
		return sdk.Ok(pinpad.ImportKeyTokenResult{KeyLength: 128, KeyCheckMode: "kcvZero", KeyCheckValue: held.KCV})
	}
	if err == nil {
		err = errors.New("the pad says that it took the token, and does not hold its key")
	}
	return p.Broken(err, api.Failed)
}
