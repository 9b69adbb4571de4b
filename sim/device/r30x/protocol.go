package r30x

// frame is one packet.
type frame struct {
	pid  byte
	data []byte
}

// cut takes a packet off the front of buf: n bytes are used up (0: more are needed). state
// is "" for bytes that are none, "good" or "bad".
func cut(buf []byte) (f frame, n int, state string) {
	if len(buf) == 0 {
		return f, 0, ""
	}
	if buf[0] != 0xEF || len(buf) > 1 && buf[1] != 0x01 {
		return f, 1, ""
	}
	if len(buf) < 9 {
		return f, 0, ""
	}
	size := 9 + (int(buf[7])<<8 | int(buf[8]))
	if size < 11 || size > 9+258 {
		return f, 1, ""
	}
	if len(buf) < size {
		return f, 0, ""
	}
	total := 0
	for _, b := range buf[6 : size-2] {
		total += int(b)
	}
	f = frame{buf[6], append([]byte(nil), buf[9:size-2]...)}
	if total&0xFFFF != int(buf[size-2])<<8|int(buf[size-1]) {
		return f, size, "bad"
	}
	return f, size, "good"
}

// wrap builds a packet of the module with address FFFFFFFF.
func wrap(pid byte, data ...byte) []byte {
	n := len(data) + 2
	out := append([]byte{0xEF, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, pid, byte(n >> 8), byte(n)}, data...)
	total := 0
	for _, b := range out[6:] {
		total += int(b)
	}
	return append(out, byte(total>>8), byte(total))
}

// size of a template and of a data packet.
const (
	templateSize = 512
	chunk        = 128
	capacity     = 200
)

// features are what the module makes of a finger: the same for the same name. The first 32
// bytes tell fingers apart.
func features(finger string) []byte {
	out := append(make([]byte, 0, templateSize), 0x03, 0x03)
	x := uint32(2166136261)
	for _, c := range []byte(finger) {
		x = (x ^ uint32(c)) * 16777619
	}
	for len(out) < templateSize {
		x = x*1664525 + 1013904223
		out = append(out, byte(x>>24))
	}
	return out
}

// score compares two features: 100 for the same finger, little for another.
func score(a, b []byte) int {
	if len(a) < 32 || len(b) < 32 || string(a[:32]) != string(b[:32]) {
		return 12
	}
	return 100
}
