package load

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"zhigui/server/api/message/brief"
	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/sim/plainhttp"
)

// PartnerConfig is a run of payments by a third party: one key for all its messages.
type PartnerConfig struct {
	Kind, Dialect, Address string // short, or http with a path in Address
	Keys                   string // file of the partner's PIN and MAC key
	STAN                   int    // trace numbers begin behind it
	First                  int    // terminals, and cards, from this number on
	Terminals              int
	Warm, Run              time.Duration
	Tolerant               bool
	Think                  time.Duration // between the answer and the next request
	Rate                   float64       // see Config
	Short                  bool          // http: a connection each
}

type partner struct {
	c        PartnerConfig
	d        *format.Dialect
	mak      *paycrypto.Key
	id, card string
	pin      string
	stan     int
	ready    [][]byte // requests that were made before the clock ran
	conn     net.Conn // http: stays open unless the run is of short connections
	r        *bufio.Reader
	buf      []byte
	head     []byte
	body     []byte // of the answer
}

// Partner runs payments.
func Partner(c PartnerConfig) (*Result, error) {
	d, err := format.Builtin(c.Dialect)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(c.Keys)
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(data))
	if len(f) != 2 {
		return nil, errors.New("load: want two keys")
	}
	var keys [2]*paycrypto.Key
	for i := range keys {
		raw, err := hex.DecodeString(f[i])
		if err != nil {
			return nil, err
		}
		if keys[i], err = paycrypto.NewKey(paycrypto.DES, raw); err != nil {
			return nil, err
		}
	}
	ps := make([]*partner, c.Terminals)
	for i := range ps {
		p := &partner{c: c, d: d, mak: keys[1], id: fmt.Sprintf("%08d", c.First+i), card: fmt.Sprintf("622588%010d", 1_000_000_001+i), r: bufio.NewReader(nil), stan: c.STAN}
		block, err := paycrypto.EncodePIN(paycrypto.ISO0, []byte("123456"), []byte(p.card))
		if err != nil {
			return nil, err
		}
		if block, err = keys[0].ECB(nil, block, false); err != nil {
			return nil, err
		}
		p.pin = string(block)
		ps[i] = p
	}
	// What a request costs this program is taken from the server on the same cores: most are made before.
	for range min(readyAtMost, c.Terminals*int((c.Warm+c.Run)/readyEach)) / c.Terminals {
		for _, p := range ps {
			frame, err := p.request(c.STAN+len(p.ready)+1, nil)
			if err != nil {
				return nil, err
			}
			p.ready = append(p.ready, frame)
		}
	}
	return run(Config{Terminals: c.Terminals, Warm: c.Warm, Run: c.Run, Think: c.Think, Rate: c.Rate, Tolerant: c.Tolerant}, func(i int) error { return ps[i].pay() })
}

func (p *partner) sign(cover []byte) ([]byte, error) {
	return paycrypto.AppendMAC(nil, paycrypto.X919, p.mak, cover)
}

const (
	readyAtMost = 20_000                // requests of all users
	readyEach   = 10 * time.Millisecond // of one user, who does not get an answer faster
)

// traceOf and dayOf are the trace number and the date of the nth payment.
func traceOf(n int) string { return fmt.Sprintf("%06d", n%numbers) }

func dayOf(n int) string {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n/numbers%365).Format("0102")
}

// request appends the payment with a trace number to buf.
func (p *partner) request(stan int, buf []byte) ([]byte, error) {
	q := format.NewTransaction("0200")
	q.Values = map[string]string{"procCode": "000000", "pan": p.card, "stan": traceOf(stan), "localTime": "154841", "localDate": dayOf(stan), "terminal": p.id, "merchant": merchant,
		"amount": "000000000100", "currency": "156", "pinBlock": p.pin}
	return p.d.Pack(buf, q, p.sign)
}

func (p *partner) pay() (err error) {
	p.stan++
	stan := traceOf(p.stan)
	var frame, body []byte
	if len(p.ready) > 0 {
		frame, p.ready = p.ready[0], p.ready[1:]
	} else if frame, err = p.request(p.stan, p.buf[:0]); err != nil {
		return err
	} else {
		p.buf = frame
	}
	if p.c.Kind == "http" {
		msg, _ := p.d.Frame.Strip(frame)
		if body, err = p.post(msg); err != nil {
			return err
		}
	} else {
		c, err := brief.Dial(context.Background(), p.c.Address)
		if err != nil {
			return errors.New("connect")
		}
		defer c.Close() //nolint:errcheck // the server closes first
		if _, err := c.Write(frame); err != nil {
			return errors.New("write")
		}
		p.r.Reset(c)
		if body, err = p.d.ReadFrame(p.r, nil); err != nil {
			return errors.New("read")
		}
		if _, err := p.r.ReadByte(); !errors.Is(err, io.EOF) {
			return errors.New("the server did not close")
		}
	}
	a, seal, err := p.d.Unpack(body)
	if err != nil {
		return errors.New("answer unreadable")
	}
	mac, _ := p.sign(seal.Cover)
	switch {
	case a.Values["response"] != "00":
		return errors.New("response " + a.Values["response"])
	case a.Values["stan"] != stan || a.Values["terminal"] != p.id || !seal.Equals(mac):
		return errors.New("answer of another request or wrong MAC")
	}
	return nil
}

// post is one HTTP request on the user's own connection. It does without the goroutines of http.Client,
// whose time would be taken from the server on the same cores.
func (p *partner) post(msg []byte) ([]byte, error) {
	host, path, _ := strings.Cut(p.c.Address, "/")
	if p.conn == nil {
		c, err := brief.Dial(context.Background(), host)
		if err != nil {
			return nil, errors.New("connect")
		}
		p.conn = c
		p.r.Reset(c)
	}
	how := ""
	if p.c.Short {
		how = "Connection: close\r\n"
	}
	q := append(append(append(p.head[:0], "POST /"...), path...), " HTTP/1.1\r\nHost: "...)
	q = append(append(append(q, host...), "\r\nContent-Type: application/octet-stream\r\n"...), how...)
	q = append(strconv.AppendInt(append(q, "Content-Length: "...), int64(len(msg)), 10), "\r\n\r\n"...)
	p.head = append(q, msg...)
	_, err := p.conn.Write(p.head)
	var a plainhttp.Message
	if err == nil {
		a, err = plainhttp.Read(p.r, p.body)
	}
	if err != nil || a.Last || p.c.Short {
		_ = p.conn.Close()
		p.conn = nil
	}
	switch {
	case err != nil:
		return nil, errors.New("post")
	case !strings.HasPrefix(a.First, "HTTP/1.1 200 "):
		return nil, fmt.Errorf("answered %q", a.First)
	}
	p.body = a.Body
	return a.Body, nil
}
