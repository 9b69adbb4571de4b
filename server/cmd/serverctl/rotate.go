package main

import (
	"context"
	"errors"
	"fmt"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/choose"
	"zhigui/server/internal/trade"
)

// keyRotate makes a new data key and seals the journal again with it. A running server opens what
// either key sealed, and seals with the new one after its next start.
func keyRotate(args []string) error {
	j := newKeyJob("key rotate")
	if err := j.start(args); err != nil {
		return err
	}
	if *j.owner != hsm.DataOwner {
		return j.done("", errors.New("--owner: only data keys are made here"))
	}
	c, err := config.Load(*j.cfg)
	if err != nil {
		return j.done("", err)
	}
	v, ok := j.h.(interface {
		trade.Sealer
		RotateDataKey(alg paycrypto.Alg) (uint32, error)
	})
	if !ok {
		return j.done("", errors.New("this module has no data keys"))
	}
	version, err := v.RotateDataKey(choose.DataAlgorithm(c))
	if err != nil {
		return j.done("", err)
	}
	n, err := trade.Reseal(context.Background(), j.st, v)
	if err == nil {
		_, err = fmt.Fprintf(j.out, "data key version %d; %d transactions sealed again\n", version, n)
	}
	return j.done(fmt.Sprintf("data key version %d, %d transactions sealed again", version, n), err)
}
