package record

import (
	"bytes"
	"fmt"
	"io"
)

// frames makes a trace comparable: the device's bytes of one answer in one piece and, unless
// all, without polls whose answer is the one they had before.
func frames(es []Entry, poll map[string]bool, all bool) []Entry {
	var joined []Entry
	for _, e := range es {
		if n := len(joined); n > 0 && !e.Host && !joined[n-1].Host {
			joined[n-1].Data = append(append([]byte{}, joined[n-1].Data...), e.Data...)
			continue
		}
		joined = append(joined, e)
	}
	if all {
		return joined
	}
	var out []Entry
	known := map[string]string{}
	for i := 0; i < len(joined); i++ {
		e := joined[i]
		if !e.Host || !poll[string(e.Data)] {
			out = append(out, e)
			continue
		}
		answer, answered := "", i+1 < len(joined) && !joined[i+1].Host
		if answered {
			answer = string(joined[i+1].Data)
		}
		last, seen := known[string(e.Data)]
		known[string(e.Data)] = answer
		if !seen || last != answer {
			out = append(out, e)
		} else if answered {
			i++
		}
	}
	return out
}

// Difference is a place where two traces differ.
type Difference struct {
	A, B   []Entry // what is only in the one, only in the other
	Before []Entry // what both have right before it
	After  []Entry
}

// Diff compares the frames of two traces, not their times. Polls count only when their
// answer changed, unless all.
func Diff(a, b []Entry, all bool) []Difference {
	a, b = split(a), split(b)
	poll := polls(a)
	for k := range polls(b) {
		poll[k] = true
	}
	a, b = frames(a, poll, all), frames(b, poll, all)
	same := func(i, j int) bool { return a[i].Host == b[j].Host && bytes.Equal(a[i].Data, b[j].Data) }
	var out []Difference
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if i < len(a) && j < len(b) && same(i, j) {
			i, j = i+1, j+1
			continue
		}
		di, dj := resync(len(a)-i, len(b)-j, func(x, y int) bool { return same(i+x, j+y) })
		out = append(out, Difference{A: a[i : i+di], B: b[j : j+dj], Before: a[max(0, i-context3):i], After: a[i+di : min(len(a), i+di+context3)]})
		i, j = i+di, j+dj
	}
	return out
}

const context3 = 3 // frames shown around a difference

// resync finds the nearest place at which both agree again, for two frames if there are two.
func resync(na, nb int, same func(x, y int) bool) (x, y int) {
	for sum := 1; sum <= na+nb; sum++ {
		for x := max(0, sum-nb); x <= min(sum, na); x++ {
			y := sum - x
			if x == na && y == nb {
				return x, y
			}
			if x < na && y < nb && same(x, y) && (x+1 >= na || y+1 >= nb || same(x+1, y+1)) {
				return x, y
			}
		}
	}
	return na, nb
}

// Print writes the first differences with what is around them.
func Print(w io.Writer, nameA, nameB string, ds []Difference, first int) {
	show := func(mark string, es []Entry) {
		for _, e := range es {
			fmt.Fprintf(w, "%s %5d %c %s\n", mark, e.Line, e.arrow(), e.Hex())
		}
	}
	for i, d := range ds {
		if i == first {
			fmt.Fprintf(w, "… and %d more\n", len(ds)-first)
			return
		}
		fmt.Fprintf(w, "--- %s:%s\n+++ %s:%s\n", nameA, lineOf(d.A, d.After), nameB, lineOf(d.B, nil))
		show(" ", d.Before)
		show("-", d.A)
		show("+", d.B)
		show(" ", d.After)
	}
}

func lineOf(es, after []Entry) string {
	if es = append(append([]Entry{}, es...), after...); len(es) > 0 {
		return fmt.Sprint(es[0].Line)
	}
	return "-"
}
