// Package engine is what all virtual devices share: the PTY line with pacing and line
// faults, armed faults, the wire trace, durable state, actions and events. A model (a
// sibling folder) is the firmware and the mechanics of one real device on top of it.
//
// Imported by the models and by package device only; production code never imports it.
//
// How a device lives: Open creates the PTY and loads the physical state. While the power
// is on, the model's Run is the firmware, on one goroutine. Cutting the power ends that
// goroutine at its next look at the outside world (reading, writing, sleeping): a note or
// a card stays where it is, and what was only in the firmware's memory is gone.
package engine
