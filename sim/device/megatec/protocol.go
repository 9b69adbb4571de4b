package megatec

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// command is what a line from the host asks for.
type command struct {
	name    string        // Q1, F, I, T, TL, CT, S, C, Q; "" is unknown
	length  time.Duration // of a test; S: delay, in minutes of the device
	minutes float64
	restore int // minutes; -1: not given
}

// understand decodes one line without its CR.
func understand(s string) command {
	switch s {
	case "Q1", "F", "I", "Q", "C", "CT", "TL":
		return command{name: s}
	case "T":
		return command{name: "T", length: 10 * time.Second}
	}
	switch {
	case strings.HasPrefix(s, "T"):
		n, err := strconv.ParseUint(s[1:], 10, 8)
		if err != nil || len(s) != 3 || n == 0 {
			return command{}
		}
		return command{name: "T", length: time.Duration(n) * time.Minute}
	case strings.HasPrefix(s, "S"):
		delay, back, has := strings.Cut(s[1:], "R")
		if len(delay) != 2 {
			return command{}
		}
		c := command{name: "S", restore: -1}
		if delay[0] == '.' && delay[1] >= '2' && delay[1] <= '9' {
			c.minutes = float64(delay[1]-'0') / 10
		} else if n, err := strconv.ParseUint(delay, 10, 8); err == nil && n >= 1 && n <= 10 {
			c.minutes = float64(n)
		} else {
			return command{}
		}
		if has {
			n, err := strconv.ParseUint(back, 10, 16)
			if err != nil || len(back) != 4 {
				return command{}
			}
			c.restore = int(n)
		}
		return c
	}
	return command{}
}

// status is what Q1 answers.
type status struct {
	in, fault, out float64
	load           int
	hertz, battery float64
	celsius        float64
	bits           [8]bool // b7 first
}

func (s status) String() string {
	b := []byte("00000000")
	for i, on := range s.bits {
		if on {
			b[i] = '1'
		}
	}
	return fmt.Sprintf("(%05.1f %05.1f %05.1f %03d %04.1f %s %04.1f %s\r", s.in, s.fault, s.out, s.load, s.hertz, volts(s.battery), s.celsius, b)
}

// volts is S.SS for a cell (on-line types) and SS.S for the battery.
func volts(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
