package creatorcrt591

import (
	"path/filepath"
	"sync"

	"zhigui/drivers/internal/record"
)

// stock counts the cards of the stacker, which the device cannot do. It is on the disk before
// a card may leave, so that a crash leaves at most one card in doubt and says so.
type stock struct {
	path string
	mu   sync.Mutex
	kept counted
}

// counted is the file.
type counted struct {
	Initial int `json:"initial"`
	Count   int `json:"count"`
	// Leaving: a card was about to leave and nobody has said what became of it.
	Leaving bool `json:"leaving,omitempty"`
	// Unsure: that was never found out; until the next SetStorage.
	Unsure bool `json:"unsure,omitempty"`
}

func openStock(dir string) (*stock, error) {
	s := &stock{path: filepath.Join(dir, "stock.json")}
	return s, record.Load(s.path, &s.kept)
}

func (s *stock) get() counted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// change makes a change durable.
func (s *stock) change(f func(*counted)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.kept
	f(&next)
	if next == s.kept {
		return nil
	}
	if err := record.Save(s.path, next); err != nil {
		return err
	}
	s.kept = next
	return nil
}

// settle ends a departure: left says whether a card is out of the stacker; known is false
// when nobody can say.
func (s *stock) settle(left, known bool) error {
	return s.change(func(c *counted) {
		if !c.Leaving {
			return
		}
		c.Leaving = false
		switch {
		case !known:
			c.Unsure = true
		case left:
			c.Count = max(0, c.Count-1)
		}
	})
}
