package device_test

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/sim/device"
	"zhigui/sim/device/escpos"
)

func printer(t *testing.T, c escpos.Config) (*device.Sim, *host) {
	t.Helper()
	s := device.MustStart(t, device.Config{Model: "escpos", Printer: &c})
	return s, dial(t, s)
}

func gb(t *testing.T, s string) string {
	t.Helper()
	out, err := simplifiedchinese.GB18030.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (h *host) print(s string) { h.send([]byte(s)...) }

func TestATicketIsPrintedCutAndHeldUntilTaken(t *testing.T) {
	s, h := printer(t, escpos.Config{})
	h.print("\x1b@\x1c&\x1ba\x01\x1d!\x11" + gb(t, "智柜银行 𠮷\n") + "\x1d!\x00\x1ba\x00" + gb(t, "金额：300.00\n") +
		"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x06\x1d(k\x07\x001P0\x10\x04\x01!\x1d(k\x03\x001Q0\x1bd\x02\x1dV\x00\x1dr\x01")
	h.want(0x12) // a real-time request inside the data is answered ahead of everything
	h.want(0x00)
	h.print("\x10\x04\x14")
	h.want(0x10, 0x0F, 0x20, 0, 0, 0)
	k, found := s.Ticket(1)
	if !found {
		t.Fatal("no ticket")
	}
	want := strings.Repeat(" ", 13) + "智柜银行 𠮷\n金额：300.00\n[QR] \x10\x04\x01!\n\n\n"
	if got := k.Text(); got != want {
		t.Errorf("printed\n%q, want\n%q", got, want)
	}
	if _, err := s.Do("takePaper", nil); err != nil {
		t.Fatal(err)
	}
	h.print("\x10\x04\x14")
	h.want(0x10, 0x0F, 0, 0, 0, 0)
	if !strings.Contains(k.SVG(), "智柜银行") {
		t.Error("the SVG lacks the text")
	}
	b, err := k.PNG()
	if errors.Is(err, escpos.ErrNoFont) && os.Getenv("HOSTS") != "required" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(b)); err != nil || img.Bounds().Dx() != 624 {
		t.Errorf("picture: %v", err)
	}
}

func TestStatusBytesHaveTheFormsThatIndependentHostsCheck(t *testing.T) {
	s, h := printer(t, escpos.Config{})
	for n := range 4 {
		h.send(0x10, 0x04, byte(n+1))
		h.want(0x12)
	}
	h.print("\x1da\xff")
	h.want(0x10, 0, 0, 0x0F)
	if _, err := s.Do("setCover", device.Args{"open": true}); err != nil {
		t.Fatal(err)
	}
	h.want(0x38, 0, 0, 0x0F)
	h.send(0x10, 0x04, 0x02)
	h.want(0x16)
	if _, err := s.Do("loadPaper", device.Args{"mm": 0}); err != nil {
		t.Fatal(err)
	}
	h.want(0x38, 0, 0x0F, 0x0F)
	h.send(0x10, 0x04, 0x04)
	h.want(0x7E)
}

func TestPaperEndStopsTheJobUntilPaperIsLoadedOrTheBufferDropped(t *testing.T) {
	s, h := printer(t, escpos.Config{PaperMm: 8, NearMm: 1})
	h.print("a\nb\nc\n\x1dr\x01")
	wait(t, s, "the halt", func(st device.State) bool { return st.Physical.(escpos.View).Halted })
	h.print("\x10\x04\x02")
	h.want(0x32)
	if _, err := s.Do("loadPaper", device.Args{"mm": 1000}); err != nil {
		t.Fatal(err)
	}
	h.want(0x00)
	if _, err := s.Do("loadPaper", device.Args{"mm": 0}); err != nil {
		t.Fatal(err)
	}
	h.print("never\n\x1dr\x01")
	wait(t, s, "the halt", func(st device.State) bool { return st.Physical.(escpos.View).Halted })
	h.print("\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08")
	wait(t, s, "the drop", func(st device.State) bool { return !st.Physical.(escpos.View).Halted })
	if _, err := s.Do("loadPaper", device.Args{"mm": 1000}); err != nil {
		t.Fatal(err)
	}
	h.print("\x1b@after\n\x1dV\x00\x1dr\x01")
	h.want(0x00)
	if k, _ := s.Ticket(1); k.Text() != "a\nb\nc\nafter\n" {
		t.Errorf("printed %q", k.Text())
	}
}

func TestAnArmedCutterErrorStaysUntilMended(t *testing.T) {
	s, h := printer(t, escpos.Config{})
	if err := s.ArmFault(device.FaultSpec{Code: "CUT", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	h.print("x\n\x1dV\x00\x1dr\x01")
	wait(t, s, "the halt", func(st device.State) bool { return st.Physical.(escpos.View).Halted })
	h.print("\x10\x04\x03")
	h.want(0x1A)
	if _, err := s.Do("setStatus", device.Args{"name": "cutter", "value": "ok"}); err != nil {
		t.Fatal(err)
	}
	h.want(0x00)
	if s.State().Prompt != "takePaper" {
		t.Error("no ticket at the exit")
	}
}

// The same eight by two dots in the three languages that the printer knows for them.
func TestAPictureIsPrintedDotForDot(t *testing.T) {
	const column = "\x80\x00\x00"
	for name, job := range map[string]string{
		"rows":    "\x1dv0\x00\x01\x00\x02\x00\xff\x01",
		"columns": "\x1b*\x21\x08\x00" + strings.Repeat(column, 7) + "\xc0\x00\x00",
		"kept":    "\x1d8L\x0c\x00\x00\x000p0\x01\x011\x08\x00\x02\x00\xff\x01\x1d(L\x02\x0002",
	} {
		s, h := printer(t, escpos.Config{})
		h.print("\x1b@" + job + "\x1dV\x00\x1dr\x01")
		h.want(0x00)
		k, found := s.Ticket(1)
		if !found || len(k.Lines) != 1 || k.Lines[0].Row != 1 {
			t.Fatalf("%s: %+v", name, k)
		}
		if got := k.Lines[0].Raster; !bytes.HasPrefix(got, []byte{0xFF, 0x01}) || bytes.ContainsFunc(got[2:], func(r rune) bool { return r != 0 }) {
			t.Errorf("%s: % X", name, got)
		}
		if svg := k.SVG(); !strings.Contains(svg, "M24 24h8v1h-8z") || !strings.Contains(svg, "M31 25h1v1h-1z") || k.Text() != "[picture]\n" {
			t.Errorf("%s: %s", name, svg)
		}
	}
}
