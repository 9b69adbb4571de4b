package itlssp

// For the tests outside of the package.
var (
	Pack       = pack
	Seal       = seal
	Open       = open
	SessionKey = sessionKey
)

// Deframe feeds bytes and gives the data of the first good packet.
func Deframe(next func() (byte, bool)) []byte {
	var d deframer
	for {
		b, ok := next()
		if !ok {
			return nil
		}
		if p, good, _ := d.push(b); good {
			return p.data
		}
	}
}
