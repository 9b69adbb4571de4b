package idcard

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestACardDoesNotShowItselfInPrintOrLog(t *testing.T) {
	c := Card{Name: "某人甲", Number: "990101199003070015", Address: "虚构路一号", Birth: "19900307", Photo: []byte("photo")}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %v", c, c, c, c, []any{&c})
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "card", c)
	for _, secret := range []string{"某人甲", "19900307", "虚构路", "photo", "99010"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q is shown: %s", secret, b.String())
		}
	}
}

func TestANumberIsCheckedByItsLastDigit(t *testing.T) {
	// The second is the standard's own example.
	for n, ok := range map[string]bool{"": false, "11010519491231002X": true, "110105194912310021": false, "11010519491231002": false, "1101051949123100AX": false} {
		if ValidNumber(n) != ok {
			t.Errorf("%s: want %v", n, ok)
		}
	}
}

func TestNationalitiesHaveTheirNames(t *testing.T) {
	for code, want := range map[string]string{"01": "汉", "08": "壮", "29": "柯尔克孜", "56": "基诺", "57": "", "00": "", "97": "其他", "1": "", "xx": ""} {
		if got := NationName(code); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
