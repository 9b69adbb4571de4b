package bankhost

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // some hosts have nothing else
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tjfoc/gmsm/sm4"

	"zhigui/server/api/paycrypto/keyblock"
)

// Cipher is the other side of encrypted fields or messages (docs/interfaces.md §7), written from their description
// and sharing no code with the server. It serves as the bank's side of a link, and as a partner's.
type Cipher struct {
	Fields []int    // 8583 numbers, of the native dialect
	Names  []string // canonical names, of any other
	Into   int      // default 62
	Body   bool
	Carry  string // base64, hex or binary
	As     string // text, json or xml

	keys  atomic.Pointer[[]DataKeys] // the newest last
	fault atomic.Pointer[string]

	Opened atomic.Int64 // envelopes
}

// DataKeys are the two keys of one version: S (SM4), A (AES) or T (3DES), 16 bytes each.
type DataKeys struct {
	Alg       byte
	Data, MAC []byte
}

// Use makes keys the newest; those before stay good.
func (c *Cipher) Use(k DataKeys) {
	all := []DataKeys{k}
	if old := c.keys.Load(); old != nil {
		all = []DataKeys{(*old)[len(*old)-1], k}
	}
	c.keys.Store(&all)
}

// Fault spoils what this side seals from now on: key (one that the other side does not have), change (a bit of the
// ciphertext), clear (nothing is encrypted), short (cut off); empty: none.
func (c *Cipher) Fault(name string) { c.fault.Store(&name) }

// Faulty tells whether this fault is on.
func (c *Cipher) Faulty(name string) bool {
	f := c.fault.Load()
	return f != nil && *f == name
}

var errCipher = errors.New("bankhost: an encrypted message cannot be opened")

func (k DataKeys) block() cipher.Block {
	var b cipher.Block
	switch k.Alg {
	case 'S':
		b, _ = sm4.NewCipher(k.Data)
	case 'A':
		b, _ = aes.NewCipher(k.Data)
	default:
		b, _ = des.NewTripleDESCipher(append(bytes.Clone(k.Data), k.Data[:8]...))
	}
	return b
}

// id is the check value: zeros encrypted, of AES the CMAC of a block of zeros.
func (k DataKeys) id() []byte {
	b := k.block()
	if k.Alg == 'A' {
		return cmac(b, make([]byte, 16))[:3]
	}
	out := make([]byte, b.BlockSize())
	b.Encrypt(out, out)
	return out[:3]
}

func (k DataKeys) mac(data []byte) []byte {
	if k.Alg == 'A' {
		b, _ := aes.NewCipher(k.MAC)
		return cmac(b, data)
	}
	z, _ := newZone(Zone{SM4: k.Alg == 'S', PIK: k.MAC, MAK: k.MAC})
	return z.macBytes(data)
}

// cmac is NIST SP 800-38B.
func cmac(b cipher.Block, data []byte) []byte {
	double := func(in []byte) []byte {
		out, carry := make([]byte, 16), byte(0)
		for i := 15; i >= 0; i-- {
			out[i] = in[i]<<1 | carry
			carry = in[i] >> 7
		}
		if carry == 1 {
			out[15] ^= 0x87
		}
		return out
	}
	l := make([]byte, 16)
	b.Encrypt(l, l)
	mask := double(l)
	n := (len(data) + 15) / 16
	last := bytes.Clone(data)
	if n == 0 || len(data)%16 != 0 {
		mask = double(mask)
		last = append(last, 0x80)
		n = (len(last) + 15) / 16
		last = append(last, make([]byte, n*16-len(last))...)
	}
	for i := range 16 {
		last[(n-1)*16+i] ^= mask[i]
	}
	state := make([]byte, 16)
	for i := range n {
		for j := range 16 {
			state[j] ^= last[16*i+j]
		}
		b.Encrypt(state, state)
	}
	return state
}

func covered(alg byte, id, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body))) //nolint:gosec // a message
	out = append(out, 'Z', 'E', '1', alg)
	out = append(out, id...)
	out = append(out, 0, 0, 0, 0, 0)
	return append(out, body...)
}

