package link

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
)

// An envelope is what a partner's encrypted fields, or a whole message, look like on the line:
//
//	binary: "ZE1" ‖ algorithm (1) ‖ key (3) ‖ IV ‖ ciphertext ‖ MAC
//	text:   ZE1.algorithm.key.body with body = base64 (or hexadecimal) of IV ‖ ciphertext ‖ MAC
//
// algorithm is S (SM4), A (AES) or T (3DES); key is the check value of the data key, by which both sides know
// the version without counting alike. The plain text is filled up with 80 00 … and encrypted in CBC under a
// random IV. The MAC (SM4 CBC-MAC 16 bytes, CMAC 16, X9.19 8) is under the owner's second key, over length (4) ‖
// "ZE1" ‖ algorithm ‖ key ‖ 00 to 16 bytes ‖ IV ‖ ciphertext: it is looked at before anything is decrypted, and the
// length before all of it keeps a MAC by CBC from being extended. The layout is the platform's own.

// DataModule has the data keys (hsm.HSM).
type DataModule interface {
	Current(owner string) (hsm.Ref, error)
	DataKey(key hsm.Ref) (paycrypto.Alg, [3]byte, error)
	EncryptData(dst []byte, key hsm.Ref, iv, plain []byte) ([]byte, error)
	DecryptData(dst []byte, key hsm.Ref, iv, secret []byte) ([]byte, error)
	AppendMAC(dst []byte, key hsm.Ref, data []byte) ([]byte, error)
	Refresh(owners ...string) error
}

// Why an envelope was refused. Nothing of its content is said.
var (
	ErrEnvelope = errors.New("link: not an encrypted message")
	ErrOtherKey = errors.New("link: encrypted under a key that is not known here")
	ErrChanged  = errors.New("link: the MAC of an encrypted message is wrong")
	ErrInClear  = errors.New("link: what must be encrypted came in the clear")
)

// ErrSealing is a message that could not be encrypted: the security module does not answer, or has no key.
var ErrSealing = errors.New("link: not encrypted")

const magic = "ZE1"

var (
	letters = map[paycrypto.Alg]byte{paycrypto.SM4: 'S', paycrypto.AES: 'A', paycrypto.DES: 'T'}
	blockOf = map[byte]int{'S': 16, 'A': 16, 'T': 8} // of the cipher, and the length of the MAC
)

// vault seals and opens envelopes of one owner's keys.
type vault struct {
	m       DataModule
	owner   string
	carry   string // binary, hex or base64
	opened  func() // told of each envelope that was opened; may be nil
	mu      sync.Mutex
	asked   time.Time             // when the last refresh began
	strange map[[3]byte]time.Time // names of keys that a refresh did not bring, and when
}

const (
	// strangers is how many names of unknown keys are remembered for a second.
	strangers = 64
	// pause is between refreshes when there are more of them: so long is a key that is really new held up.
	pause = 20 * time.Millisecond
)

// cover is what the MAC is over.
func cover(alg byte, id [3]byte, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 16+len(body)), uint32(len(body))) //nolint:gosec // a message
	out = append(append(append(out, magic...), alg), id[:]...)
	out = append(out, make([]byte, 16-len(out))...)
	return append(out, body...)
}

// seal encrypts plain under key; a zero key is the newest.
func (v *vault) seal(key hsm.Ref, plain []byte) (_ []byte, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrSealing, err)
		}
	}()
	if key.Version == 0 {
		if key, err = v.m.Current(v.owner); err != nil {
			return nil, err
		}
	}
	alg, id, err := v.m.DataKey(key)
	if err != nil {
		return nil, err
	}
	n := blockOf[letters[alg]]
	padded := append(bytes.Clone(plain), 0x80)
	padded = append(padded, make([]byte, (n-len(padded)%n)%n)...)
	defer clear(padded)
	body := make([]byte, n, 2*n+len(padded)+16)
	_, _ = rand.Read(body) // never fails since Go 1.24
	if body, err = v.m.EncryptData(body, key, body[:n:n], padded); err != nil {
		return nil, err
	}
	mac, err := v.m.AppendMAC(nil, key, cover(letters[alg], id, body))
	if err != nil {
		return nil, err
	}
	return v.write(letters[alg], id, append(body, mac...)), nil
}

func (v *vault) write(alg byte, id [3]byte, body []byte) []byte {
	if v.carry == "binary" {
		return append(append(append([]byte(magic), alg), id[:]...), body...)
	}
	out := fmt.Appendf(nil, "%s.%c.%X.", magic, alg, id)
	if v.carry == "hex" {
		return append(out, strings.ToUpper(hex.EncodeToString(body))...)
	}
	return base64.StdEncoding.AppendEncode(out, body)
}

