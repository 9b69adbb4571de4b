package hostlink

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/server/api/message"
)

// chunk is how much one command of a PIN pad takes with certainty: whole blocks of both zones.
const chunk = 128

func (l *Link) block() int {
	if l.cfg.Zone == ZoneSM4 {
		return 16
	}
	return 8
}

// enclose encrypts the fields of q that must not travel in the clear.
func (l *Link) enclose(ctx context.Context, q *message.Message) error {
	plain := q.Plain(nil, l.secret, l.block())
	if len(plain) == 0 {
		return nil
	}
	defer clear(plain)
	secret, err := l.encrypt(ctx, plain)
	if err != nil {
		return err
	}
	return q.Enclose(l.secret, secret)
}

// disclose puts the fields of an answer back that came encrypted.
func (l *Link) disclose(ctx context.Context, a *message.Message) error {
	secret := a.Envelope()
	if secret == nil {
		return nil
	}
	if len(secret)%l.block() != 0 {
		return errors.New("the answer's encrypted fields are no whole blocks")
	}
	plain, err := l.decrypt(ctx, secret)
	if err != nil {
		return err
	}
	defer clear(plain)
	return a.Disclose(plain, l.block())
}

// encrypt is CBC with an IV of zeros. PIN pads have ECB in common: each block is a command.
func (l *Link) encrypt(ctx context.Context, plain []byte) ([]byte, error) {
	n := l.block()
	out := make([]byte, 0, len(plain))
	last := make([]byte, n)
	for ; len(plain) > 0; plain = plain[n:] {
		subtle.XORBytes(last, last, plain[:n])
		b, err := l.ecb(ctx, "E", last)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
		last = append([]byte(nil), b...)
	}
	return out, nil
}

// decrypt is the inverse of encrypt.
func (l *Link) decrypt(ctx context.Context, secret []byte) ([]byte, error) {
	out := make([]byte, 0, len(secret))
	for at := 0; at < len(secret); at += chunk {
		b, err := l.ecb(ctx, "D", secret[at:min(at+chunk, len(secret))])
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	n := l.block()
	subtle.XORBytes(out[n:], out[n:], secret)
	return out, nil
}

func (l *Link) ecb(ctx context.Context, mode string, data []byte) ([]byte, error) {
	done := l.pad.Run(ctx, pinpad.CmdCryptoData, pinpad.CryptoData{Key: l.keys.tdk, ModeOfUse: mode, Data: data}, nil)
	var out pinpad.CryptoDataResult
	if done.Outcome != api.Done || json.Unmarshal(done.Payload, &out) != nil || len(out.Data) != len(data) {
		l.Missed(done)
		return nil, fmt.Errorf("PIN pad: data encryption: %s %s", done.Code, done.ErrorCode)
	}
	return out.Data, nil
}
