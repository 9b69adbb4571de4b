package host

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
)

// Network management codes (F70), transaction.md §2.3.
const (
	SignOn  = "001"
	SignOff = "002"
	Echo    = "301"
	Begin   = "201" // cut-over begins
	End     = "202" // cut-over ends
	Rekey   = "101" // new keys
)

// shanghai is the zone of the business clock: F7, F12, F13.
var shanghai = time.FixedZone("CST", 8*3600)

// Stamp sets the fields that every message to the host has: times, trace number, institutions.
func (h *Host) Stamp(m *message.Message, now time.Time, stan string) {
	local := now.In(shanghai)
	var b [10]byte
	d := local.AppendFormat(b[:0], "0102150405")
	_ = m.Set(7, d)
	_ = m.SetString(11, stan)
	_ = m.Set(12, d[4:])
	_ = m.Set(13, d[:4])
	_ = m.SetString(32, h.o.Acquirer)
	_ = m.SetString(33, h.o.Forwarder)
}

// Manage sends a network management message and waits for 00. A host without network management
// answers at once.
func (h *Host) Manage(ctx context.Context, code string) error {
	if h.o.Management == "" {
		return nil
	}
	stan, err := h.o.Trace(ctx)
	if err != nil {
		return err
	}
	m := message.New(h.Model())
	_ = m.SetMTI("0820")
	h.Stamp(m, h.o.Now(), stan)
	m.Unset(12)
	m.Unset(13)
	_ = m.SetString(70, code)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a, err := h.Do(ctx, Network, m)
	if err != nil {
		return err
	}
	defer a.Release()
	if rc := string(a.Msg.Get(39)); rc != "00" {
		return fmt.Errorf("host: %s refuses network management with code %q", h.o.Name, rc)
	}
	if code == SignOn {
		h.signed.Store(true)
		h.off.Store(false)
	}
	return nil
}

// OnUp signs on; a link calls it when it has come up.
func (h *Host) OnUp() {
	if err := h.Manage(context.Background(), SignOn); err != nil {
		h.o.Log.Warn("sign-on to the host failed", "host", h.o.Name, "error", err.Error())
		return
	}
	h.o.Log.Info("signed on to the host", "host", h.o.Name)
}

// Watch sends echoes until ctx ends: now and then while all is well, every second while the breaker
// is not closed, so that it closes soon after the host is back.
func (h *Host) Watch(ctx context.Context) {
	if h.o.Management == "" {
		return
	}
	t := time.NewTicker(time.Second)
	defer t.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if h.link == nil || !h.link.Up() || h.brk.closed.Load() && time.Since(last) < h.o.EchoEvery {
			continue
		}
		last = time.Now()
		code := Echo
		if !h.signed.Load() {
			code = SignOn
		}
		if err := h.Manage(ctx, code); err != nil && ctx.Err() == nil {
			h.o.Log.Warn("no echo from the host", "host", h.o.Name, "error", err.Error())
		}
	}
}

// Handle implements link.Handler for what the host asks of us: echo, sign-on and sign-off of its
// side, the change of its day, a new key.
func (h *Host) Handle(ctx context.Context, body, dst []byte) ([]byte, bool) {
	m := message.New(h.Model())
	seal, err := h.o.Codec.Unpack(m, body)
	if err != nil {
		return nil, true
	}
	a := message.New(h.Model())
	a.ReplyTo(m)
	for _, n := range []int{7, 11, 32, 33, 41, 53, 70, 100} {
		if v := m.Get(n); v != nil {
			_ = a.Set(n, v)
		}
	}
	key, _ := h.Key() // the answer to a change of keys is under the old one still
	rc, fresh := h.managed(ctx, m, seal)
	if fresh.Version != 0 { // but to one that came under the new one
		key = fresh
		key.Practice = h.o.Practice
	}
	_ = a.SetString(39, rc)
	out, err := h.pack(dst, a, key, seal)
	if err != nil {
		h.o.Log.Error("answer to the host cannot be packed", "host", h.o.Name, "error", err.Error())
		return nil, true
	}
	return out, true
}

// managed does what a network management message asks; the answer goes under fresh, if that is one.
func (h *Host) managed(ctx context.Context, m *message.Message, seal link.Seal) (rc string, fresh hsm.Ref) {
	if m.MTI() != "0820" && m.MTI() != "0800" {
		h.o.Log.Warn("the host asks for what this server does not do", "host", h.o.Name, "mti", m.MTI())
		return "12", fresh
	}
	trusted := !h.o.Codec.HasMAC() || h.trusted(seal)
	if h.o.Bare && m.String(70) == Rekey {
		return h.rekeyBare(m, seal, trusted)
	}
	if !trusted {
		h.macErrors.Add(1)
		return "A0", fresh
	}
	return h.asked(ctx, m), fresh
}

