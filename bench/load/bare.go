package load

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"zhigui/server/api/message"
	"zhigui/server/api/message/brief"
	"zhigui/server/api/paycrypto"
)

// The ceiling: a bare forwarder that reads a frame, writes it durably (group commit on an
// append-only file), sends it to the same bank host over four kept links, answers and closes.
// No parsing, no cryptography, no SQL: what this machine can do at best. The generator sends
// it what the server would send to the host: the host's own messages, complete with PIN block
// and MAC of the host's zone.

// The trace number F11 stands at a fixed place, as the messages here and their answers begin
// with the same fields: 4 length, 46 header, 4 MTI, 16 bitmap, 18 F2, 6 F3, 12 F4, 10 F7.
const stanAt = 4 + 46 + 4 + 16 + 18 + 6 + 12 + 10

type bareLink struct {
	mu   sync.Mutex
	w    *bufio.Writer
	wait map[[6]byte]chan []byte
	kick chan struct{}
}

type bareWrite struct {
	b    []byte
	done chan struct{}
}

// Forward serves ln as the bare forwarder towards host.
func Forward(ln net.Listener, host, wal string) error {
	f, err := os.Create(wal)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // bench
	var links [4]*bareLink
	for i := range links {
		c, err := net.Dial("tcp", host)
		if err != nil {
			return err
		}
		l := &bareLink{w: bufio.NewWriterSize(c, 64<<10), wait: map[[6]byte]chan []byte{}, kick: make(chan struct{}, 1)}
		links[i] = l
		go l.read(c)
		go l.flush()
	}
	q := make(chan bareWrite, 4096)
	go commit(f, q)
	for next := 0; ; next++ {
		c, err := ln.Accept()
		if err != nil {
			return nil
		}
		go func() {
			defer c.Close() //nolint:errcheck // bench
			b, err := bareFrame(c)
			if err != nil {
				return
			}
			w := bareWrite{b, make(chan struct{})}
			q <- w
			<-w.done
			_ = brief.Last(c, links[next%4].send(b))
		}()
	}
}

// commit writes what is queued with one fsync.
func commit(f *os.File, q <-chan bareWrite) {
	var buf []byte
	var ws []bareWrite
	for w := range q {
		buf, ws = append(buf[:0], w.b...), append(ws[:0], w)
	more:
		for len(ws) < 256 {
			select {
			case w := <-q:
				buf, ws = append(buf, w.b...), append(ws, w)
			default:
				break more
			}
		}
		if _, err := f.Write(buf); err != nil {
			return
		}
		if err := f.Sync(); err != nil {
			return
		}
		for _, w := range ws {
			close(w.done)
		}
	}
}

// bareFrame reads one frame with its four digits of length.
func bareFrame(r io.Reader) ([]byte, error) {
	var h [4]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(string(h[:]))
	if err != nil {
		return nil, err
	}
	b := make([]byte, 4+n)
	copy(b, h[:])
	if _, err := io.ReadFull(r, b[4:]); err != nil {
		return nil, err
	}
	if len(b) < stanAt+6 {
		return nil, errors.New("short frame")
	}
	return b, nil
}

func (l *bareLink) send(b []byte) []byte {
	ch := make(chan []byte, 1)
	l.mu.Lock()
	l.wait[[6]byte(b[stanAt:])] = ch
	_, _ = l.w.Write(b)
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	return <-ch
}

func (l *bareLink) flush() {
	for range l.kick {
		l.mu.Lock()
		_ = l.w.Flush()
		l.mu.Unlock()
	}
}

func (l *bareLink) read(c net.Conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		b, err := bareFrame(r)
		if err != nil {
			return
		}
		k := [6]byte(b[stanAt:])
		l.mu.Lock()
		ch := l.wait[k]
		delete(l.wait, k)
		l.mu.Unlock()
		if ch != nil {
			ch <- b
		}
	}
}

// bareClient sends the host's withdrawals.
type bareClient struct {
	card     string
	pin      []byte
	stan     uint64
	mak      *paycrypto.Key
	d        *message.Dialect
	m, a     *message.Message
	r        *bufio.Reader
	buf, in  []byte
	addr, id string
}

// Bare runs withdrawals in the host's dialect through a bare forwarder.
func Bare(c Config) (*Result, error) {
	d, err := message.Builtin("cups128")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(c.Keys)
	if err != nil {
		return nil, err
	}
	var keys [2]*paycrypto.Key
	for i, f := range strings.Fields(string(data)) {
		raw, err := hex.DecodeString(f)
		if err != nil || i > 1 {
			return nil, errors.New("load: two keys are wanted")
		}
		if keys[i], err = paycrypto.NewKey(paycrypto.DES, raw); err != nil {
			return nil, err
		}
	}
	if keys[1] == nil {
		return nil, errors.New("load: two keys are wanted")
	}
	cs := make([]*bareClient, c.Terminals)
	step := uint64(999_999 / c.Terminals)
	for i := range cs {
		b := &bareClient{card: fmt.Sprintf("622588%010d", 1_000_000_001+i), mak: keys[1], d: d, m: message.New(d), a: message.New(d),
			r: bufio.NewReader(nil), addr: c.Address, stan: uint64(i) * step, id: fmt.Sprintf("%08d", 1+i)}
		clearBlock, err := paycrypto.EncodePIN(paycrypto.ISO0, []byte("123456"), []byte(b.card))
		if err != nil {
			return nil, err
		}
		if b.pin, err = keys[0].ECB(nil, clearBlock, false); err != nil {
			return nil, err
		}
		cs[i] = b
	}
	return run(c, func(i int) error { return cs[i].withdraw() })
}

func (b *bareClient) withdraw() error {
	b.stan++
	m := b.m
	m.Reset(b.d)
	_ = m.SetMTI("0200")
	_ = m.SetString(2, b.card)
	_ = m.SetString(3, "010000")
	_ = m.SetNumber(4, 10000)
	_ = m.SetString(7, "1122010203")
	_ = m.SetNumber(11, b.stan)
	_ = m.SetString(12, "010203")
	_ = m.SetString(13, "1122")
	_ = m.SetString(18, "6011")
	_ = m.SetString(22, "021")
	_ = m.SetString(25, "02")
	_ = m.SetString(26, "06")
	_ = m.SetString(32, "00010000")
	_ = m.SetString(33, "00010000")
	_ = m.SetString(35, b.card+"=3012101123456789")
	_ = m.SetString(37, "632601000000")
	_ = m.SetString(41, b.id)
	_ = m.SetString(42, merchant)
	_ = m.SetString(49, "156")
	_ = m.Set(52, b.pin)
	_ = m.SetString(53, "2600000000000000")
	m.ReserveMAC()
	frame, lay, err := m.Pack(b.buf[:0])
	if err != nil {
		return err
	}
	var mac [16]byte
	v, err := paycrypto.AppendMAC(mac[:0], paycrypto.X919, b.mak, lay.Cover(frame))
	if err != nil || !lay.PutMAC(frame, v) {
		return errors.New("mac")
	}
	b.buf = frame
	body, err := short(b.addr, frame, b.r, b.d, &b.in)
	if err != nil {
		return err
	}
	if err := b.a.Unpack(b.d, body); err != nil {
		return err
	}
	if rc := b.a.String(39); rc != "00" {
		return errors.New("response " + rc)
	}
	v, _ = paycrypto.AppendMAC(mac[:0], paycrypto.X919, b.mak, b.a.Covered())
	if n, _ := b.a.Number(11); n != b.stan || !b.a.MACEquals(v) {
		return errors.New("answer of another request or wrong MAC")
	}
	return nil
}
