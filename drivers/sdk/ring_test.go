package sdk

import (
	"context"
	"errors"
	"testing"

	"zhigui/drivers/api"
)

func TestAWatcherGetsEveryNoticeAfterItsPlaceOrAFullStatus(t *testing.T) {
	enough := errors.New("enough")
	for _, tc := range []struct {
		name  string
		epoch string
		after uint64
		full  bool
		first uint64
	}{
		{"from the place", "e", 3, false, 4},
		{"another epoch", "old", 3, true, 5},
		{"a place in the future", "e", 9, true, 5},
		{"no place", "", 0, true, 5},
	} {
		r := newRing("e")
		for range 5 {
			r.add(api.Notice{Event: &api.Event{Name: "x"}})
		}
		full := func() api.Status { e, s := r.place(); return api.Status{Epoch: e, Seq: s, Full: true} }
		var got api.Notice
		err := r.watch(context.Background(), tc.epoch, tc.after, full, func(n api.Notice) error { got = n; return enough })
		if !errors.Is(err, enough) || got.Seq != tc.first || (got.Status != nil) != tc.full {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
}

func TestAPlaceThatTheRingForgotIsAGap(t *testing.T) {
	r := newRing("e")
	for range 2 * ringSize {
		r.add(api.Notice{Event: &api.Event{Name: "x"}})
	}
	if _, _, ok := r.after("e", 1); ok {
		t.Error("no gap")
	}
	if ns, _, ok := r.after("e", 2*ringSize-1); !ok || len(ns) != 1 {
		t.Errorf("%d notices", len(ns))
	}
}

func TestProfilesRefuseUnknownKeysAndMergeMaps(t *testing.T) {
	type profile struct {
		A int            `json:"a"`
		M map[string]int `json:"m"`
	}
	var p profile
	if err := DecodeProfile([]byte("a: 1\nm: {x: 1, y: 2}\n"), []byte(`{"a":5,"m":{"y":7}}`), &p); err != nil || p.A != 5 || p.M["x"] != 1 || p.M["y"] != 7 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{`{"b":1}`, `{"a":"x"}`, `{} {}`, `[]`} {
		if err := DecodeProfile([]byte("a: 1\n"), []byte(bad), &profile{}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
