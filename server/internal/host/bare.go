package host

import (
	"bytes"
	"errors"

	"zhigui/server/api/message"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
)

var errUnproven = errors.New("the MAC is neither under the present keys nor under the new one")

// rekeyBare takes one new key enciphered under the KEK (the member's master key): F53 begins with 1 (PIN key)
// or 2 (MAC key), F48 is NK, the key (16 bytes) and its check value (4 bytes, or none). A new MAC key may
// prove itself: the message's MAC is under it then, and so is the answer's. Messages under the keys before
// stay good. Single-length keys (F96) are not taken: nothing here is under single DES.
//
// Source: transaction.md §2.3 names fields, codes and the order; the digits of F53 and the bytes of F48 are
// assumptions.
func (h *Host) rekeyBare(m *message.Message, seal link.Seal, trusted bool) (rc string, fresh hsm.Ref) {
	key, ok := bytes.CutPrefix(m.Get(48), []byte("NK"))
	use := map[byte]hsm.Use{'1': hsm.UsePIN, '2': hsm.UseMAC}[append(m.Get(53), 0)[0]]
	if h.o.KEK == "" || use == 0 || !ok || len(key) != 16 && len(key) != 20 {
		if trusted {
			return "30", fresh
		}
		h.macErrors.Add(1)
		return "A0", fresh
	}
	if !trusted && use != hsm.UseMAC {
		h.macErrors.Add(1)
		return "A0", fresh
	}
	ref, err := h.o.HSM.ImportBare(hsm.Ref{Owner: h.o.Keys, Practice: h.o.Practice}, h.o.KEK, use, key[:16], key[16:], func(mac func([]byte) ([]byte, error)) error {
		if trusted {
			return nil
		}
		if seal.Cover() == nil {
			return errUnproven
		}
		sum, err := mac(seal.Cover())
		if err == nil && !seal.Equals(sum) {
			err = errUnproven
		}
		return err
	})
	switch {
	case errors.Is(err, errUnproven):
		h.macErrors.Add(1)
		return "A0", fresh
	case err != nil:
		h.o.Log.Error("a new key of the host refused", "host", h.o.Name, "error", err.Error())
		return "96", fresh
	}
	h.o.Log.Info("a new key of the host", "host", h.o.Name, "version", ref.Version, "pin", use == hsm.UsePIN)
	if !trusted {
		fresh = ref
	}
	return "00", fresh
}