// asked does what a message asks whose MAC is right.
func (h *Host) asked(ctx context.Context, m *message.Message) string {
	switch code := m.String(70); code {
	case Echo:
	case SignOn:
		h.off.Store(false)
	case SignOff:
		h.off.Store(true)
		h.o.Log.Warn("the host has signed off", "host", h.o.Name)
	case Begin, End:
		date := m.String(15)
		if len(date) != 4 && code == End {
			return "30"
		}
		if code == End {
			day, ok := FullDay(date, h.o.Now())
			if !ok {
				h.formatErrors.Add(1)
				h.o.Log.Error("the host changes to a day that cannot be: refused", "host", h.o.Name, "error", fmt.Sprintf("F15 is %q", date))
				return "30"
			}
			// A mistaken day may be put right; one that is over does not come again: the message was under way for long.
			if day < *h.day.Load() && day < h.o.Now().In(shanghai).Format("20060102") {
				h.o.Log.Error("the host changes back to a day that is over: refused", "host", h.o.Name, "day", *h.day.Load(), "error", fmt.Sprintf("F15 is %q", date))
				return "30"
			}
			if h.o.CutOver != nil {
				if err := h.o.CutOver(ctx, day); err != nil {
					h.o.Log.Error("the host's new day cannot be stored", "host", h.o.Name, "error", err.Error())
					return "96" // it says it again
				}
			}
			h.day.Store(&day)
		}
		h.o.Log.Info("the host changes its day", "host", h.o.Name, "code", code, "date", date)
	case Rekey:
		return h.rekey(m)
	default:
		return "12"
	}
	return "00"
}

func (h *Host) trusted(s link.Seal) bool {
	ok, err := h.sealed(s)
	return ok && err == nil
}

// FullDay is the day nearest to now whose month and day are date (MMDD): a cut-over on the last day of
// the year names the first of the next. ok is false for a date that cannot be.
func FullDay(date string, now time.Time) (day string, ok bool) {
	now = now.In(shanghai)
	gap := 190 * 24 * time.Hour // a leap day of another year is none
	for y := now.Year() - 1; y <= now.Year()+1 && len(date) == 4; y++ {
		t, err := time.ParseInLocation("20060102", fmt.Sprintf("%04d%s", y, date), shanghai)
		if err == nil && t.Sub(now).Abs() < gap {
			day, gap, ok = t.Format("20060102"), t.Sub(now).Abs(), true
		}
	}
	return day, ok
}

// rekey takes new zone keys: F48 is NK, the PIN key and the MAC key as TR-31 key blocks under the KEK,
// with a bar between them. Messages under the keys before stay good, in both directions: nothing that
// is under way is lost.
func (h *Host) rekey(m *message.Message) string {
	if blocks, ok := strings.CutPrefix(m.String(48), "DK"); ok {
		return h.rekeyData(blocks)
	}
	blocks, ok := strings.CutPrefix(m.String(48), "NK")
	pik, mak, two := strings.Cut(blocks, "|")
	if h.o.KEK == "" || !ok || !two {
		return "30"
	}
	ref, err := h.o.HSM.ImportBlocks(h.o.Keys, h.o.KEK, pik, mak)
	if err != nil {
		h.o.Log.Error("new keys of the host refused", "host", h.o.Name, "error", err.Error())
		return "96"
	}
	h.o.Log.Info("new keys of the host", "host", h.o.Name, "version", ref.Version)
	return "00"
}

// rekeyData takes new data keys: F48 is DK, the data key and the key of its MAC as TR-31 key blocks under the
// KEK, with a bar between them. What comes under the keys before stays readable.
func (h *Host) rekeyData(blocks string) string {
	data, mak, two := strings.Cut(blocks, "|")
	if h.o.KEK == "" || h.o.Data == "" || !two {
		return "30"
	}
	ref, err := h.o.HSM.ImportData(h.o.Data, h.o.KEK, data, mak)
	if err != nil {
		h.o.Log.Error("new data keys of the host refused", "host", h.o.Name, "error", err.Error())
		return "96"
	}
	h.o.Log.Info("new data keys of the host", "host", h.o.Name, "version", ref.Version)
	return "00"
}
