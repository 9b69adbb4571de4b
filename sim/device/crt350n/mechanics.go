package crt350n

// The mechanics without the firmware: another make's firmware moves the same card through the
// same slot (package omron3s4yr embeds a Model and has its own Run). All are called locked.

// Where is where the card is.
func (m *Model) Where() Position { return m.phy.Position }

// Put moves the card and makes it durable.
func (m *Model) Put(p Position) { m.place(p) }

// Moving marks a movement under way, in which nobody can insert or take a card.
func (m *Model) Moving(on bool) { m.moving = on }

// Let opens the entry: "" none, all, mag, ic, both.
func (m *Model) Let(mode string) { m.entry = mode }

// Track is the raw track of the card inside, 1 to 3; nil without a card or a stripe.
func (m *Model) Track(n int) []byte {
	if m.phy.Card == nil || !m.phy.Card.Mag {
		return nil
	}
	return m.phy.Card.Tracks[n-1]
}

// Stuck is the value of a status that a person set: shutter, motor, sensor, bin.
func (m *Model) Stuck(name string) string { return m.stuck[name] }

// SetReady says that the firmware was initialised, and whether it counts captured cards.
func (m *Model) SetReady(on, counting bool) { m.ready, m.counting = on, counting }

// Ready reports whether the firmware was initialised.
func (m *Model) Ready() bool { return m.ready }

// Captured is the retain counter; SetCaptured sets it and makes it durable.
func (m *Model) Captured() int { return m.phy.Counter }

// SetCaptured sets the retain counter.
func (m *Model) SetCaptured(n int) error { m.phy.Counter = n; return m.save() }
