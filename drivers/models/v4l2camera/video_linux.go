//go:build linux && (amd64 || arm64 || loong64 || riscv64)

package v4l2camera

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// video is a V4L2 camera that gives Motion-JPEG. The layouts are those of
// <linux/videodev2.h> on 64-bit machines.
type video struct {
	path string
	p    *profile
}

const (
	vidQueryCap   = 0x80685600
	vidSetFormat  = 0xC0D05605
	vidReqBufs    = 0xC0145608
	vidQueryBuf   = 0xC0585609
	vidQueue      = 0xC058560F
	vidDequeue    = 0xC0585611
	vidStreamOn   = 0x40045612
	vidStreamOff  = 0x40045613
	captureType   = 1
	memoryMapped  = 1
	fourccMJPG    = 0x47504A4D
	capCapture    = 0x00000001
	capStreaming  = 0x04000000
	capDeviceCaps = 0x80000000
	buffers       = 2
)

var le = binary.LittleEndian

func control(fd int, request uintptr, b []byte) error {
	for {
		_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&b[0])))
		if e == 0 {
			return nil
		}
		if !errors.Is(e, unix.EINTR) {
			return e
		}
	}
}

func (v video) open() (int, error) {
	fd, err := unix.Open(v.path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", v.path, err)
	}
	caps := make([]byte, 104)
	if err := control(fd, vidQueryCap, caps); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s is no camera: %w", v.path, err)
	}
	has := le.Uint32(caps[84:])
	if has&capDeviceCaps != 0 {
		has = le.Uint32(caps[88:])
	}
	if has&capCapture == 0 || has&capStreaming == 0 {
		unix.Close(fd)
		return -1, fmt.Errorf("%s does not stream pictures", v.path)
	}
	return fd, nil
}

func (v video) ready() error {
	fd, err := v.open()
	if errors.Is(err, unix.EBUSY) {
		return nil // somebody takes a picture
	}
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// buffer is a struct v4l2_buffer.
func buffer(i int) []byte {
	b := make([]byte, 88)
	le.PutUint32(b, uint32(i))
	le.PutUint32(b[4:], captureType)
	le.PutUint32(b[60:], memoryMapped)
	return b
}

func (v video) take(ctx context.Context) ([]byte, error) {
	fd, err := v.open()
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	format := make([]byte, 208)
	le.PutUint32(format, captureType)
	le.PutUint32(format[8:], uint32(v.p.Width))
	le.PutUint32(format[12:], uint32(v.p.Height))
	le.PutUint32(format[16:], fourccMJPG)
	if err := control(fd, vidSetFormat, format); err != nil {
		return nil, fmt.Errorf("set the format: %w", err)
	}
	if le.Uint32(format[16:]) != fourccMJPG {
		return nil, errors.New("the camera has no Motion-JPEG")
	}
	want := make([]byte, 20)
	le.PutUint32(want, buffers)
	le.PutUint32(want[4:], captureType)
	le.PutUint32(want[8:], memoryMapped)
	if err := control(fd, vidReqBufs, want); err != nil {
		return nil, fmt.Errorf("ask for buffers: %w", err)
	}
	maps := make([][]byte, le.Uint32(want))
	for i := range maps {
		b := buffer(i)
		if err := control(fd, vidQueryBuf, b); err != nil {
			return nil, fmt.Errorf("ask for a buffer: %w", err)
		}
		m, err := unix.Mmap(fd, int64(le.Uint32(b[64:])), int(le.Uint32(b[72:])), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return nil, fmt.Errorf("map a buffer: %w", err)
		}
		defer func() { _ = unix.Munmap(m) }()
		maps[i] = m
		if err := control(fd, vidQueue, buffer(i)); err != nil {
			return nil, fmt.Errorf("queue a buffer: %w", err)
		}
	}
	kind := le.AppendUint32(nil, captureType)
	if err := control(fd, vidStreamOn, kind); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = control(fd, vidStreamOff, kind) }()
	return v.frame(ctx, fd, maps)
}

// frame takes the first whole frame after the warm-up.
func (v video) frame(ctx context.Context, fd int, maps [][]byte) ([]byte, error) {
	end := time.Now().Add(time.Duration(v.p.FrameMs*(v.p.Warmup+1)) * time.Millisecond)
	for n := 0; time.Now().Before(end) && ctx.Err() == nil; {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 200)
		if errors.Is(err, unix.EINTR) || err == nil && ready == 0 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wait for a frame: %w", err)
		}
		b := buffer(0)
		if err := control(fd, vidDequeue, b); errors.Is(err, unix.EAGAIN) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("take a frame: %w", err)
		}
		i, used := int(le.Uint32(b)), int(le.Uint32(b[8:]))
		if i >= len(maps) || used > len(maps[i]) {
			return nil, errors.New("the camera names a buffer that it does not have")
		}
		if n++; n > v.p.Warmup {
			out := append([]byte(nil), maps[i][:used]...)
			if whole(out) == nil {
				return out, nil
			}
		}
		if err := control(fd, vidQueue, b); err != nil {
			return nil, fmt.Errorf("queue a buffer: %w", err)
		}
	}
	return nil, errors.New("no frame came")
}
