package trade

import (
	"errors"

	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
)

// undisclosed is the code for a partner's message whose encryption is not right, "" when it is none or there
// is nothing to answer to.
func (z *Channel) undisclosed(err error) string {
	var c *link.CipherError
	if !errors.As(err, &c) || !c.Rest {
		return ""
	}
	z.e.o.Log.Warn("an encrypted message was refused", "channel", z.o.Name, "error", err.Error())
	if c.Away {
		z.health.refused(&z.health.broken, FaultModule, "")
		return rcSystem
	}
	z.e.count.macErrors.Add(1)
	z.health.refused(&z.health.mac, FaultCipher, "")
	return rcMAC
}

// zeros is the IV of an envelope, whose first block is random.
var zeros [16]byte

// block is the size of the blocks of a zone's data keys.
func (z *Channel) block() int {
	if z.o.Zone == Zone3DES {
		return 8
	}
	return 16
}

// open decrypts what a message carries encrypted. It is done after the MAC is right. Fields that should
// have been encrypted are refused in the clear, unless the channel takes the old layout.
func (z *Channel) open(w *work) string {
	secret := w.in.Envelope()
	if secret == nil {
		for _, n := range z.secret {
			if !z.o.Clear && w.in.Has(n) {
				z.health.refused(&z.health.mac, FaultCipher, w.term.ID)
				z.e.o.Log.Warn("a field that must be encrypted came in the clear", "terminal", w.term.ID, "field", n)
				return rcFormat
			}
		}
		return ""
	}
	plain, err := z.e.hsm.DecryptData(w.blob[:0], w.key, zeros[:z.block()], secret)
	defer clear(plain)
	switch {
	case errors.Is(err, hsm.ErrNoKey), len(secret)%z.block() != 0:
		return rcFormat
	case err != nil:
		z.e.o.Log.Error("encrypted fields not opened", "terminal", w.term.ID, "error", err.Error())
		return rcSystem
	case w.in.Disclose(plain, z.block()) != nil:
		return rcFormat
	}
	return ""
}

// enclose encrypts the answer's fields for a terminal that has a data key.
func (z *Channel) enclose(w *work) error {
	if !w.keyed || len(z.secret) == 0 {
		return nil
	}
	plain := w.reply.Plain(w.blob[:0], z.secret, z.block())
	if len(plain) == 0 {
		return nil
	}
	secret, err := z.e.hsm.EncryptData(nil, w.key, zeros[:z.block()], plain)
	clear(plain)
	if errors.Is(err, hsm.ErrNoKey) && z.o.Clear { // it signed in for two keys
		return nil
	}
	if err != nil {
		return err
	}
	return w.reply.Enclose(z.secret, secret)
}
