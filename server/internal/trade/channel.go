package trade

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/internal/host"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

// ChannelOptions of NewChannel.
type ChannelOptions struct {
	Name  string
	Zone  string // of the terminals that may use it: Zone3DES, ZoneSM4, or a name of its own
	Codec *link.Codec
	// Keys is the owner of the channel's keys in the security module, of a partner whose messages all
	// have one MAC key. Empty: every terminal has keys of its own, by sign-in.
	Keys string
	// Practice is the kind of MAC and PIN block of its messages, where the keys do not say.
	Practice hsm.Practice
	// Encrypt names the canonical fields that travel encrypted, both ways, or message.EncloseAll.
	Encrypt []string
	Clear   bool // terminals that sign in without a data key are served, in the clear
	Keep    bool // connections stay open, unless a message's own header says so (POS)
}

// Channel serves those who come one way: terminals of one zone, or a partner. It implements
// link.Handler.
type Channel struct {
	e      *Engine
	o      ChannelOptions
	d      *message.Dialect // model of its messages
	pair   map[string]mappings
	pool   sync.Pool
	secret []int // data elements of Encrypt
	health health
}

// mappings are those between a channel and a host.
type mappings struct{ toH, toT *message.Mapping }

// NewChannel makes the handler of a channel.
func (e *Engine) NewChannel(o ChannelOptions) (*Channel, error) {
	d := o.Codec.Model()
	secret, err := d.Enclosed(o.Encrypt)
	if err != nil {
		return nil, err
	}
	z := &Channel{e: e, o: o, d: d, secret: secret, pair: map[string]mappings{}}
	for name, h := range e.hosts {
		z.pair[name] = mappings{message.NewMapping(d, h.Model()), message.NewMapping(h.Model(), d)}
	}
	z.pool.New = func() any {
		return &work{z: z, in: message.New(d), out: message.New(d), reply: message.New(d), tmp: message.New(d),
			frame: make([]byte, 0, 1024), blob: make([]byte, 0, 2048), mac: make([]byte, 0, 32)}
	}
	return z, nil
}

// work is the reusable memory of one request.
type work struct {
	z      *Channel
	seal   link.Seal        // of in
	host   *host.Host       // where the transaction goes
	to     hsm.Ref          // version of its keys for this message, PIN block and MAC alike; zero: it has none
	in     *message.Message // from the terminal
	out    *message.Message // to the host
	reply  *message.Message // to the terminal
	tmp    *message.Message // scratch
	frame  []byte           // packed host message
	blob   []byte           // packed for storage
	mac    []byte
	key    hsm.Ref // version the terminal used
	keyed  bool
	term   *store.Terminal
	claims []store.Claim // shares of limits
	made   time.Time     // when its row of the journal was, by the clock that nobody sets
	until  time.Time     // its sender waits no longer; zero: it did not say
	never  bool          // it said a time that cannot be
	told   time.Time     // when the host's message said how long we wait; zero: it does not
}

// Handle implements link.Handler. A POS terminal asks for a long connection by the last byte of the
// application header being 01.
func (z *Channel) Handle(ctx context.Context, body, dst []byte) ([]byte, bool) {
	z.e.count.requests.Add(1)
	z.health.flying.Add(1)
	defer z.health.flying.Add(-1)
	w := z.pool.Get().(*work)
	defer z.pool.Put(w)
	w.keyed, w.term, w.host, w.to, w.claims, w.until, w.told = false, nil, nil, hsm.Ref{}, nil, time.Time{}, time.Time{}
	var err error
	w.seal, err = z.o.Codec.Unpack(w.in, body)
	refused := ""
	if err != nil {
		refused = z.undisclosed(err)
	}
	if err != nil && refused == "" {
		z.e.count.garbage.Add(1)
		z.health.refused(&z.health.garbage, FaultGarbage, "")
		z.e.o.Log.Warn("terminal message refused", "error", err.Error())
		return nil, false
	}
	app := w.in.HeaderPart("app")
	keep := z.o.Keep
	if len(app) > 0 {
		keep = app[len(app)-1] == 1
	}
	w.reply.Reset(z.d)
	w.reply.ReplyTo(w.in)
	for _, c := range [...]message.Canon{message.ProcCode, message.STAN, message.Terminal, message.Merchant} {
		if v := w.in.Value(c); v != nil {
			_ = w.reply.Put(c, v)
		}
	}
	rc := refused
	if rc == "" {
		rc = z.route(ctx, w)
	}
	if rc != "" {
		w.respond(rc)
	}
	z.e.note(string(w.in.Get(41)), "from", w.in)
	z.e.note(string(w.in.Get(41)), "to", w.reply)
	var sign format.Sign
	if w.keyed {
		sign = w.sign
	}
	err = z.enclose(w)
	var out []byte
	if err == nil {
		out, err = z.o.Codec.Answer(dst, w.reply, sign, w.seal)
	}
	if err != nil {
		z.health.refused(&z.health.broken, FaultAnswer, "")
		z.e.o.Log.Error("answer cannot be packed", "error", err.Error())
		return nil, false
	}
	return out, keep
}

