package bankhost

import (
	"strconv"
	"sync"
	"time"
)

// Scenario makes the host misbehave. Kinds: decline (code), noAnswer (booked, no answer),
// lost (as if it never arrived), late, delay, twice, badMac, badChip
// (the answer to the chip is spoiled), disconnect (booked, link cut).
type Scenario struct {
	ID    int    `json:"id,omitempty"`
	Kind  string `json:"kind"`
	Card  string `json:"card,omitempty"` // only this card
	MTI   string `json:"mti,omitempty"`  // only this message type; 0420 means 0421 too; empty = 0200
	Proc  string `json:"proc,omitempty"` // only this processing code
	Count int    `json:"count"`          // for the next n; 0 = until cleared
	Code  string `json:"code,omitempty"` // of a decline
	MS    int    `json:"ms,omitempty"`   // of late and delay
}

var scenarioKinds = map[string]bool{"decline": true, "noAnswer": true, "lost": true, "late": true, "delay": true, "twice": true, "badMac": true, "disconnect": true, "badChip": true}

func (s Scenario) delay(def time.Duration) time.Duration {
	if s.MS > 0 {
		return time.Duration(s.MS) * time.Millisecond
	}
	return def
}

// byAmount are the standing scenarios, by the last two digits of a withdrawal's amount.
var byAmount = map[int64]Scenario{
	1:  {Kind: "decline", Code: "51"},
	11: {Kind: "noAnswer"},
	12: {Kind: "late"},
	13: {Kind: "twice"},
	14: {Kind: "badMac"},
	15: {Kind: "disconnect"},
	16: {Kind: "delay", MS: 3000},
}

type scenarios struct {
	mu   sync.Mutex
	list []Scenario
	next int
}

func (s *scenarios) add(c Scenario) Scenario {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	c.ID = s.next
	s.list = append(s.list, c)
	return c
}

func (s *scenarios) all() []Scenario {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Scenario{}, s.list...)
}

func (s *scenarios) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}

// take finds the scenario for a request and counts it.
func (s *scenarios) take(q *request) Scenario {
	mti := q.mti
	if mti == "0421" {
		mti = "0420"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.list {
		want := c.MTI
		if want == "" {
			want = "0200"
		}
		if want != mti || c.Card != "" && c.Card != q.m.text(2) || c.Proc != "" && c.Proc != q.m.text(3) {
			continue
		}
		if c.Count > 0 {
			if s.list[i].Count--; s.list[i].Count == 0 {
				s.list = append(s.list[:i:i], s.list[i+1:]...)
			}
		}
		return c
	}
	if q.mti == "0200" && q.m.text(3) == "010000" {
		if v, err := strconv.ParseInt(q.m.text(4), 10, 64); err == nil {
			return byAmount[v%100]
		}
	}
	return Scenario{}
}
