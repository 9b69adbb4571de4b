//go:build !windows

package xfs3x

import (
	"errors"
	"time"
)

func openManager(string, uint32, time.Duration, func(kind, result, memory)) (session, version, error) {
	return nil, version{}, errors.New("the XFS manager, msxfs.dll, is Windows's")
}