// note gives the message log a message.
func (e *Engine) note(terminal, way string, m *message.Message) {
	if e.o.Messages != nil {
		e.o.Messages(terminal, way, m.Describe())
	}
}

func (w *work) sign(cover []byte) ([]byte, error) {
	return w.z.e.hsm.AppendMAC(w.mac[:0], w.key, cover)
}

func (w *work) respond(rc string) { _ = w.reply.SetString(39, rc) }

// route answers the code to give, or "" when the reply is complete.
func (z *Channel) route(ctx context.Context, w *work) string {
	e := z.e
	if !w.in.Has(11) || !w.in.Has(41) || !w.in.Has(42) {
		return rcFormat
	}
	var err error
	if w.term, err = e.terminal(ctx, string(w.in.Get(41))); err != nil {
		e.o.Log.Warn("terminal not looked up", "error", err.Error())
		if mti := w.in.MTI(); mti == "0100" || mti == "0200" {
			return rcNoAnswer // a repeat may have been approved
		}
		return rcSystem
	}
	if w.term == nil || w.term.Zone != z.o.Zone || w.term.Merchant != string(w.in.Get(42)) {
		z.health.refused(&z.health.strangers, FaultStranger, "")
		return rcTerminal
	}
	switch w.in.MTI() {
	case "0800":
		if z.o.Keys != "" {
			return rcInvalid
		}
		return z.signIn(w)
	case "0820":
		return rcOK
	}
	if rc := z.verify(w); rc != "" {
		return rc
	}
	if rc := z.open(w); rc != "" {
		return rc
	}
	if len(w.batch()) != 6 {
		return rcFormat
	}
	switch w.in.MTI() {
	case "0100", "0200":
		return z.request(ctx, w)
	case "0220":
		if k := e.products.Find("0100", w.in.Get(3)); k != nil && k.Credit {
			return z.credit(ctx, w)
		}
		return z.confirm(ctx, w)
	case "0400":
		return z.reverse(ctx, w)
	}
	return rcInvalid
}

// request finds the product that is asked for, and meters it.
func (z *Channel) request(ctx context.Context, w *work) string {
	e := z.e
	k := e.products.Find(w.in.MTI(), w.in.Get(3))
	if k == nil || !k.For(z.o.Name) {
		return rcInvalid
	}
	began := time.Now()
	w.patience(ctx, began)
	rc := z.transact(ctx, w, k)
	key, said := seriesKey{channel: z.o.Name, product: k.Name}, rc
	if w.host != nil {
		key.host = w.host.Name()
	}
	if said == "" {
		said = string(w.reply.Get(39))
	}
	now := time.Now()
	e.meter.add(key, said, now.Sub(began), now)
	return rc
}

// verify checks the MAC against the terminal's current and previous key: "" for a right one, rcMAC, or
// rcSystem when the security module cannot say.
func (z *Channel) verify(w *work) string {
	wrong := func() string {
		z.e.count.macErrors.Add(1)
		z.health.refused(&z.health.mac, FaultMAC, w.term.ID)
		z.e.o.Log.Warn("terminal MAC wrong", "terminal", w.term.ID, "mti", w.in.MTI())
		return rcMAC
	}
	cover, owner := w.seal.Cover(), w.term.ID
	if z.o.Keys != "" {
		owner = z.o.Keys
	}
	if cover == nil {
		return wrong()
	}
	for again := true; ; again = false {
		ref, err := z.e.hsm.Current(owner)
		ref.Practice = z.o.Practice
		for i := 0; i < 2 && err == nil; i++ {
			var mac []byte
			if mac, err = z.e.hsm.AppendMAC(w.mac[:0], ref, cover); err == nil && w.seal.Equals(mac) {
				w.key, w.keyed = ref, true
				return ""
			}
			ref.Version--
		}
		if err != nil && !errors.Is(err, hsm.ErrNoKey) {
			z.health.refused(&z.health.broken, FaultModule, w.term.ID)
			z.e.o.Log.Error("terminal MAC not checked", "terminal", w.term.ID, "error", err.Error())
			return rcSystem
		}
		if !again || !z.e.refresh(owner) {
			return wrong()
		}
	}
}

