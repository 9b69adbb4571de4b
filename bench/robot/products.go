package robot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"time"
)

// Manager is the lobby manager with a Pad: approves whatever the counter asks.
type Manager struct{ URL, Name, Password string } // URL of the management API

func (m Manager) call(ctx context.Context, c *http.Client, method, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, m.URL+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(&struct{ Data any }{out})
}

// approves signs in and approves the next request; a server that is away is asked again.
func (m Manager) approves(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c := &http.Client{Jar: jar, Timeout: 5 * time.Second}
	in := false
	for ctx.Err() == nil {
		err := func() error {
			if !in {
				if err := m.call(ctx, c, http.MethodPost, "/session", obj{"name": m.Name, "password": m.Password}, nil); err != nil {
					return err
				}
				in = true
			}
			var list []struct{ ID string }
			if err := m.call(ctx, c, http.MethodGet, "/approvals?pending=true", nil, &list); err != nil {
				return err
			}
			if len(list) == 0 {
				return errors.New("nothing is asked")
			}
			return m.call(ctx, c, http.MethodPost, "/approvals/"+list[0].ID+"/approve", obj{"password": m.Password, "seenInPerson": true}, nil)
		}()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// Issue is one customer's visit for a new card, as far as it came.
type Issue struct {
	Txn     string
	Outcome string // of the bank
	Taken   bool   // the customer has taken the card
	Handed  error  // how X-Card.HandOver completed; nil is success
	Asked   bool   // HandOver was sent
}

// NewCard is a visit for a new card of the person whose identity card has that name. What a
// customer does with the card is Manner's business, as with notes.
func (d Desk) NewCard(ctx context.Context, m Manager, person, pin string, manner Manner) (v Issue, err error) {
	s, live, end, err := d.begin(ctx, "cardIssue")
	if err != nil {
		return v, err
	}
	defer end()
	if err := d.showIdentity(ctx, s, person); err != nil {
		return v, err
	}
	if err := s.sign(ctx, "card-agreement/1"); err != nil {
		return v, err
	}
	var ok struct{ Approval, Decision string }
	go func() { _ = m.approves(live) }() // the request below ends, whatever becomes of this
	if err := s.platform.Call(ctx, "X-Pad.Request", obj{"kind": "cardIssue"}, &ok); err != nil {
		return v, err
	}
	if err := s.platform.Call(ctx, "X-Card.Draw", nil, nil); err != nil {
		return v, err
	}
	for _, slot := range []string{"new", "confirm"} {
		if err := d.typePIN(ctx, s, pin, slot); err != nil {
			return v, err
		}
	}
	var res struct{ Txn, Outcome string }
	if err := s.platform.Call(ctx, "X-Host.Transact", obj{"type": "cardIssue", "phone": "13800000000", "approval": ok.Approval}, &res); err != nil {
		return v, err
	}
	v.Txn, v.Outcome = res.Txn, res.Outcome
	if v.Outcome != "approved" || manner == GoesBefore {
		return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "canceled"}, nil)
	}
	v.Asked = true
	took := make(chan error, 1)
	go func() { took <- s.platform.Call(ctx, "X-Card.HandOver", nil, nil) }()
	for v.Handed = errors.New("no completion"); ; {
		select {
		case v.Handed = <-took:
			if v.Handed != nil {
				return v, v.Handed
			}
			return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil)
		case <-time.After(20 * time.Millisecond):
			if manner == Takes && !v.Taken {
				v.Taken = d.Devices.Do("cards", "takeCard", nil) == nil
			}
		}
	}
}

func (d Desk) showIdentity(ctx context.Context, s services, person string) error {
	_ = d.Devices.Do("idreader", "removeCard", nil) // of the customer before
	read := make(chan error, 1)
	go func() { read <- s.platform.Call(ctx, "X-Identity.Read", nil, nil) }()
	if err := Until(20*time.Second, func() error { return d.Devices.Do("idreader", "placeCard", obj{"card": person}) }); err != nil {
		return err
	}
	err := <-read
	_ = d.Devices.Do("idreader", "removeCard", nil)
	return err
}

// Update is one customer's update of a passbook, as far as it came.
type Update struct {
	Outcome string
	Printed int
}

// Passbook inserts a passbook open at a page and has it updated; a page that is full is turned.
// The book is taken back at the end.
func (d Desk) Passbook(ctx context.Context, book string, page int) (v Update, err error) {
	s, err := d.open(ctx)
	if err != nil {
		return v, err
	}
	defer s.close()
	if err := s.platform.Call(ctx, "X-Session.Begin", obj{"flow": "passbook", "lang": "zh"}, nil); err != nil {
		return v, err
	}
	live, die := context.WithCancel(ctx)
	defer die()
	go s.alive(live)
	put := make(chan error, 1)
	go func() { put <- s.platform.Call(ctx, "X-Passbook.Insert", nil, nil) }()
	err = Until(20*time.Second, func() error {
		select {
		case err := <-put:
			put <- err
			return nil
		default:
			return d.Devices.Do("passbook", "insertPassbook", obj{"book": book, "page": page})
		}
	})
	if err != nil {
		return v, err
	}
	if err := <-put; err != nil {
		return v, err
	}
	go func() { // turns the page when it comes out
		for turn := page + 1; live.Err() == nil; time.Sleep(50 * time.Millisecond) {
			if d.Devices.Do("passbook", "takePassbook", nil) == nil && live.Err() == nil {
				time.Sleep(300 * time.Millisecond) // no hand is faster, and a reader that is asked ten times a second would not see the book go
				if d.Devices.Do("passbook", "insertPassbook", obj{"book": book, "page": turn}) == nil {
					turn++
				}
			}
		}
	}()
	if err := s.platform.Call(ctx, "X-Passbook.Update", nil, &v); err != nil {
		return v, err
	}
	die()
	if err := s.platform.Call(ctx, "X-Passbook.Return", nil, nil); err != nil {
		return v, err
	}
	if err := Until(10*time.Second, func() error { return d.Devices.Do("passbook", "takePassbook", nil) }); err != nil {
		return v, err
	}
	return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil)
}

// Staff signs a person in at the terminal and gives commands of the operator mode.
func (d Desk) Staff(ctx context.Context, name, password string, do func(call func(command string, in, out any) error) error) error {
	s, err := Dial(ctx, d.XFS, "operator", d.Token)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Call(ctx, "X-Operator.SignIn", obj{"name": name, "password": password}, nil); err != nil {
		return err
	}
	err = do(func(command string, in, out any) error { return s.Call(ctx, command, in, out) })
	return errors.Join(err, s.Call(ctx, "X-Operator.SignOut", nil, nil))
}
