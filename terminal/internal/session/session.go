// Package session is one customer at the counter: the data pool that pages may use, the
// vault that they may not look into (card data), and the business lease that keeps
// upgrades away. Everything in it is gone when the session ends. Only the native
// platform imports it.
package session

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// Card is what was read from the card. It never leaves the platform; String hides it.
type Card struct {
	Track1, Track2, Track3 string
	PAN                    string
	Expiry                 string // YYMM
	// Chip: the data came from the chip, Fallback: from the stripe of a card whose chip could not be
	// read. Sequence is the chip's PAN sequence number, three digits.
	// Air: the chip was reached over the antenna; the reader never had the card.
	Chip, Fallback, Air bool
	Sequence            string
	// New: a blank card that is being issued; it is the platform's, not the customer's.
	New bool
}

// String keeps card data out of logs.
func (c Card) String() string { return "card " + Mask(c.PAN) }

// GoString does the same for %#v.
func (c Card) GoString() string { return c.String() }

// Mask shows the first six and the last four digits.
func Mask(pan string) string {
	if len(pan) < 13 {
		return "****"
	}
	b := []byte(pan)
	for i := 6; i < len(b)-4; i++ {
		b[i] = '*'
	}
	return string(b)
}

// ErrNone: no session is open. ErrBusy: one is.
var (
	ErrNone = errors.New("no session is open")
	ErrBusy = errors.New("a session is open")
	ErrPool = errors.New("the data pool is full")
)

// Limits of the pool.
const (
	maxKeys  = 200
	maxBytes = 1 << 20
)

// State is a copy of what is public about the open session.
type State struct {
	ID       string
	Flow     string
	Lang     string
	Bundle   string
	Since    time.Time
	HasCard  bool
	CardGone bool
	Txn      string // the latest transaction of the session
	Approval string // the latest lobby approval
}

// Manager holds at most one session. Safe for concurrent use.
type Manager struct {
	mu    sync.Mutex
	now   func() time.Time
	open  bool
	state State
	card  *Card
	pool  map[string]json.RawMessage
	bytes int
	alive time.Time // when the page said last that it lives
}

// New makes a manager; now may be nil.
func New(now func() time.Time) *Manager {
	if now == nil {
		now = time.Now
	}
	return &Manager{now: now}
}

// Begin opens a session and returns its id.
func (m *Manager) Begin(flow, lang, bundle string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open {
		return "", ErrBusy
	}
	var b [8]byte
	_, _ = rand.Read(b[:])
	m.open, m.pool, m.bytes, m.card = true, map[string]json.RawMessage{}, 0, nil
	m.alive = m.now()
	m.state = State{ID: hex.EncodeToString(b[:]), Flow: flow, Lang: lang, Bundle: bundle, Since: m.now()}
	return m.state.ID, nil
}

// End closes the session and forgets everything in it.
func (m *Manager) End() (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return State{}, ErrNone
	}
	last := m.state
	if m.card != nil {
		*m.card = Card{}
	}
	m.open, m.card, m.pool, m.state = false, nil, nil, State{}
	return last, nil
}

// Current returns the open session.
func (m *Manager) Current() (State, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, m.open
}

// Alive notes that the page of the session lives.
func (m *Manager) Alive() error { return m.change(func() error { m.alive = m.now(); return nil }) }

// Silent is how long the page of the open session has not said that it lives; 0 without a
// session.
func (m *Manager) Silent() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return 0
	}
	return m.now().Sub(m.alive)
}

// SetCard puts card data into the vault.
func (m *Manager) SetCard(c Card) error {
	return m.change(func() error { m.card = &c; m.state.HasCard, m.state.CardGone = true, false; return nil })
}

// CardGone notes that the customer has the card again, or that it was retained.
func (m *Manager) CardGone() { _ = m.change(func() error { m.state.CardGone = true; return nil }) }

// SetTxn and SetApproval note the latest transaction and lobby approval.
func (m *Manager) SetTxn(id string) { _ = m.change(func() error { m.state.Txn = id; return nil }) }

// SetApproval notes the latest lobby approval.
func (m *Manager) SetApproval(id string) {
	_ = m.change(func() error { m.state.Approval = id; return nil })
}

// Card returns a copy of the vault's card.
func (m *Manager) Card() (Card, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.card == nil {
		return Card{}, false
	}
	return *m.card, true
}

// Set stores a value in the pool.
func (m *Manager) Set(key string, v json.RawMessage) error {
	return m.change(func() error {
		old, had := m.pool[key]
		if (!had && len(m.pool) >= maxKeys) || m.bytes-len(old)+len(v)+len(key) > maxBytes {
			return ErrPool
		}
		m.bytes += len(v) - len(old)
		m.pool[key] = v
		return nil
	})
}

// Get returns a value of the pool, nil if there is none.
func (m *Manager) Get(key string) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return nil, ErrNone
	}
	return m.pool[key], nil
}

// Clear empties the pool.
func (m *Manager) Clear() error {
	return m.change(func() error { m.pool, m.bytes = map[string]json.RawMessage{}, 0; return nil })
}

func (m *Manager) change(f func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return ErrNone
	}
	return f()
}
