package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// req: T-10
func TestNothingOfACustomerSurvivesTheEndOfTheSession(t *testing.T) {
	m := New(nil)
	if _, err := m.Begin("withdraw", "zh", ""); err != nil {
		t.Fatal(err)
	}
	if err := m.SetCard(Card{PAN: "6225880000000001", Track2: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := m.Set("amount", json.RawMessage(`300`)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.End(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Get("amount"); !errors.Is(err, ErrNone) {
		t.Errorf("pool answers after the end: %v", err)
	}
	if _, err := m.Begin("withdraw", "zh", ""); err != nil {
		t.Fatal(err)
	}
	if v, err := m.Get("amount"); err != nil || v != nil {
		t.Errorf("the next customer sees %s, %v", v, err)
	}
	if _, ok := m.Card(); ok {
		t.Error("the next customer has the card of the one before")
	}
}

func TestOnlyOneSessionAtATime(t *testing.T) {
	m := New(nil)
	m.Begin("a", "zh", "")
	if _, err := m.Begin("b", "zh", ""); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

func TestCardNeverPrintsItself(t *testing.T) {
	c := Card{PAN: "6225880000000001", Track2: "6225880000000001=4912"}
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%v %+v %#v", c, c, c)} {
		if strings.Contains(s, "0000000001") {
			t.Errorf("printed %s", s)
		}
	}
}

func TestPoolHasABound(t *testing.T) {
	m := New(nil)
	m.Begin("a", "zh", "")
	if err := m.Set("k", json.RawMessage(strings.Repeat(" ", maxBytes))); !errors.Is(err, ErrPool) {
		t.Errorf("got %v", err)
	}
}
