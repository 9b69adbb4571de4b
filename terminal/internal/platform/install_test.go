package platform

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestAMasterKeyIsWholeOrOfTwoPartsThatBelongTogether(t *testing.T) {
	file := func(terminal, zone, key, kcv string, part int) []byte {
		return fmt.Appendf(nil, `{"terminal":%q,"zone":%q,"key":%q,"kcv":%q,"part":%d}`, terminal, zone, key, kcv, part)
	}
	whole, one, two := strings.Repeat("0F", 16), strings.Repeat("FF", 16), strings.Repeat("F0", 16)
	mine := func(key string, part int) []byte { return file("T1", "sm4", key, "01020304", part) }
	for name, c := range map[string]struct {
		files [][]byte
		why   string
	}{
		"a whole key":                  {[][]byte{mine(whole, 0)}, ""},
		"both parts":                   {[][]byte{mine(one, 1), mine(two, 2)}, ""},
		"both parts, the other way":    {[][]byte{mine(two, 2), mine(one, 1)}, ""},
		"one part":                     {[][]byte{mine(one, 1)}, "the two files"},
		"a part twice":                 {[][]byte{mine(one, 1), mine(one, 1)}, "the two files"},
		"a part and a whole key":       {[][]byte{mine(one, 1), mine(whole, 0)}, "the two files"},
		"two whole keys":               {[][]byte{mine(whole, 0), mine(whole, 0)}, "the two files"},
		"parts of two keys":            {[][]byte{mine(one, 1), file("T1", "sm4", two, "0A020304", 2)}, "check values differ"},
		"a part of another terminal":   {[][]byte{mine(one, 1), file("T2", "sm4", two, "01020304", 2)}, "for terminal T2"},
		"a part of another zone":       {[][]byte{mine(one, 1), file("T1", "3des", two, "01020304", 2)}, "in zone 3des"},
		"a key that is too short":      {[][]byte{mine("0F0F", 0)}, "hexadecimal"},
		"something else, and no key":   {[][]byte{[]byte("key: 1")}, "not a key file"},
		"a part that is no hex digits": {[][]byte{mine(one, 1), mine(strings.Repeat("XY", 16), 2)}, "hexadecimal"},
	} {
		key, kcv, err := parseKeyFiles(c.files, "T1", "sm4")
		if c.why != "" {
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !strings.EqualFold(hex.EncodeToString(key), whole) || hex.EncodeToString(kcv) != "01020304" {
			t.Errorf("%s: %x %x %v", name, key, kcv, err)
		}
	}
}