// Seal makes an envelope of plain, under the keys with a name, or the newest.
func (c *Cipher) Seal(plain []byte, id []byte) []byte {
	all := *c.keys.Load()
	k := all[len(all)-1]
	for _, o := range all {
		if id != nil && bytes.Equal(o.id(), id) {
			k = o
		}
	}
	if c.Faulty("key") {
		k.Data = append(k.Data[1:16:16], k.Data[0]^0x42)
	}
	b := k.block()
	n := b.BlockSize()
	text := append(bytes.Clone(plain), 0x80)
	for len(text)%n != 0 {
		text = append(text, 0)
	}
	iv := make([]byte, n)
	_, _ = rand.Read(iv)
	cipher.NewCBCEncrypter(b, iv).CryptBlocks(text, text)
	body := append(iv, text...)
	body = append(body, k.mac(covered(k.Alg, k.id(), body))...)
	if c.Faulty("change") {
		body[n+3] ^= 0x10
	}
	if c.Faulty("short") {
		body = body[:len(body)-n]
	}
	switch c.Carry {
	case "binary":
		return append(append([]byte{'Z', 'E', '1', k.Alg}, k.id()...), body...)
	case "hex":
		return fmt.Appendf(nil, "ZE1.%c.%X.%X", k.Alg, k.id(), body)
	}
	return fmt.Appendf(nil, "ZE1.%c.%X.%s", k.Alg, k.id(), base64.StdEncoding.EncodeToString(body))
}

// Open takes an envelope apart; id names its keys.
func (c *Cipher) Open(env []byte) (plain, id []byte, err error) {
	var alg byte
	var body []byte
	if c.Carry == "binary" {
		if len(env) < 7 || string(env[:3]) != "ZE1" {
			return nil, nil, errCipher
		}
		alg, id, body = env[3], env[4:7], env[7:]
	} else {
		p := strings.SplitN(string(env), ".", 4)
		if len(p) != 4 || p[0] != "ZE1" || len(p[1]) != 1 {
			return nil, nil, errCipher
		}
		alg = p[1][0]
		id, _ = hex.DecodeString(p[2])
		if c.Carry == "hex" {
			body, err = hex.DecodeString(p[3])
		} else {
			body, err = base64.StdEncoding.DecodeString(p[3])
		}
		if err != nil {
			return nil, nil, errCipher
		}
	}
	for _, k := range *c.keys.Load() {
		if k.Alg != alg || !bytes.Equal(k.id(), id) {
			continue
		}
		b := k.block()
		n := b.BlockSize()
		if len(body) < 3*n || len(body)%n != 0 || !bytes.Equal(k.mac(covered(alg, id, body[:len(body)-n])), body[len(body)-n:]) {
			return nil, nil, errCipher
		}
		text := bytes.Clone(body[n : len(body)-n])
		cipher.NewCBCDecrypter(b, body[:n]).CryptBlocks(text, text)
		text = bytes.TrimRight(text, "\x00")
		if len(text) == 0 || text[len(text)-1] != 0x80 {
			return nil, nil, errCipher
		}
		c.Opened.Add(1)
		return text[:len(text)-1], id, nil
	}
	return nil, nil, errCipher
}

func (c *Cipher) into() int {
	if c.Into == 0 {
		return 62
	}
	return c.Into
}

// Box and Unbox are how an envelope stands as a whole message.
func (c *Cipher) Box(env []byte) []byte {
	switch c.As {
	case "json":
		return fmt.Appendf(nil, `{"envelope": "%s"}`, env)
	case "xml":
		return fmt.Appendf(nil, "<?xml version=\"1.0\"?>\n<envelope>%s</envelope>", env)
	}
	return env
}

// Unbox is its inverse.
func (c *Cipher) Unbox(body []byte) []byte {
	switch c.As {
	case "json":
		var v map[string]string
		_ = json.Unmarshal(body, &v)
		return []byte(v["envelope"])
	case "xml":
		_, s, _ := strings.Cut(string(body), "<envelope>")
		s, _, _ = strings.Cut(s, "</envelope>")
		return []byte(s)
	}
	return body
}

// sealed is a wire whose messages are encrypted.
type sealed struct {
	wire
	c *Cipher
}

// overlay is a message with values that were encrypted.
type overlay struct {
	message
	f map[int][]byte
}

func (m overlay) raw(n int) []byte {
	if v, ok := m.f[n]; ok {
		return v
	}
	return m.message.raw(n)
}

func (m overlay) text(n int) string {
	if v, ok := m.f[n]; ok {
		return string(v)
	}
	return m.message.text(n)
}

func (s sealed) native() bool { _, ok := s.wire.(native); return ok }

func (s sealed) read(r *bufio.Reader) ([]byte, error) {
	if !s.c.Body || !s.native() {
		return s.wire.read(r)
	}
	var d [4]byte
	if _, err := io.ReadFull(r, d[:]); err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(string(d[:]))
	if err != nil || n < 0 {
		return nil, errFrame
	}
	body := make([]byte, n)
	_, err = io.ReadFull(r, body)
	return body, err
}

