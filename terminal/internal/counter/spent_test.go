package counter

import (
	"sync"
	"testing"

	"zhigui/server/api/message"
	"zhigui/terminal/internal/session"
)

func TestTheBankHearsOfABlankCardInTheBinOnceAndPeopleOfOneWithoutANumber(t *testing.T) {
	var mu sync.Mutex
	var alarms []string
	r := newRig(t, func(p *Parts) {
		p.Alarm = func(kind, _, _ string) { mu.Lock(); alarms = append(alarms, kind); mu.Unlock() }
	})
	told := make(chan [3]string, 5)
	r.bank = func(q, _ *message.Message) { told <- [3]string{q.String(3), q.String(35), q.String(62)} }
	r.blank = &session.Card{PAN: "6225880000002001", Track2: "6225880000002001=49121010000012300000", New: true, Chip: true, Sequence: "001"}
	r.BlankSpent("it cannot be read")
	r.allow <- struct{}{}
	if got := <-told; got[0] != "920000" || got[1] != "6225880000002001=49121010000012300000" || got[2] != "it cannot be read" {
		t.Errorf("%v", got)
	}
	<-r.asked
	r.BlankSpent("again") // no card was drawn since
	mu.Lock()
	defer mu.Unlock()
	if len(alarms) != 1 || alarms[0] != "blankNumberUnknown" || len(told) != 0 {
		t.Errorf("alarms %v, %d more messages", alarms, len(told))
	}
}
