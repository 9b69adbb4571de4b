// Package hsm is the security module of the server: the only place where keys are in the
// clear. trade, access and serverctl use the HSM interface; Soft is the software module that
// keeps its keys sealed with AES-256-GCM under a master key file. An adapter to a bank's
// hardware implements the same interface.
//
// Working keys have versions: a terminal's sign-in makes a new one, and the version before
// it stays usable so that a message already on its way is not refused.
package hsm

import (
	"cmp"
	"errors"

	"zhigui/server/api/paycrypto"
)

// Errors of the module. None contains key or PIN bytes.
var (
	ErrNoKey      = errors.New("hsm: no such key")
	ErrPIN        = errors.New("hsm: PIN block cannot be translated")
	ErrCryptogram = errors.New("hsm: the chip's cryptogram is wrong")
	ErrBlock      = errors.New("hsm: key block refused")
	ErrSeal       = errors.New("hsm: sealed data cannot be opened")
)

// Use of a key.
type Use uint8

// Key uses.
const (
	UseTMK Use = iota + 1 // wraps working keys of one terminal
	UsePIN
	UseMAC
	UseIssuer    // an issuer's master key for its chips' cryptograms
	UseKEK       // wraps the keys of a zone on their way between two banks, as TR-31 key blocks
	UseComponent // a person's share of a KEK, while its ceremony lasts
	UseData      // encrypts columns of the database and files, see Vault
	UseTDK       // encrypts fields and whole messages on their way
	UseSigner    // a private key that signs; its version is its algorithm
	UseDevice    // the public keys of a terminal's PIN pad
	UseNext      // the key that becomes a terminal's TMK when its PIN pad has proven to hold it
	UseMaker     // the CA of a maker of PIN pads
	UseRevoked   // a PIN pad that is good for nothing any more
	UseFile      // the mark of a file of keys that was imported
	UseDigest    // makes and verifies the keyed digests of a partner's messages
)

// Ref names one version of a key set, a zone such as "host", or a terminal, and how it is used.
type Ref struct {
	Owner   string
	Version uint32
	Practice
}

// Practice is what two parties have agreed on beside their keys. Zero values follow the kind of the keys: X9.19
// and ISO-0 under DES, CBC-MAC (zero padding) and the block of 16 bytes under SM4, CMAC and ISO-4 under AES.
type Practice struct {
	MAC paycrypto.MACAlg
	PIN paycrypto.Format
}

// For fills in what follows from the kind of the keys.
func (p Practice) For(alg paycrypto.Alg) Practice {
	usual := usual[alg]
	return Practice{cmp.Or(p.MAC, usual.MAC), cmp.Or(p.PIN, usual.PIN)}
}

var usual = map[paycrypto.Alg]Practice{paycrypto.DES: {paycrypto.X919, paycrypto.ISO0}, paycrypto.SM4: {paycrypto.SM4CBC, paycrypto.SM4Block}, paycrypto.AES: {paycrypto.CMAC, paycrypto.ISO4}}

// Working is a terminal's new set of keys as it travels: encrypted under the TMK, with check
// values of 4 bytes. TDK is nil unless a data key was asked for.
type Working struct {
	Version        uint32
	PIK, MAK, TDK  []byte
	PIKKCV, MAKKCV []byte
	TDKKCV         []byte
}

// Chip is what a chip signed, and whose chip it is.
type Chip struct {
	PAN      string
	Sequence byte
	Counter  uint16
	Data     []byte
}

