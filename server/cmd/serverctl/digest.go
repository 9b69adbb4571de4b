package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/lease"
)

const digestJob = "key.digest"

// keyDigest installs the key of a partner's keyed digests, or makes one for the other side.
func keyDigest(args []string) error {
	j := newKeyJob("key digest")
	alg := j.fs.String("alg", "hmacSm3", "hmacSm3 or hmacSha256")
	make := j.fs.Bool("make", false, "make a key and print it once, instead of reading one")
	forget := j.fs.Bool("forget", false, "the key before is not taken any more")
	if err := j.start(args); err != nil {
		return err
	}
	soft, err := j.soft()
	a := sign.Alg(*alg)
	if err == nil && !a.Keyed() {
		err = errors.New("--alg: hmacSm3 or hmacSha256")
	}
	if err != nil {
		return j.done("", err)
	}
	var raw, kcv []byte
	if !*make {
		if raw, err = hex.DecodeString(strings.ReplaceAll(j.line(), " ", "")); err != nil {
			return j.done("", errors.New("the second line of standard input must be the key, hexadecimal"))
		}
	}
	err = lease.Do(context.Background(), j.st, digestJob, func() (err error) { // of two at a moment both would be the same version
		if *make {
			if raw, kcv, err = soft.MakeDigestKey(*j.owner, a, *forget); err == nil {
				_, err = fmt.Fprintf(j.out, "key: %X\n", raw)
			}
		} else {
			kcv, err = soft.SetDigestKey(*j.owner, a, raw, *forget)
		}
		return err
	})
	clear(raw)
	if err == nil {
		_, err = fmt.Fprintf(j.out, "key of the digests of %s: check value %X\n", *j.owner, kcv)
	}
	return j.done(fmt.Sprintf("key of digests %s, check value %X, the one before forgotten: %t", a, kcv, *forget), err)
}