// read takes an envelope apart.
func (v *vault) read(in []byte) (alg byte, id [3]byte, iv, secret, mac []byte, err error) {
	fail := func() (byte, [3]byte, []byte, []byte, []byte, error) { return 0, id, nil, nil, nil, ErrEnvelope }
	if !bytes.HasPrefix(in, []byte(magic)) {
		return fail()
	}
	var body []byte
	if v.carry == "binary" {
		if len(in) < 7 {
			return fail()
		}
		alg, body = in[3], in[7:]
		copy(id[:], in[4:7])
	} else {
		p := strings.Split(string(in), ".")
		if len(p) != 4 || p[0] != magic || len(p[1]) != 1 || len(p[2]) != 6 {
			return fail()
		}
		alg = p[1][0]
		if _, err := hex.Decode(id[:], []byte(p[2])); err != nil {
			return fail()
		}
		if v.carry == "hex" {
			body, err = hex.DecodeString(p[3])
		} else {
			body, err = base64.StdEncoding.Strict().DecodeString(p[3])
		}
		if err != nil {
			return fail()
		}
	}
	n := blockOf[alg]
	if n == 0 || len(body) < 3*n || len(body)%n != 0 {
		return fail()
	}
	return alg, id, body[:n], body[n : len(body)-n], body[len(body)-n:], nil
}

// open answers what is in an envelope and the key it is under. An error that is none of the four above is
// the module's: nobody can tell.
func (v *vault) open(in []byte) (plain []byte, key hsm.Ref, err error) {
	alg, id, iv, secret, mac, err := v.read(in)
	if err != nil {
		return nil, key, err
	}
	if key, err = v.find(alg, id); err != nil {
		return nil, key, err
	}
	body := append(bytes.Clone(iv), secret...)
	want, err := v.m.AppendMAC(nil, key, cover(alg, id, body))
	if err != nil {
		return nil, key, err
	}
	if subtle.ConstantTimeCompare(want, mac) != 1 {
		return nil, key, ErrChanged
	}
	if plain, err = v.m.DecryptData(nil, key, iv, secret); err != nil {
		return nil, key, err
	}
	end := bytes.LastIndexByte(plain, 0x80)
	if end < 0 || len(plain)-end > len(iv) || len(bytes.TrimRight(plain[end:], "\x00")) != 1 {
		return nil, key, ErrEnvelope
	}
	if v.opened != nil {
		v.opened()
	}
	return plain[:end], key, nil
}

// find is the version of the owner's keys that an envelope names: the newest or the one before; another
// server, or a person, may have brought it since they were last looked at. All that name a key which is not
// known wait for one refresh, which brings whatever there is; a name that was not known after it is asked for
// again a second later. A peer that names more unknown keys than can be remembered has its next refresh a pause
// later, and no message is refused without one: a key that is really new is held up by the pause and no more.
func (v *vault) find(alg byte, id [3]byte) (hsm.Ref, error) {
	if ref, err := v.known(alg, id); !errors.Is(err, ErrOtherKey) {
		return ref, err
	}
	came := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if ref, err := v.known(alg, id); !errors.Is(err, ErrOtherKey) {
		return ref, err // brought by the refresh that this one waited for
	}
	if v.asked.After(came) { // which did not bring it
		return hsm.Ref{}, ErrOtherKey
	}
	now := time.Now()
	maps.DeleteFunc(v.strange, func(_ [3]byte, at time.Time) bool { return now.Sub(at) >= time.Second })
	if _, asked := v.strange[id]; asked {
		return hsm.Ref{}, ErrOtherKey
	}
	if wait := pause - now.Sub(v.asked); len(v.strange) >= strangers && wait > 0 {
		time.Sleep(wait)
	}
	v.asked = time.Now()
	if err := v.m.Refresh(v.owner); err != nil {
		return hsm.Ref{}, err
	}
	ref, err := v.known(alg, id)
	if errors.Is(err, ErrOtherKey) {
		if v.strange == nil {
			v.strange = map[[3]byte]time.Time{}
		}
		if len(v.strange) < strangers {
			v.strange[id] = now
		}
	}
	return ref, err
}

// known is find without a refresh.
func (v *vault) known(alg byte, id [3]byte) (hsm.Ref, error) {
	ref, err := v.m.Current(v.owner)
	for i := 0; i < 2 && err == nil && ref.Version > 0; i++ {
		a, have, err := v.m.DataKey(ref)
		if err == nil && have == id && letters[a] == alg {
			return ref, nil
		}
		if err != nil && !errors.Is(err, hsm.ErrNoKey) {
			return ref, err
		}
		ref.Version--
	}
	if err != nil && !errors.Is(err, hsm.ErrNoKey) {
		return ref, err
	}
	return hsm.Ref{}, ErrOtherKey
}

// The forms in which an envelope stands as a whole message.
type boxed struct {
	Envelope string `json:"envelope"`
}

const (
	xmlBegin = "<envelope>"
	xmlEnd   = "</envelope>"
)

func box(as string, env []byte) []byte {
	switch as {
	case "json":
		out, _ := json.Marshal(boxed{string(env)}) // ASCII
		return out
	case "xml":
		return []byte(xmlBegin + string(env) + xmlEnd)
	}
	return env
}

func unbox(as string, body []byte) ([]byte, error) {
	switch as {
	case "json":
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		var b boxed
		if err := d.Decode(&b); err != nil || d.More() {
			return nil, ErrEnvelope
		}
		return []byte(b.Envelope), nil
	case "xml":
		s := strings.TrimSpace(string(body))
		if strings.HasPrefix(s, "<?xml") {
			_, s, _ = strings.Cut(s, "?>")
		}
		s, ok := strings.CutPrefix(strings.TrimSpace(s), xmlBegin)
		s, ok2 := strings.CutSuffix(s, xmlEnd)
		if !ok || !ok2 {
			return nil, ErrEnvelope
		}
		return []byte(strings.TrimSpace(s)), nil
	}
	return body, nil
}
