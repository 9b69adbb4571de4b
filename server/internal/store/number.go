package store

import "time"

// epoch of journal numbers.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// counterBits are the low bits of a journal number, below the milliseconds.
const counterBits = 22

// nodeBits are the lowest bits of a journal number: the number of the server that made it. Who has a
// transaction under way can be told from its number.
const nodeBits = 5

// Nodes is how many servers may share a database, with numbers from 1 to Nodes-1.
const Nodes = 1 << nodeBits

// NodeOf is the number of the server that made a journal number.
func NodeOf(number int64) int { return int(number & (Nodes - 1)) }

// NumberAt is the first journal number of a moment: 41 bits of milliseconds since 2020 above
// 22 bits of counter. Tables are partitioned, and searched by time, by these numbers; whoever
// makes numbers begins with this one.
func NumberAt(t time.Time) int64 { return (t.UnixMilli() - epoch) << counterBits }

// TimeOf is the moment of a journal number, to the millisecond.
func TimeOf(number int64) time.Time { return fromMS(number>>counterBits + epoch) }
