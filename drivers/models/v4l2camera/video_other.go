//go:build !(linux && (amd64 || arm64 || loong64 || riscv64))

package v4l2camera

import (
	"context"
	"errors"
)

// video is a camera that this system has no way to.
type video struct {
	path string
	p    *profile
}

var errSystem = errors.New("device files of cameras are a 64-bit Linux's; use a folder of pictures")

func (video) ready() error                         { return errSystem }
func (video) take(context.Context) ([]byte, error) { return nil, errSystem }
