package main

import (
	"strings"
	"testing"

	"zhigui/drivers/models"
	"zhigui/sim/device"
)

func TestTheReasonOfAValueIsTheCommentOfItsKey(t *testing.T) {
	got := reasons([]byte("# About the file.\nbaud: 9600\ntail: \"#\"   # GM65 and GM812 disagree\n# two lines\n# above it\nmap:\n  inner: 1 # not a key\nlast: 1\n"))
	for k, want := range map[string]string{"baud": "", "tail": "GM65 and GM812 disagree", "map": "two lines above it", "last": ""} {
		if got[k] != want {
			t.Errorf("%s: %q, want %q", k, got[k], want)
		}
	}
	if _, ok := got["  inner"]; ok || len(got) != 4 {
		t.Errorf("%v", got)
	}
}

// Each key of each profile is found, so that the doctor can explain it; the values on which
// sources disagree say so.
func TestTheDoctorCanExplainEveryModel(t *testing.T) {
	for _, m := range models.All() {
		found := reasons(m.Profile)
		said := 0
		for _, why := range found {
			if why != "" {
				said++
			}
		}
		if len(found) == 0 || said == 0 {
			t.Errorf("%s: %d keys, %d explained", m.Name, len(found), said)
		}
	}
	m, _ := models.Find("gm65")
	if why := reasons(m.Profile)["tail"]; !strings.Contains(why, "GM812") {
		t.Errorf("gm65 tail: %q", why)
	}
}

func TestTheDoctorShowsReasonsAndNoPassword(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "r30x"})
	out, err := ctl(t, "", "doctor", "r30x", "--port", sim.Port(), "--profile", "pollMs=50")
	if err != nil || !strings.Contains(out, "no source gives the scale") || !strings.Contains(out, "50   (set)") || strings.Contains(out, "00000000") {
		t.Errorf("%v\n%s", err, out)
	}
}
