package creatorcrt591

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
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
	b, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &s.kept)
	}
	if err != nil {
		return nil, fmt.Errorf("card stock: %w", err)
	}
	return s, nil
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
	b, err := json.Marshal(next)
	if err == nil {
		err = write(s.path, b)
	}
	if err != nil {
		return fmt.Errorf("card stock: %w", err)
	}
	s.kept = next
	return nil
}

// write replaces a file; its content is on the disk when write returns.
func write(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		var dir *os.File
		if dir, err = os.Open(filepath.Dir(path)); err == nil {
			err = dir.Sync()
			dir.Close()
		}
	}
	return err
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
