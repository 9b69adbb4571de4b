// Package pinpad has the typed payloads of the PIN pad class (XFS4IoT 2024-3 Keyboard,
// PinPad, KeyManagement, Crypto, with X- extensions for SM4). Standard library only;
// anybody may import it. No payload here can carry a clear PIN, and keys travel only
// under another key, except in a key ceremony's SecureKeyEntry on the device itself.
package pinpad

// Command names.
const (
	CmdPinEntry      = "Keyboard.PinEntry"
	CmdDataEntry     = "Keyboard.DataEntry"
	CmdGetPinBlock   = "PinPad.GetPinBlock"
	CmdImportKey     = "KeyManagement.ImportKey"
	CmdDeleteKey     = "KeyManagement.DeleteKey"
	CmdGetKeyDetail  = "KeyManagement.GetKeyDetail"
	CmdInit          = "KeyManagement.Initialization"
	CmdGenerateMAC   = "Crypto.GenerateAuthentication"
	CmdCryptoData    = "Crypto.CryptoData"
	CmdKeyboardReset = "Keyboard.Reset"
)

// Event names.
const (
	EvEnterData   = "Keyboard.EnterDataEvent"
	EvKey         = "Keyboard.KeyEvent" // in PinEntry without the digit
	EvInitialized = "KeyManagement.InitializedEvent"
)

// Error codes of the class.
const (
	ErrKeyNotFound   = "keyNotFound"
	ErrAccessDenied  = "accessDenied"
	ErrUseViolation  = "useViolation"
	ErrNoPin         = "noPin"
	ErrInvalidKeyLen = "invalidKeyLength"
	ErrContent       = "contentInvalid" // check value differs
	ErrEntryTimeout  = "entryTimeout"
	ErrMinLength     = "minimumLength"
)

// Algorithms of keys: tripleDes as in XFS4IoT key attributes, X-sm4 as the extension.
const (
	TripleDES = "tripleDes"
	SM4       = "X-sm4"
)

// Key usages: XFS4IoT key usage letters (ANSI X9.143): K0 key encryption, P0 PIN, M3 MAC
// (M0 for ISO 9797-1 algorithm 1), D0 data.
const (
	UseKEK  = "K0"
	UsePIN  = "P0"
	UseMAC  = "M3"
	UseData = "D0"
)

// PinEntry starts PIN entry; digits stay in the device.
type PinEntry struct {
	MinLen  int  `json:"minLen"`
	MaxLen  int  `json:"maxLen"`
	AutoEnd bool `json:"autoEnd,omitempty"`
	// XKey and XPAN: some devices (SZZT) bind key and account at entry time. The platform
	// always sets them; XPAN is sensitive, never log it.
	XKey string `json:"X-key,omitempty"`
	XPAN string `json:"X-pan,omitempty"`
}

// PinEntryResult tells how many digits were typed and what ended the entry.
type PinEntryResult struct {
	Digits     int    `json:"digits"`
	Completion string `json:"completion"` // enter, cancel, auto
}

// KeyEvent is one pressed key. Digit is empty in PinEntry.
type KeyEvent struct {
	Completion string `json:"completion,omitempty"` // enter, cancel, clear, backspace, continue
	Digit      string `json:"digit,omitempty"`
}

// DataEntry reads keys in the clear (amounts); never for a PIN.
type DataEntry struct {
	MaxLen  int  `json:"maxLen"`
	AutoEnd bool `json:"autoEnd,omitempty"`
}

// DataEntryResult holds the typed digits.
type DataEntryResult struct {
	Keys       int    `json:"keys"`
	Data       string `json:"X-data"`
	Completion string `json:"completion"`
}

// GetPinBlock asks for the block of the PIN just entered.
type GetPinBlock struct {
	Format       string `json:"format"`       // iso0, X-sm4
	CustomerData string `json:"customerData"` // the PAN; sensitive
	Key          string `json:"key"`
}

// GetPinBlockResult holds the encrypted block (8 bytes, or 16 under SM4), base64 in JSON.
type GetPinBlockResult struct {
	PinBlock []byte `json:"pinBlock"`
}

// KeyAttributes describes a key.
type KeyAttributes struct {
	KeyUsage  string `json:"keyUsage"`
	Algorithm string `json:"algorithm"`
}

// ImportKey loads Value, encrypted under DecryptKey (ECB), as Key. VerificationData is
// the expected check value (any prefix of E(key, 0…0), at least 3 bytes). Without
// DecryptKey the value is a clear master key: drivers allow that only while the device
// holds no master key at all (first installation) and the profile says so.
type ImportKey struct {
	Key              string        `json:"key"`
	KeyAttributes    KeyAttributes `json:"keyAttributes"`
	Value            []byte        `json:"value"`
	DecryptKey       string        `json:"decryptKey,omitempty"`
	VerificationData []byte        `json:"verificationData,omitempty"`
}

// ImportKeyResult holds the check value that the device computed.
type ImportKeyResult struct {
	VerificationData []byte `json:"verificationData"`
	KeyLength        int    `json:"keyLength"` // bits
}

// KeyDetail is one loaded key in GetKeyDetail's answer.
type KeyDetail struct {
	KeyAttributes KeyAttributes `json:"keyAttributes"`
	KCV           []byte        `json:"X-kcv,omitempty"`
}

// GetKeyDetailResult maps key names to details.
type GetKeyDetailResult struct {
	KeyDetails map[string]KeyDetail `json:"keyDetails"`
}

// GenerateMAC asks for the MAC of Data: ISO 9797-1 algorithm 3 (X9.19) with zero padding
// under a tripleDes key, CBC-MAC with zero padding under an X-sm4 key.
type GenerateMAC struct {
	Key  string `json:"key"`
	Data []byte `json:"data"`
}

// GenerateMACResult holds the whole MAC (8 or 16 bytes); the caller truncates.
type GenerateMACResult struct {
	AuthenticationData []byte `json:"authenticationData"`
}

// CryptoData encrypts or decrypts in ECB mode under a data key.
type CryptoData struct {
	Key       string `json:"key"`
	ModeOfUse string `json:"modeOfUse"` // E, D
	Data      []byte `json:"data"`
}

// CryptoDataResult is the transformed data.
type CryptoDataResult struct {
	Data []byte `json:"data"`
}

// Status is the keyManagement and keyboard part of Common.Status.
type Status struct {
	EncryptionState string `json:"encryptionState"` // ready, notReady, notInitialized, initialized, …
}
