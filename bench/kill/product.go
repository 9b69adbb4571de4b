package kill

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
	ej "zhigui/terminal/api/journal"
)

// products is what the journal says of cards, stock and passbooks.
type products struct {
	Stock   int  // blank cards, by the stock's ledger
	CardOut bool // one has left the stacker and is not booked out
	Alarms  map[string]int
	// Prints are the entries into passbooks, in order.
	Prints []print
	Signed []string          // what customers signed, by digest
	Cases  map[string]string // how each ended, "" for one that is open
	Counts map[string]int    // who set which count of unit1, and how often
}

// print is one BOOK_PRINTING, and whether BOOK_PRINTED followed.
type print struct {
	From, To, Line int
	Done           bool
}

func (l *ledger) product(r ej.Record) {
	var d struct {
		Kind, Item     string
		SM3            string
		After          int
		Not            bool
		Number, Ended  string
		By             string
		From, To, Line int
	}
	_ = json.Unmarshal(r.Data, &d)
	switch r.Kind {
	case ej.CardDrawn:
		l.CardOut = !d.Not
	case ej.Stock:
		l.Stock = d.After
		if d.By == "platform" {
			l.CardOut = false
		}
	case ej.Alarm:
		if l.Alarms == nil {
			l.Alarms = map[string]int{}
		}
		l.Alarms[d.Kind]++
	case ej.Case:
		if l.Cases == nil {
			l.Cases = map[string]string{}
		}
		l.Cases[d.Number] = d.Ended
	case ej.Signed:
		l.Signed = append(l.Signed, d.SM3)
	case ej.Counts:
		l.counts(r.Data)
	case ej.BookPrinting:
		l.Prints = append(l.Prints, print{From: d.From, To: d.To, Line: d.Line})
	case ej.BookPrinted:
		l.Prints[len(l.Prints)-1].Done = true
	}
}

// newProducts is a branch that issues cards and updates passbooks.
func newProducts(t *testing.T, zone string) *branch {
	t.Helper()
	b := start(t, scene.Options{Also: []string{"cards", "idreader", "passbook"}, Zone: zone})
	b.service, b.module, b.model = "cardIssue", "cards", "creatorcrt591"
	b.waitReady()
	b.stockUp(50) // the scene's first filling
	return b
}

// atPassbook makes the passbook printer what is hit.
func (b *branch) atPassbook() { b.service, b.module, b.model = "passbook", "passbook", "olivettipr2" }

func (b *branch) manager() robot.Manager {
	return robot.Manager{URL: fmt.Sprintf("http://127.0.0.1:%d/v2/api", b.Ports.Manage), Name: "manager", Password: scene.Users[2].Password}
}

// state reads what a virtual device has saved: what its View does not show.
func (b *branch) state(device, file string, v any) error {
	raw, err := os.ReadFile(filepath.Join(b.dir, "devices", device, file))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// productsQuiet takes a passbook that sticks out and fails while a card or a book is inside.
func (b *branch) productsQuiet() error {
	if b.model != "creatorcrt591" && b.model != "olivettipr2" {
		return nil
	}
	var card, book struct{ Physical struct{ Position string } }
	_ = b.desk.Devices.Do("passbook", "takePassbook", nil) // only if one sticks out
	err := errors.Join(b.desk.Devices.State("cards", &card), b.desk.Devices.State("passbook", &book))
	if err == nil && card.Physical.Position != "" {
		err = errors.New("a new card is at " + card.Physical.Position)
	}
	if err == nil && book.Physical.Position != "outside" {
		err = errors.New("the passbook is " + book.Physical.Position)
	}
	return err
}

func (b *branch) checkProducts() {
	if b.model == "creatorcrt591" || b.model == "olivettipr2" {
		b.checkCards()
		b.checkPassbook()
	}
}

// accounts are the bank's, by card number.
func (b *branch) accounts() (map[string]account, error) {
	var list []account
	if err := robot.GetJSON(fmt.Sprintf("http://127.0.0.1:%d/api/accounts", b.Ports.HostControl), &list); err != nil {
		return nil, err
	}
	out := map[string]account{}
	for _, a := range list {
		out[a.Card] = a
	}
	return out, nil
}

type account struct {
	Card, Status string
	Seq, Printed int
}

// eventually repeats a comparison of books that the server may still be working on.
func (b *branch) eventually(f func() []string) {
	b.t.Helper()
	var wrong []string
	_ = robot.Until(30*time.Second, func() error {
		b.revive()
		if wrong = f(); len(wrong) > 0 {
			return errors.New("not yet")
		}
		return nil
	})
	if len(wrong) > 0 {
		b.t.Error(strings.Join(wrong, "\n"))
	}
}
