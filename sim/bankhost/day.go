package bankhost

import (
	"fmt"
	"net"
	"sort"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// today is the settlement day, MMDD; the caller holds the ledger's mu.
func (h *Host) today() string {
	if h.day != "" {
		return h.day
	}
	_, m, d := time.Now().In(shanghai).Date()
	return string([]byte{'0' + byte(m)/10, '0' + byte(m)%10, '0' + byte(d)/10, '0' + byte(d)%10})
}

var shanghai = time.FixedZone("CST", 8*3600)

// CutOver does what customers have standing orders for, changes the settlement day and tells every link of the interchange, as 0820/202 with F15.
// It answers how many were told.
func (h *Host) CutOver(day string) int {
	h.l.mu.Lock()
	last := h.carryOut()
	h.day = day
	h.l.mu.Unlock()
	if last != nil && <-last != nil {
		return 0
	}
	var f [129]string
	now := time.Now().In(shanghai)
	f[0], f[7], f[11], f[15], f[33], f[70], f[128] = "0820", now.Format("0102150405"), fmt.Sprintf("%06d", now.Unix()%1000000), day, "00010000", "202", "00000000"
	return h.tell(&f)
}

// tell sends a message of the host's own by one of the links; it answers how many were told.
func (h *Host) tell(f *[129]string) int {
	z := h.zones()
	return h.tellUnder(z[len(z)-1], f)
}

func (h *Host) tellUnder(z *zone, f *[129]string) int {
	out, err := h.codec.pack(f)
	if err != nil {
		return 0
	}
	at := len(out) - 8
	copy(out[at:], z.macOf(out[:at]))
	header := make([]byte, headerLen)
	header[0] = headerLen
	copy(header[6:], fmt.Sprintf("%-11s%-11s", "99990000", "00010000"))
	copy(header[28:], "\x00\x00\x00\x0000000000\x0000000")
	msg := frame(header, out)
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for c := range h.live {
		if _, ok := c.(*net.TCPConn); ok {
			if _, err := c.Write(msg); err == nil {
				n++
				break // by one of them
			}
		}
	}
	return n
}

// Book is the day's book as the host sends it to its member, in format core (lines in GBK with
// separators) or cups (lines of fixed length). spoil makes deliberate differences, each in one of its
// first lines: missing, extra, amount, twice, unreversed.
func (h *Host) Book(format, day string, spoil ...string) ([]byte, error) {
	type row struct {
		e        Entry
		amount   int64
		reversed bool
	}
	h.l.mu.Lock()
	if day == "" {
		day = h.today()
	}
	var rows []row
	for _, o := range h.l.ops {
		if o.e.Day == day && o.e.Stan != "" && (o.e.Kind == "withdraw" || o.e.Kind == "deposit" || o.e.Kind == "redeem" || o.e.Kind == "transfer") {
			rows = append(rows, row{o.e, o.e.Amount - o.back, o.reversed})
		}
	}
	h.l.mu.Unlock()
	sort.Slice(rows, func(i, j int) bool { return rows[i].e.At.Before(rows[j].e.At) })
	used := map[int]bool{}
	pick := func(f func(r row) bool) int {
		for i, r := range rows {
			if !used[i] && f(r) {
				used[i] = true
				return i
			}
		}
		return -1
	}
	live := func(r row) bool { return !r.reversed && r.e.Kind == "withdraw" }
	drop := -1
	for _, s := range spoil {
		switch s {
		case "missing":
			drop = pick(live)
		case "amount":
			if i := pick(live); i >= 0 {
				rows[i].amount += 100
			}
		case "twice":
			if i := pick(live); i >= 0 {
				rows = append(rows, rows[i])
			}
		case "unreversed":
			if i := pick(func(r row) bool { return r.reversed && r.amount == 0 }); i >= 0 {
				rows[i].amount, rows[i].reversed = rows[i].e.Amount, false
			}
		case "extra":
			rows = append(rows, row{Entry{Ref: "900000000001", Stan: "900001", Time: day + "120000", Term: "00000001", Card: "6225880000000001"}, 4200, false})
		default:
			return nil, fmt.Errorf("spoil must be missing, extra, amount, twice or unreversed")
		}
	}
	var b strings.Builder
	n, sum := 0, int64(0)
	for i, r := range rows {
		if i == drop {
			continue
		}
		n++
		sum += r.amount
		sign, abs := "D", r.amount // the card's debit
		if abs < 0 {
			sign, abs = "C", -abs
		}
		state := "N"
		if r.reversed {
			state = "R"
		}
		if format == "cups" {
			fmt.Fprintf(&b, "%-11s %-11s %6s %10s %-19s %012d %s %s %-8s %-12s\n", "99992900", "99990000", r.e.Stan, r.e.Time, r.e.Card, abs, sign, state, r.e.Term, r.e.Ref)
		} else {
			fmt.Fprintf(&b, "%s|%s|%s|%s|%d.%02d|%s|%s|%s|\n", r.e.Ref, r.e.Stan, r.e.Time, r.e.Term, abs/100, abs%100, sign, state, "ATM取款")
		}
	}
	fmt.Fprintf(&b, "TRAILER %s %08d %+016d\n", day, n, sum)
	return simplifiedchinese.GBK.NewEncoder().Bytes([]byte(b.String()))
}
