package main

import (
	"strings"
	"testing"
)

// A mistyped channel would show only as answers 03.
func TestATerminalOfAChannelThatIsNotConfiguredIsToldSo(t *testing.T) {
	b := newBank(t, "data: data\nchannels:\n- {name: bills, dialect: corejson, keys: bills, link: {kind: http, listen: 'a:80/pay'}}\n")
	for zone, told := range map[string]bool{"bills": false, "bils": true} {
		out, err := b.do("", "terminal", "add", "--id", "BILLS001", "--zone", zone)
		if err != nil || strings.Contains(out, "answered 03") != told {
			t.Errorf("%s: %q, %v", zone, out, err)
		}
	}
}
