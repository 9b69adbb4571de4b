package bankhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sort"
	"time"
)

// startControl serves the HTTP control: scenarios, ledger, accounts, invariants. It is for
// testers on loopback; card numbers are shown whole, as these are invented.
func (h *Host) startControl() error {
	ln, err := net.Listen("tcp", h.o.Control)
	if err != nil {
		return fmt.Errorf("bankhost: control: %w", err)
	}
	h.WebAddr = ln.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/scenario", func(w http.ResponseWriter, _ *http.Request) { reply(w, h.sc.all()) })
	mux.HandleFunc("POST /api/scenario", func(w http.ResponseWriter, r *http.Request) {
		var s Scenario
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil || !scenarioKinds[s.Kind] || s.Count < 0 || s.MS < 0 {
			http.Error(w, "kind must be decline, noAnswer, lost, late, delay, twice, badMac, badChip or disconnect", http.StatusBadRequest)
			return
		}
		reply(w, h.sc.add(s))
	})
	mux.HandleFunc("DELETE /api/scenario", func(w http.ResponseWriter, _ *http.Request) {
		h.sc.clear()
		reply(w, h.sc.all())
	})
	mux.HandleFunc("POST /api/disconnect", func(w http.ResponseWriter, _ *http.Request) {
		h.dropLinks()
		reply(w, map[string]bool{"ok": true})
	})
	mux.HandleFunc("GET /api/accounts", func(w http.ResponseWriter, _ *http.Request) { reply(w, h.Accounts()) })
	mux.HandleFunc("GET /api/ledger", func(w http.ResponseWriter, _ *http.Request) { reply(w, h.Operations()) })
	mux.HandleFunc("GET /api/invariants", func(w http.ResponseWriter, _ *http.Request) { reply(w, h.l.invariants()) })
	mux.HandleFunc("GET /api/book", func(w http.ResponseWriter, r *http.Request) {
		b, err := h.Book(r.URL.Query().Get("format"), r.URL.Query().Get("day"), r.URL.Query()["spoil"]...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(b)
	})
	mux.HandleFunc("POST /api/day", func(w http.ResponseWriter, r *http.Request) {
		day := r.URL.Query().Get("day")
		if len(day) != 4 {
			http.Error(w, "day must be MMDD", http.StatusBadRequest)
			return
		}
		reply(w, map[string]int{"told": h.CutOver(day)})
	})
	h.web = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	h.wg.Go(func() {
		if err := h.web.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			h.o.Log.Error("control", "error", err.Error())
		}
	})
	return nil
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Accounts lists the accounts, demo cards first.
func (h *Host) Accounts() []Account {
	h.l.mu.Lock()
	defer h.l.mu.Unlock()
	out := make([]Account, 0, len(h.l.accounts))
	for _, a := range h.l.accounts {
		out = append(out, *a)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Card < out[j].Card })
	if len(out) > 200 {
		out = out[:200]
	}
	return out
}

// Operation is one booked or refused withdrawal as the host sees it.
type Operation struct {
	Entry
	Reversed bool  `json:"reversed"`
	Back     int64 `json:"back"` // taken back
}

// Operations lists withdrawals by time, the latest 5000.
func (h *Host) Operations() []Operation {
	h.l.mu.Lock()
	defer h.l.mu.Unlock()
	out := make([]Operation, 0, len(h.l.ops))
	for _, o := range h.l.ops {
		e := o.e
		e.PIN = ""
		out = append(out, Operation{e, o.reversed, o.back})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
	return out[max(0, len(out)-5000):]
}

// Check returns the state of the books.
func (h *Host) Check() Invariants { return h.l.invariants() }

// Arm adds a scenario.
func (h *Host) Arm(s Scenario) { h.sc.add(s) }

// Disarm clears all scenarios but those by amount.
func (h *Host) Disarm() { h.sc.clear() }
