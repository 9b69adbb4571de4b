package hostlink

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/api/paycrypto"
	programs "zhigui/sim/peer"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/session"
)

// secretive makes the link of a rig encrypt.
func secretive(t *testing.T, l *Link, p *peer) *paycrypto.Key {
	t.Helper()
	k, err := paycrypto.NewKey(paycrypto.DES, bytes.Repeat([]byte{0x56, 0x78}, 8))
	if err != nil {
		t.Fatal(err)
	}
	if l.secret, err = l.dialect.Enclosed([]string{"private", "track2"}); err != nil {
		t.Fatal(err)
	}
	l.pad.(*pad).tdk, p.keys = k, 60
	return k
}

// req: TX-28
func TestTheIdentityOfANewCardLeavesTheTerminalEncrypted(t *testing.T) {
	const who = "110101199003070000|13800000000|Li Lei"
	var k *paycrypto.Key
	lines := strings.Repeat("1122093000|WD|D|30000|970000;", 12)
	link, p, _ := rig(t, func(q, a *message.Message) (bool, bool) {
		frame, _, _ := q.Pack(nil)
		if q.Has(35) || bytes.Contains(frame, []byte("110101")) || bytes.Contains(frame, []byte("Li Lei")) {
			t.Error("it is on the line in the clear")
		}
		plain, err := k.CBC(nil, make([]byte, 8), q.Envelope(), true)
		if err != nil || q.Disclose(plain, 8) != nil || q.String(62) != who || q.String(35) != withdrawal.Card.Track2 {
			t.Errorf("the envelope does not hold it (%v)", err)
		}
		approve(q, a)
		_ = a.SetString(62, lines)
		secret, _ := k.CBC(nil, make([]byte, 8), a.Plain(nil, []int{62}, 8), false)
		_ = a.Enclose([]int{62}, secret)
		return true, true
	})
	k = secretive(t, link, p)
	r := link.Transact(context.Background(), Request{Type: book.TypeCardIssue, Card: withdrawal.Card, PinBlock: make([]byte, 8), Private: []byte(who), Session: "s"})
	if r.Host != book.HostApproved || string(r.Private) != lines {
		t.Errorf("%s %q %v", r.Host, r.Private, r.Err)
	}
	if keys := strings.Join(link.pad.(*pad).keys, " "); keys != "TPK TAK TDK" {
		t.Error("keys loaded:", keys)
	}
}

func TestAnAnswerWhoseEnvelopeDoesNotOpenIsNoAnswer(t *testing.T) {
	link, p, _ := rig(t, func(q, a *message.Message) (bool, bool) {
		approve(q, a)
		_ = a.Enclose(nil, bytes.Repeat([]byte{7}, 24))
		return true, true
	})
	secretive(t, link, p)
	r := link.Transact(context.Background(), Request{Type: "balance", Card: session.Card{PAN: withdrawal.Card.PAN, Track2: withdrawal.Card.Track2}, PinBlock: make([]byte, 8), Session: "s"})
	if r.Host != book.HostUnknown {
		t.Errorf("%s %v", r.Host, r.Err)
	}
}

func TestOpensslDecryptsWhatThePINPadEncryptedBlockByBlock(t *testing.T) {
	openssl := programs.Program(t, "openssl", "openssl")
	link, p, _ := rig(t, approve)
	secretive(t, link, p)
	plain := []byte("0123456789ABCDEF and so on: 40 bytes....")
	secret, err := link.encrypt(context.Background(), plain)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(openssl, "enc", "-d", "-des-ede-cbc", "-nopad", "-K", strings.Repeat("5678", 8), "-iv", "0000000000000000")
	cmd.Stdin = bytes.NewReader(secret)
	if out, err := cmd.Output(); err != nil || !bytes.Equal(out, plain) {
		t.Errorf("%q %v", out, err)
	}
	if back, err := link.decrypt(context.Background(), secret); err != nil || !bytes.Equal(back, plain) {
		t.Errorf("%q %v", back, err)
	}
}
