package mgmt

import (
	"testing"
	"time"

	api "zhigui/server/api/mgmt"
)

func TestAChannelsStateIsWhatItsFiguresSay(t *testing.T) {
	for _, x := range []struct {
		c    api.Channel
		want string
	}{
		{api.Channel{Limit: 2000, LimitOf: "connections"}, "quiet"},
		{api.Channel{Limit: 2000, LimitOf: "connections", Open: 5, Frames: 9}, "up"},
		{api.Channel{Limit: 5, LimitOf: "connections", Open: 5, Frames: 9}, "full"},
		{api.Channel{Limit: 5, LimitOf: "requests", Open: 50, InFlight: 4, Frames: 9}, "up"},
		{api.Channel{Limit: 5, LimitOf: "requests", Open: 50, InFlight: 5, Frames: 9}, "full"},
		{api.Channel{Limit: 5, LimitOf: "requests", Open: 3, Want: 4, Frames: 9}, "down"},
	} {
		if got := channelState(&x.c); got != x.want {
			t.Errorf("%+v: %s, want %s", x.c, got, x.want)
		}
	}
}

func TestAStateHasTheTimeOfItsBegin(t *testing.T) {
	s := &since{of: map[string]stateSince{}}
	at := time.Unix(1_700_000_000, 0)
	for _, x := range []struct {
		state       string
		after, want int
	}{{"up", 0, 0}, {"up", 5, 0}, {"down", 7, 7}, {"down", 9, 7}, {"up", 11, 11}} {
		if got := s.at("host core", x.state, at.Add(time.Duration(x.after)*time.Second)); !got.Equal(at.Add(time.Duration(x.want) * time.Second)) {
			t.Errorf("%s after %d s: since %v", x.state, x.after, got)
		}
	}
	if got := s.at("host other", "up", at.Add(time.Hour)); !got.Equal(at.Add(time.Hour)) {
		t.Error(got)
	}
}
