// Package essp lets an independent SSP/eSSP host, a library from npm, drive the virtual note
// validator: what two hands of this project could both have got wrong shows here. Nothing
// imports it.
package essp

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"zhigui/bench/peers/npm"
	"zhigui/sim/device"
	"zhigui/sim/device/itlssp"
)

const patience = 40 * time.Second

// line is what the peer says.
type line struct {
	Reply, Status, Event, Fatal string
	Channel                     int
	Info                        json.RawMessage
}

type peer struct {
	t     *testing.T
	in    io.Writer
	lines <-chan line
	kept  []line // came while another was waited for
}

func start(t *testing.T, s *device.Sim) *peer {
	t.Helper()
	p := &peer{t: t}
	p.in, p.lines = npm.Start[line](t, s.Port())
	p.reply("OPEN", "OK")
	return p
}

// next waits for the first line that fits; the others are kept.
func (p *peer) next(what string, within time.Duration, fits func(line) bool) (line, bool) {
	p.t.Helper()
	for i, l := range p.kept {
		if fits(l) {
			p.kept = append(p.kept[:i:i], p.kept[i+1:]...)
			return l, true
		}
	}
	limit := time.After(within)
	for {
		select {
		case l, ok := <-p.lines:
			if !ok || l.Fatal != "" {
				p.t.Fatalf("waiting for %s the peer ended: %s", what, l.Fatal)
			}
			if fits(l) {
				return l, true
			}
			p.kept = append(p.kept, l)
		case <-limit:
			return line{}, false
		}
	}
}

func (p *peer) reply(command, status string) line {
	p.t.Helper()
	l, ok := p.next(command, patience, func(l line) bool { return l.Reply == command })
	if !ok || l.Status != status {
		p.t.Fatalf("%s: %+v, want %s", command, l, status)
	}
	return l
}

func (p *peer) say(command string, args any) {
	p.t.Helper()
	b, err := json.Marshal([]any{command, args})
	if err == nil {
		_, err = fmt.Fprintf(p.in, "%s\n", b)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) do(command string, args any) line {
	p.t.Helper()
	p.say(command, args)
	return p.reply(command, "OK")
}

func (p *peer) event(name string, channel int) {
	p.t.Helper()
	if _, ok := p.next(name, patience, func(l line) bool { return l.Event == name && l.Channel == channel }); !ok {
		p.t.Fatalf("%s %d did not come", name, channel)
	}
}

func view(s *device.Sim) itlssp.View { return s.Physical().(itlssp.View) }

func act(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
}

type args = map[string]any

// req: VD-02
func TestAnIndependentHostAgreesOnKeysDepositsAndPaysOut(t *testing.T) {
	s := device.MustStart(t, device.Config{Model: "itlssp", Acceptor: &itlssp.Config{Payout: true, Store: map[int]int{100: 2}}})
	p := start(t, s)
	p.do("SYNC", nil)
	p.do("HOST_PROTOCOL_VERSION", args{"version": 6})
	var set struct {
		Unit   string   `json:"unit_type"`
		Values []int    `json:"expanded_channel_value"`
		Codes  []string `json:"expanded_channel_country_code"`
	}
	if err := json.Unmarshal(p.do("SETUP_REQUEST", nil).Info, &set); err != nil || set.Unit != "SMART payout fitted" ||
		fmt.Sprint(set.Values) != "[1 5 10 20 50 100]" || len(set.Codes) != 6 || set.Codes[5] != "CNY" {
		t.Fatalf("%+v, %v", set, err)
	}
	p.do("ENCRYPT", nil)
	if l := p.do("GET_SERIAL_NUMBER", nil); string(l.Info) != `{"serial_number":1234567}` {
		t.Fatalf("%s", l.Info)
	}
	p.do("SET_CHANNEL_INHIBITS", args{"channels": []int{1, 1, 1, 1, 1, 1}})
	p.do("ENABLE_PAYOUT_DEVICE", args{})
	p.do("ENABLE", nil)

	act(t, s, "insertNote", device.Args{"value": 100})
	p.event("READ_NOTE", 6)
	p.event("CREDIT_NOTE", 6)
	p.event("NOTE_STORED_IN_PAYOUT", 0)
	act(t, s, "insertNote", device.Args{"value": 20})
	p.event("READ_NOTE", 4)
	p.event("NOTE_STACKING", 0)
	p.event("CREDIT_NOTE", 4)
	p.event("NOTE_STACKED", 0)
	act(t, s, "insertNote", device.Args{"value": 50, "condition": "counterfeit"})
	p.event("NOTE_REJECTED", 0)
	if l := p.do("LAST_REJECT_CODE", nil); !strings.Contains(string(l.Info), `"code":5`) {
		t.Errorf("%s", l.Info)
	}
	act(t, s, "takeNotes", nil)
	if l := p.do("GET_ALL_LEVELS", nil); !strings.Contains(string(l.Info), `{"denomination_level":3,"value":10000,"country_code":"CNY"}`) {
		t.Errorf("%s", l.Info)
	}
	p.do("PAYOUT_BY_DENOMINATION", args{"value": []args{{"number": 1, "denomination": 10000, "country_code": "CNY"}}})
	p.event("DISPENSED", 0)
	act(t, s, "takeNotes", nil)
	if l := p.do("GET_COUNTERS", nil); !strings.Contains(string(l.Info), `{"stacked":1,"stored":1,"dispensed":1,"transferred_from_store_to_stacker":0,"rejected":1}`) {
		t.Errorf("%s", l.Info)
	}
	p.do("DISABLE", nil)
	if v := view(s); !v.Secure || v.Levels[100] != 2 || v.Places[itlssp.Cashbox] != 1 || v.Places[itlssp.Customer] != 2 {
		t.Errorf("%+v", v)
	}
	secret, clear := 0, 0
	for _, f := range s.Trace() {
		switch {
		case f.Dir != "rx", strings.Contains(f.Decoded, " again:"): // a frame that was sent twice
		case strings.Contains(f.Decoded, "(encrypted)"):
			secret++
		case strings.HasPrefix(f.Decoded, "07 "), strings.HasPrefix(f.Decoded, "46 "):
			clear++
		}
	}
	if secret < 20 || clear > 0 {
		t.Errorf("%d commands came encrypted, %d polls and payouts in the clear", secret, clear)
	}
}

func TestUnderAnotherFixedKeyTheHostIsNotUnderstood(t *testing.T) {
	s := device.MustStart(t, device.Config{Model: "itlssp", Acceptor: &itlssp.Config{FixedKey: "0123456701234568"}})
	p := start(t, s)
	p.do("SYNC", nil)
	p.do("ENCRYPT", nil)
	p.say("GET_SERIAL_NUMBER", nil)
	if l, ok := p.next("a reply", 4*time.Second, func(l line) bool { return l.Reply == "GET_SERIAL_NUMBER" }); ok {
		t.Errorf("a command under another key was answered: %+v", l)
	}
}
