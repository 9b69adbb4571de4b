// Package hostlink is the terminal's side of the online transaction: it signs in and
// loads working keys into the PIN pad, sends a transaction whose intent is in the
// journal before its first byte, and keeps telling the server about confirmations and
// reversals until it has acknowledged them. Messages are the POS dialect of
// server/api/message; MACs and PIN blocks are made inside the PIN pad. Only the native
// platform imports it.
package hostlink

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/server/api/message"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/session"
)

// PinPad runs a command in the PIN pad.
type PinPad interface {
	Run(ctx context.Context, name string, payload any, emit func(api.Event)) api.Completion
}

// Zones: which algorithm protects PIN and MAC between terminal and server.
const (
	Zone3DES = "3des"
	ZoneSM4  = "sm4"
)

// Config of the link.
type Config struct {
	Addr     string
	Zone     string
	Terminal string // F41, 8 characters
	Merchant string // F42, 15 characters
	// Encrypt names the fields that travel encrypted under a data key (canonical names, or all);
	// empty: none, and no data key is asked for.
	Encrypt []string
	// Timeout of a transaction from the first byte; it must exceed the server's own.
	Timeout     time.Duration
	DialTimeout time.Duration
	// Retry is the first pause before a settlement is sent again; it doubles to RetryMax.
	Retry, RetryMax time.Duration
}

// keys are the names of the PIN pad's keys in this zone.
type keys struct{ tmk, tpk, tak, tdk, alg string }

// Link sends one message at a time, as a terminal does. Safe for concurrent use.
type Link struct {
	cfg     Config
	dialect *message.Dialect
	pad     PinPad
	led     *book.Ledger
	log     *slog.Logger
	now     func() time.Time
	dial    func(ctx context.Context, addr string) (net.Conn, error)
	keys    keys
	secret  []int // data elements of Encrypt

	mu       sync.Mutex // one exchange at a time
	signedIn bool
	loads    atomic.Uint64 // how often working keys were loaded
	lost     atomic.Bool   // the PIN pad has none any more
	up       bool          // the last exchange was answered
	wake     chan struct{}

	// OnState is told when the link comes up or goes down; set it before use.
	OnState func(up bool, why string)
	// Master brings the PIN pad and the server to one master key before each sign-in; may be nil. Set it
	// before use.
	Master func(ctx context.Context) error
}

// New makes a link.
func New(cfg Config, pad PinPad, led *book.Ledger, now func() time.Time, log *slog.Logger) (*Link, error) {
	l := &Link{cfg: cfg, pad: pad, led: led, now: now, log: log, wake: make(chan struct{}, 1)}
	if l.now == nil {
		l.now = time.Now
	}
	name := "pos64"
	l.keys = keys{"TMK", "TPK", "TAK", "TDK", pinpad.TripleDES}
	if cfg.Zone == ZoneSM4 {
		name, l.keys = "pos64sm4", keys{"TMK.sm4", "TPK.sm4", "TAK.sm4", "TDK.sm4", pinpad.SM4}
	}
	var err error
	if l.dialect, err = message.Builtin(name); err != nil {
		return nil, fmt.Errorf("host link: %w", err)
	}
	if l.secret, err = l.dialect.Enclosed(cfg.Encrypt); err != nil {
		return nil, fmt.Errorf("host link: %w", err)
	}
	d := net.Dialer{Timeout: cfg.DialTimeout}
	l.dial = func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
	return l, nil
}

// PinKey is the name of the PIN key, for Keyboard.PinEntry and PinPad.GetPinBlock.
func (l *Link) PinKey() string { return l.keys.tpk }

// MasterKey is the name of the master key.
func (l *Link) MasterKey() string { return l.keys.tmk }

// PinFormat is the PIN block format of the zone.
func (l *Link) PinFormat() string {
	if l.cfg.Zone == ZoneSM4 {
		return "X-sm4"
	}
	return "iso0"
}

// Errors of an exchange.
var (
	// ErrNotSent: certainly no byte of the message reached the server.
	ErrNotSent = errors.New("not sent")
	// ErrNoAnswer: bytes went out and no trustworthy answer came back.
	ErrNoAnswer = errors.New("no trustworthy answer")
)

