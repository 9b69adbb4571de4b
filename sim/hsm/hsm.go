// Package hsm is a simulated payment HSM behind TCP: two-letter commands as the Racal and payShield
// families have them, keys under a local master key (LMK) in key-block form, SM4 as an extension, and
// faults to order. It shares no code with the server's client, and computes with its own cryptography,
// so that an error on one side shows. Only simulators, commands of sim/cmd and tests import it; keys
// in it are worth nothing.
package hsm

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Options configure a simulator.
type Options struct {
	Listen     string // address of the host commands, 127.0.0.1:1500
	Control    string // address of the HTTP control; empty: none
	LMK        string // file of the LMK, made when it is missing
	Header     int    // characters of the message header; 4
	Max        int    // connections at a time; 64, as hardware has a limit too
	AnyFormat  bool   // PIN blocks may be translated in ways that ISO 9564-1 bans
	Authorised bool   // clear keys are taken (XI) from the start
	Log        *slog.Logger
}

// HSM is a running simulator.
type HSM struct {
	o       Options
	lmk     []byte
	ln      net.Listener
	web     *http.Server
	WebAddr string
	wg      sync.WaitGroup

	mu         sync.Mutex
	authorised bool
	faults     []*Fault
	conns      map[net.Conn]bool
	counts     map[string]int
	closed     bool
}

// maxMessage is the longest message either way; frames carry two bytes of length.
const maxMessage = 32 << 10

// Start starts a simulator.
func Start(o Options) (*HSM, error) {
	if o.Header <= 0 {
		o.Header = 4
	}
	if o.Max <= 0 {
		o.Max = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &HSM{o: o, authorised: o.Authorised, conns: map[net.Conn]bool{}, counts: map[string]int{}}
	var err error
	if h.lmk, err = loadLMK(o.LMK); err != nil {
		return nil, err
	}
	if h.ln, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("simulated HSM: %w", err)
	}
	if o.Control != "" {
		if err := h.startControl(); err != nil {
			return nil, errors.Join(err, h.ln.Close())
		}
	}
	h.wg.Go(h.accept)
	return h, nil
}

// Addr is the address of the host commands.
func (h *HSM) Addr() string { return h.ln.Addr().String() }

// Close ends the simulator and its connections.
func (h *HSM) Close() error {
	h.mu.Lock()
	h.closed = true
	for c := range h.conns {
		_ = c.Close()
	}
	h.mu.Unlock()
	err := h.ln.Close()
	if h.web != nil {
		err = errors.Join(err, h.web.Close())
	}
	h.wg.Wait()
	return err
}

// DropConnections closes every connection, as a restart of the device does.
func (h *HSM) DropConnections() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		_ = c.Close()
	}
}

// Authorise lets clear keys in, or no more.
func (h *HSM) Authorise(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.authorised = on
}

// Count is how many commands of a code were answered or struck by a fault.
func (h *HSM) Count(code string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts[code]
}

func loadLMK(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		b := make([]byte, 32)
		_, _ = rand.Read(b)
		if err := os.WriteFile(path, []byte(hex.EncodeToString(b)+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("simulated HSM: LMK: %w", err)
		}
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("simulated HSM: LMK: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != 32 {
		return nil, fmt.Errorf("simulated HSM: LMK file %s: want 64 hexadecimal digits", path)
	}
	return b, nil
}

func (h *HSM) accept() {
	for {
		c, err := h.ln.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		if h.closed || len(h.conns) >= h.o.Max {
			h.mu.Unlock()
			_ = c.Close()
			continue
		}
		h.conns[c] = true
		h.mu.Unlock()
		h.wg.Go(func() {
			h.serve(c)
			_ = c.Close()
			h.mu.Lock()
			delete(h.conns, c)
			h.mu.Unlock()
		})
	}
}

// serve answers one command after another, as the hardware does on one connection.
func (h *HSM) serve(c net.Conn) {
	for {
		m, err := ReadFrame(c)
		if err != nil {
			return
		}
		if len(m) < h.o.Header+2 {
			return
		}
		head, code, body := m[:h.o.Header], string(m[h.o.Header:h.o.Header+2]), m[h.o.Header+2:]
		f := h.strike(code)
		if f != nil && f.Kind == "drop" && !f.After {
			return
		}
		if f != nil && (f.Kind == "slow" || f.Kind == "silence") {
			time.Sleep(time.Duration(f.MS) * time.Millisecond)
		}
		answer := h.Answer(code, body)
		switch {
		case f == nil || f.Kind == "slow":
		case f.Kind == "drop":
			return
		case f.Kind == "silence":
			continue
		case f.Kind == "error":
			answer = append(answerCode(code), f.Code...)
		case f.Kind == "garbage":
			answer = []byte{0xFF, 0x00, 0x31}
		case f.Kind == "cut": // half an answer, then the end
			whole := frame(append(append([]byte(nil), head...), answer...))
			_, _ = c.Write(whole[:len(whole)/2])
			return
		}
		h.o.Log.Debug("command", "code", code, "request", len(body), "answer", len(answer), "result", string(answer[min(2, len(answer)):min(4, len(answer))]))
		if _, err := c.Write(frame(append(append([]byte(nil), head...), answer...))); err != nil {
			return
		}
	}
}

// ReadFrame reads one message: two bytes of length, then so many bytes.
func ReadFrame(r io.Reader) ([]byte, error) {
	var l [2]byte
	if _, err := io.ReadFull(r, l[:]); err != nil {
		return nil, err
	}
	n := int(l[0])<<8 | int(l[1])
	if n > maxMessage {
		return nil, errors.New("simulated HSM: message too long")
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}

func frame(m []byte) []byte {
	return append([]byte{byte(len(m) >> 8), byte(len(m))}, m...)
}

func answerCode(code string) []byte { return []byte{code[0], code[1] + 1} }
