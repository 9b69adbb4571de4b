package hsm

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/smx509"

	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto/sign"
)

const (
	makersOwner  = "makers"   // a version for each maker
	revokedOwner = "revoked|" // and a serial number: the terminals that had the pad
)

// maker vouches for its PIN pads.
type maker struct {
	Name    string `json:"name"`
	CA      []byte `json:"ca"` // PEM; empty: it does no more
	version uint32
}

func (l *Loader) makers() (out []maker, err error) {
	recs, err := l.keys.LoadKeys(makersOwner)
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	for _, r := range recs {
		m := maker{version: r.Version}
		text, err := l.vault.openKey(r.Sealed, aad(r))
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			return nil, fmt.Errorf("hsm: maker of PIN pads %d: %w", r.Version, err)
		}
		out = append(out, m)
	}
	return out, nil
}

func (l *Loader) saveMaker(name string, ca []byte) error {
	all, err := l.makers()
	if err != nil {
		return err
	}
	m := maker{name, ca, uint32(len(all)) + 1} //nolint:gosec // they are few
	for _, o := range all {
		if o.Name == name {
			m.version = o.version
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("hsm: %w", err)
	}
	r := Record{Owner: makersOwner, Use: UseMaker, Version: m.version, KCV: []byte{}}
	r.Sealed = l.vault.sealKey(text, aad(r))
	return l.save(r)
}

// AddMaker registers the CA certificates (PEM) of a maker of PIN pads: pads whose certificates chain to
// one of them are taken without being registered. Those that were registered under the name are replaced.
func (l *Loader) AddMaker(name string, ca []byte) (subjects []string, err error) {
	if name == "" || len(ca) > 2500 {
		return nil, fmt.Errorf("%w: a name, and certificates of 2500 bytes at most in one file, are wanted", ErrMaker)
	}
	certs, err := certificates(ca)
	if err != nil {
		return nil, err
	}
	for _, c := range certs {
		if !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&smx509.KeyUsageCertSign == 0 {
			return nil, fmt.Errorf("%w: %s is no CA", ErrMaker, c.Subject)
		}
		subjects = append(subjects, c.Subject.String())
	}
	return subjects, l.saveMaker(name, ca)
}

// DropMaker forgets a maker's CA. Pads that it has vouched for stay the terminals'.
func (l *Loader) DropMaker(name string) error { return l.saveMaker(name, nil) }

// Revoke makes a PIN pad good for nothing any more: no key is loaded into it, and terminals that have it lose
// their keys at once. It answers which they were.
func (l *Loader) Revoke(serial string) (terminals []string, err error) {
	if serial == "" || len(serial) > 32 {
		return nil, keyload.ErrOffer
	}
	recs, err := l.keys.LoadKeys("")
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	var pads []Record
	for _, r := range recs {
		if r.Use != UseDevice {
			continue
		}
		var d Device
		text, err := l.vault.openKey(r.Sealed, aad(r))
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			return nil, fmt.Errorf("hsm: PIN pad of %s: %w", r.Owner, err)
		}
		if d.Serial == serial {
			terminals, pads = append(terminals, r.Owner), append(pads, r)
		}
	}
	r := Record{Owner: revokedOwner + serial, Use: UseRevoked, Version: 1, KCV: []byte{}}
	r.Sealed = l.vault.sealKey([]byte(strings.Join(terminals, " ")), aad(r))
	if err := l.save(r); err != nil {
		return nil, err
	}
	for _, p := range pads {
		if err := l.loseKeys(p); err != nil {
			return terminals, err
		}
	}
	return terminals, nil
}

// loseKeys drops what a terminal has but its PIN pad, which stays the terminal's: people have to order another.
func (l *Loader) loseKeys(pad Record) error {
	pad.KCV = []byte{}
	if err := l.keys.DropKeys(pad.Owner, pad); err != nil {
		return fmt.Errorf("hsm: drop: %w", err)
	}
	return nil
}

// Lost are the terminals that lost their keys with a PIN pad, if owner is the mark of a revoked one.
func (l *Loader) Lost(owner string) (terminals []string, err error) {
	if !strings.HasPrefix(owner, revokedOwner) {
		return nil, nil
	}
	recs, err := l.keys.LoadKeys(owner)
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	for _, r := range recs {
		text, err := l.vault.openKey(r.Sealed, aad(r))
		if err != nil {
			return nil, fmt.Errorf("hsm: %s: %w", owner, err)
		}
		terminals = append(terminals, strings.Fields(string(text))...)
	}
	return terminals, nil
}

func (l *Loader) revoked(serial string) error {
	recs, err := l.keys.LoadKeys(revokedOwner + serial)
	if err != nil {
		return fmt.Errorf("hsm: load keys: %w", err)
	}
	if len(recs) > 0 {
		return ErrRevoked
	}
	return nil
}

// padOf is the pad that offers itself: the registered one, or one that a maker vouches for.
func (l *Loader) padOf(st state, o keyload.Offer, exchange bool) (Device, error) {
	if err := l.revoked(o.Serial); err != nil {
		return Device{}, err
	}
	switch {
	case st.bound && st.pad.Serial == o.Serial:
		return st.pad, nil
	case len(o.Certificates) == 0 && !st.bound:
		return Device{}, ErrNoKey
	case len(o.Certificates) == 0:
		return Device{}, keyload.ErrOffer
	}
	d, err := l.vouched(o.Serial, o.Certificates)
	if err != nil {
		return Device{}, err
	}
	if st.bound && !exchange {
		return Device{}, ErrOtherPad
	}
	return d, nil
}

// vouched reads a pad's certificates: the first two are its own, for signatures and for encryption, each with
// its serial number, each under a registered CA.
func (l *Loader) vouched(serial string, text []byte) (Device, error) {
	certs, err := certificates(text)
	if err != nil || len(certs) < 2 {
		return Device{}, ErrMaker
	}
	roots, between := smx509.NewCertPool(), smx509.NewCertPool()
	makers, err := l.makers()
	if err != nil {
		return Device{}, err
	}
	for _, m := range makers {
		roots.AppendCertsFromPEM(m.CA)
	}
	for _, c := range certs[2:] {
		between.AddCert(c)
	}
	d := Device{Serial: serial}
	for i, use := range []smx509.KeyUsage{smx509.KeyUsageDigitalSignature, smx509.KeyUsageKeyEncipherment} {
		c := certs[i]
		if c.Subject.SerialNumber != serial || c.IsCA || c.KeyUsage&use == 0 {
			return Device{}, ErrMaker
		}
		if _, err := c.Verify(smx509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: l.Now(), KeyUsages: []smx509.ExtKeyUsage{smx509.ExtKeyUsageAny}}); err != nil {
			return Device{}, fmt.Errorf("%w: %w", ErrMaker, err)
		}
		pub, err := sign.PEM(c.PublicKey) // the certificate has done its work; the key is kept
		if err != nil {
			return Device{}, err
		}
		if i == 0 {
			d.Sign = pub
		} else {
			d.Encrypt = pub
		}
	}
	return d, nil
}

func certificates(text []byte) (out []*smx509.Certificate, err error) {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			break
		}
		c, err := smx509.ParseCertificate(b.Bytes)
		if err != nil || b.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%w: not a certificate", ErrMaker)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no certificate in PEM", ErrMaker)
	}
	return out, nil
}
