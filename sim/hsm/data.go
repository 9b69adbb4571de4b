package hsm

import (
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"strings"
)

func (h *HSM) encryptData(r *request) (string, []byte) { return h.data(r, false) }

func (h *HSM) decryptData(r *request) (string, []byte) { return h.data(r, true) }

// data is M0 and M2: mode 00 is ECB, 01 CBC; binary in and out. With CBC the IV of what would follow
// comes back before the length.
func (h *HSM) data(r *request, decrypt bool) (string, []byte) {
	mode, formats, kind := r.take(2), r.take(2), r.take(3)
	if mode != "00" && mode != "01" {
		return "02", nil
	}
	if formats != "00" || kind != "FFF" {
		return "15", nil
	}
	k, code := h.keyed(r, "D")
	if code != "00" {
		return code, nil
	}
	c := k.cipher()
	n := c.BlockSize()
	var iv []byte
	if mode == "01" {
		iv = r.hex(2 * n)
	}
	in := []byte(r.take(r.number(4, 16)))
	switch {
	case r.bad:
		return "15", nil
	case len(in) == 0 || len(in)%n != 0:
		return "80", nil
	}
	if mode == "00" {
		return "00", append(fmt.Appendf(nil, "%04X", len(in)), ecb(c, in, decrypt)...)
	}
	out, next := make([]byte, len(in)), in
	if decrypt {
		cipher.NewCBCDecrypter(c, iv).CryptBlocks(out, in)
	} else {
		cipher.NewCBCEncrypter(c, iv).CryptBlocks(out, in)
		next = out
	}
	return "00", append(fmt.Appendf(nil, "%s%04X", strings.ToUpper(hex.EncodeToString(next[len(next)-n:])), len(in)), out...)
}