// refresh takes over the keys that an owner may have got by another server, once a second at most.
func (e *Engine) refresh(owner string) bool {
	now := time.Now()
	if at, ok := e.refreshed.Swap(owner, now); ok && now.Sub(at.(time.Time)) < time.Second {
		e.refreshed.Store(owner, at)
		return false
	}
	if err := e.hsm.Refresh(owner); err != nil {
		e.o.Log.Error("keys not read again", "owner", owner, "error", err.Error())
		return false
	}
	return true
}

// signIn gives a terminal new working keys under its TMK.
func (z *Channel) signIn(w *work) string {
	b := w.in.Get(60)
	two := map[string]string{Zone3DES: "003", ZoneSM4: "013"}[z.o.Zone]
	three := map[string]string{Zone3DES: "004", ZoneSM4: "014"}[z.o.Zone]
	if two == "" || len(b) < 11 || string(b[8:11]) != two && string(b[8:11]) != three {
		return rcFormat
	}
	data := string(b[8:11]) == three
	if !data && len(z.secret) > 0 && !z.o.Clear {
		z.e.o.Log.Warn("sign-in without a data key refused", "terminal", w.term.ID)
		return rcFormat
	}
	k, err := z.e.hsm.NewWorking(w.term.ID, data)
	if err != nil {
		z.e.o.Log.Error("sign-in without keys", "terminal", w.term.ID, "error", err.Error())
		return rcSystem
	}
	var f [60]byte
	p := append(f[:0], k.PIK...)
	p = append(p, k.PIKKCV...)
	p = append(p, k.MAK...)
	p = append(p, k.MAKKCV...)
	p = append(append(p, k.TDK...), k.TDKKCV...)
	w.stamp()
	_ = w.reply.SetString(37, "000000"+string(w.in.Get(11)))
	if w.reply.Set(62, p) != nil {
		return rcSystem
	}
	z.e.o.Log.Info("terminal signed in", "terminal", w.term.ID, "keyVersion", k.Version)
	return rcOK
}

// stamp sets the server's time into the reply.
func (w *work) stamp() {
	now := w.z.e.o.Now().In(shanghai)
	_ = w.reply.SetString(12, now.Format("150405"))
	_ = w.reply.SetString(13, now.Format("0102"))
}

// batch is the terminal's batch number; a channel whose messages have none has one batch a day.
func (w *work) batch() string {
	if w.z.d.Number(message.Batch) != 0 && w.in.Has(60) {
		if b := w.in.Get(60); len(b) >= 8 {
			return string(b[2:8])
		}
		return ""
	}
	if d := w.in.Value(message.LocalDate); len(d) == 4 {
		return "00" + string(d)
	}
	return "000000"
}

// idem is the idempotency key of the request: terminal, merchant, batch, STAN, MTI, F3.
func (w *work) idem(mti, batch, stan string) string {
	return w.term.ID + "|" + w.term.Merchant + "|" + batch + "|" + stan + "|" + mti + "|" + string(w.in.Get(3))
}

// digest is over all fields that a faithful repeat has in common: not the PIN block and the
// MAC, which change with the working keys, nor the time left.
func (w *work) digest(k *product.Product) (d [32]byte) {
	newPIN := slices.Contains(k.Steps, "newPin")
	buf := w.blob[:0]
	for n := 2; n < 64; n++ {
		if n == 52 || n == 62 && newPIN || !w.in.Has(n) || w.in.CarriesTimeLeft(n) {
			continue
		}
		v := w.in.Get(n)
		buf = append(buf, byte(n), byte(len(v)>>8), byte(len(v)))
		buf = append(buf, v...)
	}
	w.blob = buf
	return sha256.Sum256(buf)
}
