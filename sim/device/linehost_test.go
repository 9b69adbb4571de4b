package device_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
)

// host is the driver's end of the line, as plain as can be.
type host struct {
	t *testing.T
	f *os.File
}

func dial(t *testing.T, s *device.Sim) *host {
	t.Helper()
	f, err := os.OpenFile(s.Port(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &host{t, f}
}

func (h *host) send(b ...byte) {
	h.t.Helper()
	if _, err := h.f.Write(b); err != nil {
		h.t.Fatal(err)
	}
}

// want reads exactly the bytes.
func (h *host) want(b ...byte) {
	h.t.Helper()
	got := h.read(len(b))
	if !bytes.Equal(got, b) {
		h.t.Fatalf("the device sent\n %s, want\n %s", engine.Hex(got), engine.Hex(b))
	}
}

func (h *host) read(n int) []byte {
	h.t.Helper()
	if err := h.f.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	buf := make([]byte, n)
	for i := 0; i < n; {
		k, err := h.f.Read(buf[i:])
		if err != nil {
			h.t.Fatalf("after %s: %v", engine.Hex(buf[:i]), err)
		}
		i += k
	}
	return buf
}
