package main

import (
	"errors"
	"fmt"
	"os"

	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
)

// keySigner makes a signature key in the module, or prints the public key of the one that is there.
func keySigner(args []string) error {
	j := newKeyJob("key signer")
	name := j.fs.String("alg", "sm2", "rsaPss, rsaPkcs1 (one RSA key for both) or sm2")
	out := j.fs.String("out", "", "file for the public key")
	if err := j.start(args); err != nil {
		return err
	}
	soft, ok := j.h.(*hsm.Soft)
	if !ok || *out == "" || !sign.Alg(*name).Valid() {
		return j.done("", errors.New("the software module, --out and --alg rsaPss, rsaPkcs1 or sm2 are wanted"))
	}
	note := "made"
	pub, err := soft.CreateSigner(*j.owner, sign.Alg(*name))
	if errors.Is(err, hsm.ErrSigner) {
		note = "printed again"
		pub, err = soft.SignerKey(*j.owner, sign.Alg(*name))
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
	soft, ok := j.h.(*hsm.Soft)
	if !ok {
		return j.done("", errors.New("keys are loaded over the line by the software module only"))
	}
	d := hsm.Device{Serial: *serial}
	var err error
	if d.Sign, err = os.ReadFile(*signFile); err == nil {
		d.Encrypt, err = os.ReadFile(*encFile)
	}
	if err == nil {
		err = soft.RegisterDevice(*j.owner, d)
	}
	return j.done("PIN pad "+*serial+" registered", err)
}
