package kill

import (
	"fmt"
	"math/rand"
	"syscall"
)

// each is a fault of every target at every state. Power is cut without a signal.
func each(states []string, by syscall.Signal, targets ...string) (out []fault) {
	for _, s := range states {
		for _, target := range targets {
			f := fault{s, target, by}
			if target == "power" {
				f.signal = 0
			}
			out = append(out, f)
		}
	}
	return out
}

// lost are the bank host's ways to leave an answer out.
func lost() []fault {
	return each([]string{"noAnswer", "lost", "late", "badMac", "disconnect", "twice"}, 0, "answer")
}

// shuffled has the faults of all parts in an order of rng's.
func shuffled(rng *rand.Rand, parts ...[]fault) (out []fault) {
	for _, p := range parts {
		out = append(out, p...)
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// leaveOut has the bank host leave the next answer out in a way of its own; proc: only to that processing code.
func (b *branch) leaveOut(way, proc string) {
	b.t.Helper()
	if proc != "" {
		proc = fmt.Sprintf(`,"proc":%q`, proc)
	}
	if err := b.bank("scenario", fmt.Sprintf(`{"kind":%q,"count":1,"ms":4000%s}`, way, proc)); err != nil {
		b.t.Fatal(err)
	}
}

// visited lets a customer in, has the fault happen, and brings everything back.
func (b *branch) visited(f fault, c *customer, rng *rand.Rand) {
	b.t.Helper()
	struck := b.arm(f, c, rng)
	c.enter()
	<-struck
	b.t.Logf("customer: %s", c.left(f.target == "page"))
	if f.target == "page" {
		b.pageGone()
	}
	c.end()
	b.recover(f)
}