// exchange sends one message and reads its answer over a connection of its own. mac says
// whether the messages carry F64. The caller holds mu.
func (l *Link) exchange(ctx context.Context, q *message.Message, mac bool) (*message.Message, error) {
	if mac {
		if m := q.MTI(); m == "0200" || m == "0100" { // what is told, or taken back, is never too late
			q.SetTimeLeft(l.patience(ctx))
		}
		if err := l.enclose(ctx, q); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		q.ReserveMAC()
	}
	frame, lay, err := q.Pack(nil)
	if err != nil {
		return nil, fmt.Errorf("%w: pack: %w", ErrNotSent, err)
	}
	if mac {
		sum, err := l.mac(ctx, lay.Cover(frame))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		lay.PutMAC(frame, sum)
	}
	conn, err := l.dial(ctx, l.cfg.Addr)
	if err != nil {
		l.state(false, "the server does not answer")
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(l.cfg.Timeout))
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if n, err := conn.Write(frame); err != nil {
		if n == 0 {
			return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		return nil, fmt.Errorf("%w: write: %w", ErrNoAnswer, err)
	}
	body, err := l.dialect.ReadFrame(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: read: %w", ErrNoAnswer, err)
	}
	a := message.New(l.dialect)
	if err := a.Unpack(l.dialect, body); err != nil {
		return nil, fmt.Errorf("%w: unpack: %w", ErrNoAnswer, err)
	}
	if err := l.belongs(ctx, q, a, mac); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	if mac {
		if err := l.disclose(ctx, a); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
	}
	l.state(true, "")
	return a, nil
}

// patience is how long an answer is waited for: from the first byte on, so that the server may only think less.
func (l *Link) patience(ctx context.Context) time.Duration {
	if at, ok := ctx.Deadline(); ok {
		return min(l.cfg.Timeout, time.Until(at))
	}
	return l.cfg.Timeout
}

// belongs checks that the answer is the answer to q and that its MAC is right.
func (l *Link) belongs(ctx context.Context, q, a *message.Message, mac bool) error {
	want := []byte(q.MTI())
	want[2]++
	if a.MTI() != string(want) || string(a.Get(11)) != string(q.Get(11)) || string(a.Get(41)) != string(q.Get(41)) {
		return errors.New("the answer belongs to another request")
	}
	if !a.Has(39) {
		return errors.New("the answer has no response code")
	}
	if !mac {
		return nil
	}
	cover := a.Covered()
	if cover == nil {
		return macMissing{code: string(a.Get(39))}
	}
	sum, err := l.mac(ctx, cover)
	if err != nil {
		return err
	}
	if !a.MACEquals(sum) {
		return errors.New("the answer's MAC is wrong")
	}
	return nil
}

// macMissing is an answer without a MAC: the server could not check ours (A0, unknown
// terminal). It proves nothing, but its code tells that keys must be loaded anew.
type macMissing struct{ code string }

func (m macMissing) Error() string { return "the answer has no MAC (code " + m.code + ")" }

func (l *Link) mac(ctx context.Context, data []byte) ([]byte, error) {
	done := l.pad.Run(ctx, pinpad.CmdGenerateMAC, pinpad.GenerateMAC{Key: l.keys.tak, Data: data}, nil)
	var out pinpad.GenerateMACResult
	if done.Outcome != api.Done || json.Unmarshal(done.Payload, &out) != nil || len(out.AuthenticationData) < 8 {
		l.Missed(done)
		return nil, fmt.Errorf("PIN pad: MAC: %s %s", done.Code, done.ErrorCode)
	}
	return out.AuthenticationData, nil
}

// state notes whether the server answers; a link that went down is tested until it is
// back. The caller holds mu.
func (l *Link) state(up bool, why string) {
	if l.up && !up {
		l.Wake()
	}
	l.up = up
	if l.OnState != nil {
		l.OnState(up, why)
	}
}

// header fills what every message has.
func (l *Link) header(mti string, stan int) (*message.Message, error) {
	m := message.New(l.dialect)
	err := errors.Join(m.SetMTI(mti), m.SetNumber(11, uint64(stan)), m.SetString(41, l.cfg.Terminal), m.SetString(42, l.cfg.Merchant))
	return m, err
}

// next gives the next trace number and the batch it belongs to. The number is taken for
// good only when a record with it is in the journal.
func (l *Link) next() (stan int, batch string) {
	l.led.Read(func(b *book.Book) { stan, batch = b.STAN+1, b.Batch })
	if batch == "" {
		// A journal that begins anew must not use the numbers of the one before: the server
		// would answer from its memory, and the driver knows the operations.
		batch = fmt.Sprintf("%06d", l.now().Unix()/60%999999+1)
	}
	if stan > 999999 {
		stan = 1
		var n int
		_, _ = fmt.Sscanf(batch, "%d", &n)
		batch = fmt.Sprintf("%06d", n%999999+1)
	}
	return stan, batch
}

// SignIn loads fresh working keys into the PIN pad.
func (l *Link) SignIn(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.signIn(ctx)
}

// Rekey runs f, which changes the PIN pad's master key, while no message is under way; then the terminal signs
// in anew. Its error is f's.
func (l *Link) Rekey(ctx context.Context, f func(ctx context.Context) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.signedIn = false
	defer l.Wake()
	return f(ctx)
}

// Loads numbers the working keys in the PIN pad: a PIN block is good for the keys it was made with.
func (l *Link) Loads() uint64 { return l.loads.Load() }

// Missed looks at a command of the PIN pad: a key that is not there any more (the pad lost it, or is another
// one) has the terminal sign in anew.
func (l *Link) Missed(done api.Completion) {
	if done.ErrorCode == pinpad.ErrKeyNotFound {
		l.lost.Store(true)
		l.Wake()
	}
}

// fresh signs in if there are no working keys. The caller holds mu.
func (l *Link) fresh(ctx context.Context) error {
	if l.lost.Swap(false) {
		l.signedIn = false
	}
	if l.signedIn {
		return nil
	}
	return l.signIn(ctx)
}

// SignedIn reports whether working keys were loaded since the start.
func (l *Link) SignedIn() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.signedIn
}