func (s sealed) open(h *Host, body []byte) (message, *zone, error) {
	var id []byte
	if s.c.Body {
		plain, k, err := s.c.Open(s.c.Unbox(body))
		if err != nil {
			return nil, nil, err
		}
		m, z, err := s.wire.open(h, plain)
		return m, z.named(k), err
	}
	m, z, err := s.wire.open(h, body)
	if err != nil {
		return m, z, err
	}
	env := m.raw(s.c.into())
	if !bytes.HasPrefix(env, []byte("ZE1")) {
		for _, n := range s.numbers() {
			if len(m.raw(n)) > 0 {
				return m, nil, fmt.Errorf("%w: field %d is in the clear", errCipher, n)
			}
		}
		return m, z, nil
	}
	plain, id, err := s.c.Open(env)
	if err != nil {
		return m, nil, nil //nolint:nilerr // answered A0
	}
	over := overlay{m, map[int][]byte{s.c.into(): nil}}
	if s.native() {
		for b := plain; len(b) >= 3; {
			n := int(binary.BigEndian.Uint16(b[1:]))
			if len(b) < 3+n {
				return m, nil, nil
			}
			over.f[int(b[0])] = b[3 : 3+n]
			b = b[3+n:]
		}
	} else {
		var v map[string]string
		if json.Unmarshal(plain, &v) != nil {
			return m, nil, nil
		}
		for n, name := range names {
			if x, ok := v[name]; ok {
				over.f[n] = []byte(x)
			}
		}
	}
	return over, z.named(id), nil
}

// named is z with the name of the data keys that the request came under.
func (z *zone) named(id []byte) *zone {
	if z == nil {
		return nil
	}
	out := *z
	out.dataID = id
	return &out
}

func (s sealed) numbers() []int {
	out := slices.Clone(s.c.Fields)
	for n, name := range names {
		if !s.native() && slices.Contains(s.c.Names, name) {
			out = append(out, n)
		}
	}
	if !slices.Contains(out, s.c.into()) {
		out = append(out, s.c.into())
	}
	return out
}

func (s sealed) seal(h *Host, z *zone, body []byte, f *[129]string, badMAC bool) ([]byte, error) {
	if s.c.Faulty("clear") {
		return s.wire.seal(h, z, body, f, badMAC)
	}
	if s.c.Body {
		plain, _, _ := s.c.Open(s.c.Unbox(body))
		out, err := s.wire.seal(h, z, plain, f, badMAC)
		if err != nil {
			return nil, err
		}
		env := s.c.Box(s.c.Seal(s.wire.bare(out), z.dataID))
		if s.native() {
			return append(fmt.Appendf(nil, "%04d", len(env)), env...), nil
		}
		fr := &s.wire.(foreign).d.Frame
		return fr.Finish(append(fr.Begin(nil), env...), 0)
	}
	var plain []byte
	v := map[string]string{}
	for _, n := range s.numbers() {
		if f[n] != "" {
			plain = append(binary.BigEndian.AppendUint16(append(plain, byte(n)), uint16(len(f[n]))), f[n]...) //nolint:gosec // a field
			v[names[n]] = f[n]
			f[n] = ""
		}
	}
	if len(plain) > 0 {
		if !s.native() {
			plain, _ = json.Marshal(v)
		}
		f[s.c.into()] = string(s.c.Seal(plain, z.dataID))
	}
	return s.wire.seal(h, z, body, f, badMAC)
}

// RekeyData makes new data keys of alg and sends them to the acquirer as TR-31 key blocks under kek (0800, F70 101,
// F48 DK data | MAC). From its answer on both sides may use them; what comes under the ones before is good.
func (h *Host) RekeyData(kek []byte, alg byte) error {
	k := DataKeys{Alg: alg, Data: make([]byte, 16), MAC: make([]byte, 16)}
	_, _ = rand.Read(k.Data)
	_, _ = rand.Read(k.MAC)
	version, letter, use := byte('B'), map[byte]byte{'S': '4', 'A': 'A', 'T': 'T'}[alg], map[byte]string{'S': "M1", 'A': "M6", 'T': "M3"}[alg]
	if len(kek) > 16 {
		version = 'D'
	}
	d, err := keyblock.Wrap(kek, keyblock.Header{Version: version, Usage: "D0", Algorithm: letter, Mode: 'B', KeyVersion: "00", Export: 'E'}, k.Data)
	if err != nil {
		return err
	}
	m, err := keyblock.Wrap(kek, keyblock.Header{Version: version, Usage: use, Algorithm: letter, Mode: 'C', KeyVersion: "00", Export: 'E'}, k.MAC)
	if err != nil {
		return err
	}
	now := time.Now().In(time.FixedZone("CST", 8*3600))
	var f [129]string
	f[0], f[7], f[11], f[33], f[48], f[53], f[70], f[128] = "0800", now.Format("0102150405"), fmt.Sprintf("%06d", now.UnixMilli()%1000000), "00010000", "DK"+d+"|"+m, "2600000000000000", "101", "00000000"
	h.o.Cipher.Use(k) // before they are sent: the acquirer may use them at once
	if h.tell(&f) == 0 {
		return errors.New("bankhost: no link")
	}
	return nil
}
