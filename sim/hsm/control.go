package hsm

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// Fault strikes commands.
type Fault struct {
	Command string `json:"command"` // two letters; empty: all
	Kind    string `json:"kind"`    // slow, silence, error, drop, cut, garbage
	Code    string `json:"code"`    // of error: two characters, as 13 or 15
	MS      int    `json:"ms"`      // of slow
	After   bool   `json:"after"`   // of drop: after the command was done
	Percent int    `json:"percent"` // of commands; 0: all
	Times   int    `json:"times"`   // 0: until cleared
	used    int
}

var faultKinds = map[string]bool{"slow": true, "silence": true, "error": true, "drop": true, "cut": true, "garbage": true}

// Arm arms a fault.
func (h *HSM) Arm(f Fault) error {
	if !faultKinds[f.Kind] || f.Kind == "error" && len(f.Code) != 2 || f.MS < 0 || f.MS > 60_000 || f.Times < 0 || f.Percent < 0 || f.Percent > 100 {
		return errors.New("kind must be slow, silence, error (with a code of two characters), drop, cut or garbage")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &f)
	return nil
}

// ClearFaults disarms all faults.
func (h *HSM) ClearFaults() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

// strike counts a command and answers the fault that strikes it.
func (h *HSM) strike(code string) *Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[code]++
	for _, f := range h.faults {
		if f.Command != "" && f.Command != code || f.Times > 0 && f.used >= f.Times {
			continue
		}
		if f.Percent > 0 && mathrand.IntN(100) >= f.Percent { //nolint:gosec // a simulator's dice
			continue
		}
		f.used++
		struck := *f
		return &struck
	}
	return nil
}

// Component is what the console makes of a clear component: under the LMK, for command A4.
type Component struct {
	Clear     string `json:"clear,omitempty"` // only of one made here
	Block     string `json:"block"`
	KCV       string `json:"kcv"`
	Algorithm string `json:"algorithm"`
}

// EnterComponent is the console's command for a person with his component: usage K0, algorithm T2, T3,
// A1, A2, A3, S4. An empty text makes one at random.
func (h *HSM) EnterComponent(number int, algorithm, clearHex string) (Component, error) {
	size, ok := algorithms[algorithm]
	if !ok || number < 1 || number > 9 {
		return Component{}, errors.New("number 1 to 9, algorithm T2, T3, A1, A2, A3 or S4")
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(clearHex, " ", ""))
	out := Component{Algorithm: algorithm}
	if clearHex == "" {
		raw = make([]byte, size)
		_, err = rand.Read(raw)
		out.Clear = strings.ToUpper(hex.EncodeToString(raw))
	}
	if err != nil || len(raw) != size {
		return Component{}, fmt.Errorf("want %d hexadecimal digits", 2*size)
	}
	k := key{head: head{usage: "K0", alg: algLetter(algorithm), mode: 'B', version: "c" + string(rune('0'+number)), export: 'E'}, raw: raw}
	out.Block, out.KCV = h.seal(k), k.kcv(6)
	return out, nil
}

// startControl serves the console for testers on loopback.
func (h *HSM) startControl() error {
	ln, err := net.Listen("tcp", h.o.Control)
	if err != nil {
		return fmt.Errorf("simulated HSM: control: %w", err)
	}
	h.WebAddr = ln.Addr().String()
	mux := http.NewServeMux()
	state := func(w http.ResponseWriter) {
		h.mu.Lock()
		defer h.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"lmk": h.lmkKCV(), "authorised": h.authorised, "connections": len(h.conns), "commands": h.counts, "faults": h.faults})
	}
	read := func(w http.ResponseWriter, r *http.Request, v any) bool {
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return false
		}
		return true
	}
	mux.HandleFunc("GET /api/state", func(w http.ResponseWriter, _ *http.Request) { state(w) })
	mux.HandleFunc("POST /api/faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if !read(w, r, &f) {
			return
		}
		if err := h.Arm(f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		state(w)
	})
	mux.HandleFunc("DELETE /api/faults", func(w http.ResponseWriter, _ *http.Request) { h.ClearFaults(); state(w) })
	mux.HandleFunc("POST /api/disconnect", func(w http.ResponseWriter, _ *http.Request) { h.DropConnections(); state(w) })
	mux.HandleFunc("POST /api/authorise", func(w http.ResponseWriter, r *http.Request) {
		var v struct {
			On bool `json:"on"`
		}
		if read(w, r, &v) {
			h.Authorise(v.On)
			state(w)
		}
	})
	mux.HandleFunc("POST /api/components", func(w http.ResponseWriter, r *http.Request) {
		var v struct {
			Number    int    `json:"number"`
			Algorithm string `json:"algorithm"`
			Clear     string `json:"clear"`
		}
		if !read(w, r, &v) {
			return
		}
		c, err := h.EnterComponent(v.Number, v.Algorithm, v.Clear)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(c)
	})
	h.web = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	h.wg.Go(func() {
		if err := h.web.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			h.o.Log.Error("control", "error", err.Error())
		}
	})
	return nil
}