func (l *Link) signIn(ctx context.Context) error {
	if l.Master != nil {
		if err := l.Master(ctx); err != nil {
			return fmt.Errorf("master key: %w", err)
		}
	}
	_, batch := l.next()
	q, err := l.header("0800", l.now().Second()*1000+l.now().Nanosecond()/1e6+1)
	if err != nil {
		return err
	}
	code, size := "003", 40
	if l.cfg.Zone == ZoneSM4 {
		code = "013"
	}
	if len(l.secret) > 0 {
		code, size = code[:2]+"4", 60
	}
	if err := errors.Join(q.SetString(60, "00"+batch+code), q.SetString(63, "001")); err != nil {
		return err
	}
	a, err := l.exchange(ctx, q, false)
	if err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	if rc := string(a.Get(39)); rc != "00" {
		return fmt.Errorf("sign-in refused with code %s: is this terminal known to the server, and its master key?", rc)
	}
	k := a.Get(62)
	if len(k) != size {
		return fmt.Errorf("sign-in: %d bytes of keys instead of %d", len(k), size)
	}
	for _, imp := range []struct {
		name, use string
		value     []byte
	}{{l.keys.tpk, pinpad.UsePIN, k[:20]}, {l.keys.tak, pinpad.UseMAC, k[20:40]}, {l.keys.tdk, pinpad.UseData, k[40:]}} {
		if len(imp.value) == 0 {
			continue
		}
		done := l.pad.Run(ctx, pinpad.CmdImportKey, pinpad.ImportKey{
			Key: imp.name, KeyAttributes: pinpad.KeyAttributes{KeyUsage: imp.use, Algorithm: l.keys.alg},
			Value: imp.value[:16], DecryptKey: l.keys.tmk, VerificationData: imp.value[16:20],
		}, nil)
		if done.Outcome != api.Done {
			return fmt.Errorf("sign-in: the PIN pad refused key %s: %s %s", imp.name, done.Code, done.ErrorCode)
		}
	}
	l.signedIn = true
	l.loads.Add(1)
	l.log.Info("signed in", "zone", l.cfg.Zone)
	return nil
}

// echo asks the server for a sign of life (0820).
func (l *Link) echo(ctx context.Context) error {
	stan, batch := l.next()
	q, err := l.header("0820", stan)
	if err != nil {
		return err
	}
	if err := q.SetString(60, "00"+batch+"301"); err != nil {
		return err
	}
	if _, err := l.exchange(ctx, q, false); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	return nil
}

// cardFields sets what an online transaction says of the card: entry mode 05 is a chip, 07 one
// over the antenna, 02 a stripe, 80 a stripe in place of a chip; the third digit a PIN.
func cardFields(q *message.Message, card session.Card) error {
	mode := "021"
	switch {
	case card.Air:
		mode = "071"
	case card.Chip:
		mode = "051"
	case card.Fallback:
		mode = "801"
	}
	err := errors.Join(q.SetString(22, mode), q.SetString(25, "02"))
	if card.Track2 != "" {
		err = errors.Join(err, q.SetString(35, card.Track2))
	} else { // a passbook: its account number
		err = errors.Join(err, q.SetString(22, "012"), q.SetString(2, card.PAN))
	}
	if card.Sequence != "" {
		err = errors.Join(err, q.SetString(23, card.Sequence))
	}
	return err
}
