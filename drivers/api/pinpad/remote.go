package pinpad

// Remote key loading (XFS4IoT 2024-3 KeyManagement, the certificates' scheme). The standard has RSA alone: X-key
// names the master key that it is about, and with it the zone (TMK: RSA, TMK.sm4: SM2).
const (
	CmdStartKeyExchange = "KeyManagement.StartKeyExchange"
	CmdExportItem       = "KeyManagement.ExportRSADeviceSignedItem"
	CmdGetCertificate   = "KeyManagement.GetCertificate"
	CmdLoadCertificate  = "KeyManagement.LoadCertificate"
	CmdImportKeyToken   = "KeyManagement.ImportKeyToken"
)

// Error codes of remote key loading.
const (
	ErrFormat    = "formatInvalid"
	ErrRandom    = "randomInvalid"
	ErrSignature = "signatureInvalid"
	ErrCertState = "invalidCertState"
)

// StartKeyExchange makes the random value of one key token.
type StartKeyExchange struct {
	Key string `json:"X-key"`
}

// Held says which master key the pad holds: the random value of the token it came with, and its check
// value (4 bytes); both empty without one.
type Held struct {
	Last []byte `json:"X-last,omitempty"`
	KCV  []byte `json:"X-kcv,omitempty"`
}

// StartKeyExchangeResult is what the pad signed: serial number, random value, what it holds.
type StartKeyExchangeResult struct {
	RandomItem []byte `json:"randomItem"`
	Serial     string `json:"X-serial"`
	Held
	Signature []byte `json:"X-signature"`
}

// ExportItem asks for an item that the pad signs; deviceId is the only one here.
type ExportItem struct {
	ExportItemType string `json:"exportItemType"` // deviceId
	Key            string `json:"X-key"`
}

// ExportItemResult is the pad's serial number and what it holds, signed.
type ExportItemResult struct {
	Value []byte `json:"value"` // serial number
	Held
	Signature []byte `json:"signature"`
}

// GetCertificate asks for a certificate of the pad, or for the host's key.
type GetCertificate struct {
	GetCertificate string `json:"getCertificate"` // enckey, verificationkey, hostkey
	Key            string `json:"X-key"`
}

// GetCertificateResult is the certificate, DER; of hostkey the public key, DER.
type GetCertificateResult struct {
	Certificate []byte `json:"certificate"`
}

// LoadCertificate pins the host's public key; once, in a secure room.
type LoadCertificate struct {
	LoadOption      string `json:"loadOption"`      // newHost
	CertificateData []byte `json:"certificateData"` // public key, DER
	Key             string `json:"X-key"`
}

// LoadCertificateResult is the SHA-256 of what was loaded.
type LoadCertificateResult struct {
	RSAKeyCheckMode string `json:"rsaKeyCheckMode"`
	RSAData         []byte `json:"rsaData"`
}

// ImportKeyToken takes a token (server/api/keyload) as a master key.
type ImportKeyToken struct {
	KeyToken   []byte `json:"keyToken"`
	Key        string `json:"key"`
	KeyUsage   string `json:"keyUsage"`   // K0
	LoadOption string `json:"loadOption"` // random
}

// ImportKeyTokenResult holds the check value that the device computed.
type ImportKeyTokenResult struct {
	KeyLength     int    `json:"keyLength"` // bits
	KeyCheckMode  string `json:"keyCheckMode"`
	KeyCheckValue []byte `json:"keyCheckValue"`
}
