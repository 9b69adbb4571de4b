package chip

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// byTap is a withdrawal of a customer who holds a card to the antenna; read is what happens when it
// was read.
func (b *counter) byTap(args map[string]any, read func()) (robot.Visit, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	d := b.Desk
	d.Tap, d.WhenRead = map[string]any{"track2": "6225880000000001=49122010000012300000"}, read
	maps.Copy(d.Tap, args)
	v, err := d.Withdraw(ctx, "", "123456", 30000, robot.Takes)
	_ = b.Desk.Devices.Do("card", "removeCard", nil) // it may be away already
	_ = b.Desk.End(ctx)
	return v, err
}

func TestAWithdrawalByTapThroughTheWholeBranch(t *testing.T) {
	b := &counter{t: t, Branch: branch.Start(t, "", scene.Options{Reader: "creatorcrt591"})}
	b.ready()
	before := b.balance()
	lifts := func() { // and holds it there again when it is asked for
		b.do("removeCard", nil)
		time.AfterFunc(2*time.Second, func() { b.do("tapCard", map[string]any{"card": "good"}) })
	}
	for i, read := range []func(){nil, lifts} {
		v, err := b.byTap(map[string]any{"card": "good"}, read)
		if err != nil || !v.Approved {
			t.Fatalf("%d: %+v %v", i, v, err)
		}
		if atc, _ := b.counter(); atc != 2*(i+1) { // the reading, and the transaction
			t.Errorf("the chip counted %d transactions", atc)
		}
		b.equal(before)
	}
	for _, x := range []struct {
		name string
		args map[string]any
		want string
	}{
		{"type B", map[string]any{"air": "B"}, ""},
		{"forged", map[string]any{"chip": "forged"}, "82"},
		{"blocked", map[string]any{"chip": "blocked", "track2": "6225880000000002=49122010000012300000"}, "62"},
		{"expired", map[string]any{"expiry": "2001"}, "54"},
		{"of another scheme", map[string]any{"chip": "foreign"}, "14"},
	} {
		taken := b.given()
		v, err := b.byTap(x.args, nil)
		var e *robot.Error
		switch {
		case x.want == "" && (err != nil || !v.Approved):
			t.Errorf("%s: %+v %v", x.name, v, err)
		case x.want == "82" && (err != nil || v.Outcome != "declined" || v.Code != x.want):
			t.Errorf("%s: %+v %v", x.name, v, err)
		case x.want != "" && x.want != "82" && (!errors.As(err, &e) || e.ErrorCode != "invalidMedia" || !bytes.Contains(e.Payload, []byte(`"responseCode":"`+x.want+`"`))):
			t.Errorf("%s: %+v %v", x.name, v, err)
		case x.want != "" && b.given() != taken:
			t.Errorf("%s: money was given", x.name)
		}
		b.equal(before)
	}
	// The card leaves the antenna anywhere: while it is read, and when it signs the amount.
	leaves := func(after int) func() {
		return func() {
			b.do("armFault", map[string]any{"code": "AIR-LEAVES", "stage": "mid-motion", "times": 1, "after": after})
		}
	}
	for _, x := range []struct {
		name         string
		before, read func()
	}{
		{"its selection", leaves(0), nil}, {"its options", leaves(2), nil}, {"its record", leaves(3), nil},
		{"the selection before the signature", nil, leaves(0)}, {"the signature", nil, leaves(1)},
	} {
		if x.before != nil {
			x.before()
		}
		if v, err := b.byTap(nil, x.read); v.Approved || x.read != nil && (err != nil || v.Outcome != "notSent" || v.Code != "Z2") {
			t.Errorf("left at %s: %+v %v", x.name, v, err)
		}
		b.do("clearFaults", nil)
		b.equal(before)
		b.ready()
	}
	if v, err := b.byTap(map[string]any{"card": "good"}, nil); err != nil || !v.Approved {
		t.Errorf("the next customer: %+v %v", v, err)
	}
	b.equal(before)
}

// do is something that a person does at the card reader.
func (b *counter) do(action string, args map[string]any) {
	if err := b.Desk.Devices.Do("card", action, args); err != nil {
		b.t.Error(action, err)
	}
}

func TestAWithdrawalAtAReaderByHandThroughTheWholeBranch(t *testing.T) {
	b := &counter{t: t, Branch: branch.Start(t, "", scene.Options{Reader: "creatorcrt288k"})}
	b.ready()
	before := b.balance()
	d := b.Desk
	d.Card = map[string]any{"track2": "6225880000000001=49122010000012300000"}
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		v, err := d.Withdraw(ctx, "own", "123456", 30000, robot.Takes)
		cancel()
		if err != nil || !v.Approved {
			t.Fatalf("%+v %v", v, err)
		}
		b.equal(before)
	}
	if atc, last := b.counter(); atc != 2 || last != 2 {
		t.Errorf("the chip counted %d transactions, the last one that its issuer confirmed is %d", atc, last)
	}
}
