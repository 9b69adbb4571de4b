package iccard

// tlv writes one object whose value is the parts together.
func tlv(tag uint32, parts ...[]byte) []byte {
	var out, v []byte
	for _, p := range parts {
		v = append(v, p...)
	}
	for shift := 24; shift >= 0; shift -= 8 {
		if b := byte(tag >> shift); b != 0 || len(out) > 0 {
			out = append(out, b)
		}
	}
	switch n := len(v); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, v...)
}
