package modbussiu

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/golden"
	"zhigui/drivers/sdk"
)

// The frames are those that mbpoll exchanged with a board.
func TestRequestsAndAnswersAreThoseOfAnotherHost(t *testing.T) {
	if got := request(1, readCoils, 0, 8); !bytes.Equal(got, []byte{1, 1, 0, 0, 0, 8, 0x3D, 0xCC}) {
		t.Errorf("% X", got)
	}
	if got := request(1, writeCoil, 2, 0xFF00); !bytes.Equal(got, []byte{1, 5, 0, 2, 0xFF, 0, 0x2D, 0xFA}) {
		t.Errorf("% X", got)
	}
	body, err := answerTo(1, readCoils)(golden.Next([]byte{0xFF, 0x01, 0x5A, 1, 1, 1, 5, 0x91, 0x8B}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := bits(body, 8)
	if diff := cmp.Diff([]uint16{1, 0, 1, 0, 0, 0, 0, 0}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := bits(body, 17); !errors.Is(err, dialog.ErrDamaged) {
		t.Errorf("bits that were not asked for: %v", err)
	}
}

func environment(profile string) sdk.Env {
	return Model.Env(api.Config{Profile: []byte(profile)}, slog.New(slog.DiscardHandler))
}

func TestTheDefaultMapIsReadInFewRequests(t *testing.T) {
	p, err := readProfile(environment(`{"sensors": {"X-temperature": {"table": "none"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []span{{place{"coil", 0}, 2}, {place{"coil", 3}, 2}, {place{"coil", 8}, 4}, {place{"discrete", 0}, 8}, {place{"holding", 0}, 7}, {place{"holding", 16}, 1}, {place{"input", 0}, 3}}
	if diff := cmp.Diff(want, p.reads, cmp.AllowUnexported(span{}, place{})); diff != "" {
		t.Error(diff)
	}
}

func TestAMapThatCannotBeIsRefusedByName(t *testing.T) {
	for _, bad := range []string{
		`{"sensors": {"safeDoor": {"table": "relay", "address": 1}}}`,
		`{"outputs": {"heating": {"table": "input", "address": 1}}}`,
		`{"lights": {"ashtray": {"table": "coil", "address": 1, "rates": {"off": 0, "continuous": 1}}}}`,
		`{"lights": {"statusGood": {"table": "coil", "address": 1, "rates": {"off": 0, "quick": 3}}}}`,
		`{"lights": {"pinPad": {"table": "holding", "address": 1, "rates": {"off": 0, "quick": 3}, "colors": {"red": 1}}}}`,
		`{"unit": 0}`,
	} {
		if _, err := readProfile(environment(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{1, 1, 1, 5, 0x91, 0x8B}, byte(1))
	f.Add([]byte{1, 0x83, 2, 0xC0, 0xF1}, byte(3))
	f.Fuzz(func(t *testing.T, b []byte, fn byte) {
		fn &= 0x7F
		body, err := answerTo(1, fn)(golden.Next(b))
		if err != nil {
			return
		}
		if body[0]&0x7F != fn {
			t.Fatalf("% X is no answer to %d", body, fn)
		}
		_, _ = bits(body, 8)
		_, _ = registers(body, 2)
	})
}
