package main

import (
	"crypto"
	"errors"
	"fmt"
	"os"
	"strings"

	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/choose"
)

// signerModule is a module that makes signature keys; both kinds do.
type signerModule interface {
	CreateSigner(own string, a sign.Alg) (crypto.PublicKey, error)
	SignerKey(own string, a sign.Alg) (crypto.PublicKey, error)
}

// keySigner makes a signature key in the module, or prints the public key of the one that is there.
func keySigner(args []string) error {
	j := newKeyJob("key signer")
	name := j.fs.String("alg", "sm2", "sm2, rsaPss, rsaPkcs1 or rsaSha512; legacy: rsaSha1, rsaMd5, dsa (one RSA key for all of RSA)")
	out := j.fs.String("out", "", "file for the public key")
	if err := j.start(args); err != nil {
		return err
	}
	m, ok := j.h.(signerModule)
	if !ok || *out == "" || !sign.Alg(*name).Valid() {
		return j.done("", errors.New("--out and a known --alg are wanted"))
	}
	note := "made"
	pub, err := m.CreateSigner(*j.owner, sign.Alg(*name))
	if errors.Is(err, hsm.ErrSigner) {
		note = "printed again"
		pub, err = m.SignerKey(*j.owner, sign.Alg(*name))
	}
	if err == nil {
		var text []byte
		if text, err = sign.PEM(pub); err == nil {
			err = os.WriteFile(*out, text, 0o644) //nolint:gosec // a public key
		}
	}
	return j.done(fmt.Sprintf("signature key %s: %s", *name, note), err)
}

// keyDevice registers a terminal's PIN pad for remote key loading.
func keyDevice(args []string) error {
	j := newKeyJob("key device")
	serial := j.fs.String("serial", "", "serial number of the PIN pad")
	signFile := j.fs.String("sign", "", "public key or certificate of its signatures, PEM")
	encFile := j.fs.String("encrypt", "", "public key or certificate for encryption, PEM")
	if err := j.start(args); err != nil {
		return err
	}
	l, err := choose.Loader(j.h, j.st)
	if err != nil {
		return j.done("", err)
	}
	d := hsm.Device{Serial: *serial}
	if d.Sign, err = os.ReadFile(*signFile); err == nil {
		d.Encrypt, err = os.ReadFile(*encFile)
	}
	if err == nil {
		err = l.RegisterDevice(*j.owner, d)
	}
	return j.done("PIN pad "+*serial+" registered", err)
}

// keyMaker registers the CA of a maker of PIN pads, or forgets it.
func keyMaker(args []string) error {
	j := newKeyJob("key maker")
	file := j.fs.String("ca", "", "its CA certificates, PEM; none: the maker vouches for no more pads")
	if err := j.start(args); err != nil {
		return err
	}
	l, err := choose.Loader(j.h, j.st)
	if err != nil {
		return j.done("", err)
	}
	if *file == "" {
		return j.done("CA of PIN pads dropped", l.DropMaker(*j.owner))
	}
	ca, err := os.ReadFile(*file)
	var names []string
	if err == nil {
		names, err = l.AddMaker(*j.owner, ca)
	}
	for _, n := range names {
		_, _ = fmt.Fprintln(j.out, n)
	}
	return j.done("CA of PIN pads: "+strings.Join(names, "; "), err)
}

// keyRevoke makes a PIN pad good for nothing.
func keyRevoke(args []string) error {
	j := newKeyJob("key revoke")
	if err := j.start(args); err != nil {
		return err
	}
	l, err := choose.Loader(j.h, j.st)
	var terminals []string
	if err == nil {
		terminals, err = l.Revoke(*j.owner)
	}
	for _, t := range terminals {
		_, _ = fmt.Fprintln(j.out, "terminal", t, "has no keys any more")
	}
	return j.done("PIN pad revoked; terminals that had it: "+strings.Join(terminals, " "), err)
}