// HSM is a security module. All methods are safe for concurrent use. None waits without end: the software
// module computes at once, and a command to the module behind TCP ends within the configured hsm.timeout
// with all it waits for (a free connection, dialling, the answer), whatever the caller's own deadline is.
type HSM interface {
	// CreateTMK makes (or replaces) the TMK of a terminal and returns it in the clear, once,
	// for the key ceremony at the PIN pad, with its check value. It forgets working keys.
	CreateTMK(owner string, alg paycrypto.Alg) (clear, kcv []byte, err error)
	// NewWorking makes the next version of a terminal's PIN and MAC keys, and of its data key if
	// data is set. ErrNoKey without TMK.
	NewWorking(owner string, data bool) (*Working, error)
	// Import installs a zone's keys (a host zone): the same values again change nothing, others
	// are a new version, and the version before stays usable.
	Import(owner string, alg paycrypto.Alg, pik, mak []byte) error
	// Current returns the newest version of an owner's working keys, ErrNoKey before sign-in.
	Current(owner string) (Ref, error)
	// ImportBlocks installs a zone's keys from TR-31 key blocks under the KEK of kek, as a new
	// version; the version before stays usable.
	ImportBlocks(owner, kek, pik, mak string) (Ref, error)
	// ImportCryptograms installs a zone's PIN and MAC key that came bare under the KEK of kek, both of its algorithm (3DES or
	// SM4), as a new version; they may be the zone's first. ErrKCV: another check value, or less than 3 bytes of it.
	ImportCryptograms(owner, kek string, pik, mak Cryptogram) (Ref, error)
	// ImportBare installs one of a zone's keys (UsePIN, UseMAC) that came enciphered in ECB under the KEK of
	// kek, of the algorithm of own's zone, 3DES or SM4
	// (its version does not count). The zone has keys already: its other one goes along into the new version. kcv is its check value,
	// empty for none. prove, which may be nil, is given MACs under the new key before anything is stored;
	// its error is the answer.
	ImportBare(own Ref, kek string, u Use, wrapped, kcv []byte, prove func(mac func(data []byte) ([]byte, error)) error) (Ref, error)
	// ExportBlock answers one of a zone's keys (UsePIN, UseMAC) as a TR-31 key block under the KEK of kek.
	ExportBlock(key Ref, use Use, kek string) (string, error)
	// ImportData installs the data keys of a partner or host, which are an owner of their own: the key that
	// encrypts (usage D0) and that of the MAC over what it encrypted (M…), from TR-31 key blocks under the KEK of
	// kek, as a new version; the version before stays usable. The same keys again change nothing.
	ImportData(owner, kek, data, mak string) (Ref, error)
	// DataKey answers the algorithm of the data key of that version, and its check value (3 bytes), which is
	// its name on the line.
	DataKey(key Ref) (paycrypto.Alg, [3]byte, error)
	// Refresh reads again what is stored of these owners: another process (serverctl, another server) may have changed it.
	Refresh(owners ...string) error
	// AppendMAC appends the MAC of data, by the practice of key. An algorithm that does not fit the key is
	// paycrypto.ErrKey.
	AppendMAC(dst []byte, key Ref, data []byte) ([]byte, error)
	// EncryptData appends plain, whole blocks, in CBC under the data key of that version to dst; iv is
	// one block. ErrNoKey when the version has no data key.
	EncryptData(dst []byte, key Ref, iv, plain []byte) ([]byte, error)
	// DecryptData is its inverse.
	DecryptData(dst []byte, key Ref, iv, secret []byte) ([]byte, error)
	// TranslatePIN re-encrypts a PIN block, from the format of one practice to that of the other. What ISO 9564-1
	// bans (a block with the card's number becoming one without) is paycrypto.ErrTranslation, a block that is none ErrPIN.
	TranslatePIN(from, to Ref, block, pan []byte) ([]byte, error)
	// ImportIssuer installs an issuer's master key for chip cryptograms.
	ImportIssuer(owner string, key []byte) error
	// CheckCryptogram verifies a chip's request cryptogram over data and answers the issuer's for
	// code. ErrCryptogram is a wrong one, ErrNoKey an issuer without a key.
	CheckCryptogram(owner string, c Chip, request [8]byte, code [2]byte) ([]byte, error)
	// Seal and Open protect data at rest; aad binds it to its place.
	Seal(dst, plain, aad []byte) []byte
	Open(dst, sealed, aad []byte) ([]byte, error)
	// Index is a keyed digest of 16 bytes for looking up a PAN without storing it.
	Index(pan []byte) []byte
}

// Record is a key at rest.
type Record struct {
	Owner   string
	Use     Use
	Version uint32
	Alg     paycrypto.Alg
	Sealed  []byte
	KCV     []byte
}

// Keys is where a software module keeps its sealed keys (server/internal/store).
type Keys interface {
	// SaveKeys writes records durably in one transaction.
	SaveKeys(recs ...Record) error
	// DropKeys forgets every record of one owner but keep, in one transaction.
	DropKeys(owner string, keep ...Record) error
	// LoadKeys returns the records of one owner, or every record when owner is empty.
	LoadKeys(owner string) ([]Record, error)
}
