package device_test

import (
	"strings"
	"testing"

	"zhigui/sim/device"
)

func TestAPageOfAPassbookCanBeLookedAt(t *testing.T) {
	s := device.MustStart(t, device.Config{Model: "pr2"})
	h := dial(t, s)
	if _, err := s.Do("insertPassbook", device.Args{"page": 3}); err != nil {
		t.Fatal(err)
	}
	h.send([]byte("\x1BL004\x1BH002100.00\x1Bj")...)
	h.want([]byte("\x1Br0")...)
	page, ok := s.Ticket(3)
	if !ok {
		t.Fatal("there is no third page")
	}
	svg, kind, err := page.Picture("svg")
	if err != nil || kind != "image/svg+xml" || !strings.Contains(string(svg), "100.00") {
		t.Errorf("%s %v %.200s", kind, err, svg)
	}
	if _, ok := s.Ticket(99); ok {
		t.Error("a page that the book has not")
	}
}
