package epp

import "testing"

func TestTwelveDigitsOfTheAccountAreThoseBeforeTheCheckDigit(t *testing.T) {
	if got, err := PAN12("43219876543210987"); err != nil || got != "987654321098" {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []string{"", "123456789012", "43219876543210987x", "12345678901234567890"} {
		if _, err := PAN12(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
