package main

import "time"

// What the reference document's runs were (PT-02, PT-07 to PT-09, PT-19): --reference makes them so.
const (
	referenceUsers = 100
	referenceRun   = 30 * time.Minute
	referenceSoak  = 12 * time.Hour
	referenceThink = 400 * time.Millisecond
	delayUsers     = 80
	delayThird     = 5 * time.Minute // the host is well, answers late, and is well again
)

// asReference makes runs as long as the reference's, whatever else was said of them.
func (o *options) asReference() {
	o.quick, o.conns, o.run, o.soak = false, referenceUsers, referenceRun, referenceSoak
}

// planned is one load run: users of one combination, or of several at the same time.
type planned struct {
	name     string
	users    []share
	run      time.Duration
	think    time.Duration // between an answer and the next request
	tolerant bool          // what fails is counted and the run goes on; otherwise nothing may fail
}

// share are users of one combination: so many, the first of them with this number.
type share struct{ combo, users, first int }

// singles are the combinations, each by itself with all users and without pauses.
func singles(o options) (all []planned) {
	for i, c := range combos {
		all = append(all, planned{name: c.name, users: []share{{i, o.conns, 0}}, run: o.run})
	}
	return all
}

// fifths are the users of the mixed runs: as many of each format.
func fifths(o options) (all []share) {
	n := o.conns / len(mixed)
	for k, i := range mixed {
		all = append(all, share{i, n, k * n})
	}
	return all
}

// mix is all formats at the same time, without pauses.
func mix(o options) planned { return planned{name: "mix", users: fifths(o), run: o.run} }

// stability is the mix with pauses, for long.
func stability(o options) planned {
	return planned{name: "soak", users: fifths(o), run: o.soak, think: referenceThink, tolerant: true}
}

// pressure is one after the other: each combination, then the mix.
func pressure(o options) []planned { return append(singles(o), mix(o)) }

// roles are the command lines of a run's generators.
func (b *branch) roles(p planned) (all [][]string) {
	for _, s := range p.users {
		var more []string
		if p.think > 0 {
			more = append(more, "--think", p.think.String())
		}
		if p.tolerant {
			more = append(more, "--tolerant")
		}
		all = append(all, b.role(s.combo, s.users, s.first, p.run, more...))
	}
	return all
}
