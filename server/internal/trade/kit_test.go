package trade_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/host"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/remote"
	"zhigui/server/internal/link"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	"zhigui/sim/dbserver/dbtest"
)

var zonePIK, zoneMAK = []byte("0123456789abcdef"), []byte("fedcba9876543210")

func dialect(t testing.TB, name string) *message.Dialect {
	t.Helper()
	d, err := message.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rig is a server and a bank host in this process.
type rig struct {
	t      testing.TB
	dir    string
	dsn    string // of the store
	hostSM bool
	bank   *bankhost.Host
	addr   string // of the bank host
	st     *store.Store
	hsm    hsm.HSM
	device string // address of a security module behind TCP; empty: the one in software
	host   *host.Host
	mux    *link.Mux
	eng    *trade.Engine
	lis    map[string]*link.Listener
	chans  map[string]*trade.Channel
	opt    trade.Options
	limits host.Limits
	slow   time.Duration   // of each commit
	wait   time.Duration   // for a database that is away; 0: the default
	doors  []bankhost.Door // more ways to the bank
	heard  func(mti, header, field string)
	more   []hostOf     // more hosts, by those ways
	rules  []route.Rule // beside: everything else to core
	secret []string     // fields that terminals encrypt
	clear  bool         // or do not
	wrap   func(hsm.HSM) hsm.HSM
	bare   bool         // the host's new keys come in ECB
	cipher *link.Cipher // of the link to core, and the bank's side of it
	sealed *bankhost.Cipher
	data   map[string]bankhost.DataKeys // data keys by owner

	practice, partnerHow hsm.Practice // agreed on with the host, and with the partner
}

// hostOf is one more host of a rig.
type hostOf struct {
	name, dialect string
	link          link.Spec
	limits        host.Limits
	cipher        *link.Cipher
	format        *format.Dialect // instead of dialect
	host          *host.Host
	client        link.Client
}

// codecOf is the codec of a dialect that comes with the platform, over a model.
func codecOf(t testing.TB, name, model string) *link.Codec {
	t.Helper()
	d, err := format.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return link.NewCodec(d, dialect(t, model))
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newRig(t testing.TB, hostSM4 bool, o trade.Options) *rig {
	t.Helper()
	return newRigOf(&rig{t: t, dir: t.TempDir(), hostSM: hostSM4, opt: o})
}

func newRigOf(r *rig) *rig {
	t, hostSM4 := r.t, r.hostSM
	t.Helper()
	if r.dsn == "" {
		r.dsn = dbtest.Chosen(t)
	}
	var err error
	r.bank, err = bankhost.Start(bankhost.Options{Listen: "127.0.0.1:0", Control: "127.0.0.1:0", Ledger: filepath.Join(r.dir, "ledger"),
		Zone: bankhost.Zone{SM4: hostSM4, PIK: zonePIK, MAK: zoneMAK, MAC: r.practice.MAC.String(), Format3: r.practice.PIN == paycrypto.ISO3}, Late: 2 * time.Second, Doors: r.doors, Heard: r.heard, Cipher: r.sealed, Log: discard()})
	if err != nil {
		t.Fatal(err)
	}
	r.addr = r.bank.Addr()
	r.start()
	t.Cleanup(func() { r.stop(); _ = r.bank.Close() })
	return r
}

func (r *rig) start() {
	var err error
	fatal := func() {
		if err != nil {
			r.t.Fatal(err)
		}
	}
	ctx := context.Background()
	r.st, err = store.Open(ctx, store.Options{DSN: r.dsn, FsyncDelay: r.slow, Patience: r.wait})
	fatal()
	mk, err := hsm.MasterKey(filepath.Join(r.dir, "master.key"))
	fatal()
	if r.device == "" {
		r.hsm, err = hsm.NewSoft(mk, r.st)
	} else {
		var v *hsm.Vault
		v, err = hsm.NewVault(mk)
		fatal()
		r.hsm, err = remote.New(remote.Options{Address: r.device, Timeout: 300 * time.Millisecond}, v, r.st)
	}
	fatal()
	if r.wrap != nil {
		r.hsm = r.wrap(r.hsm)
	}
	alg, name := paycrypto.DES, "cups128"
	if r.hostSM {
		alg, name = paycrypto.SM4, "cups128sm4"
	}
	err = r.hsm.Import("core", alg, zonePIK, zoneMAK)
	fatal()
	o := r.opt
	if o.HostTimeout == 0 {
		o.HostTimeout = time.Second
	}
	o.ReversalDelay, o.Backoff = 20*time.Millisecond, 50*time.Millisecond
	if o.Log == nil {
		o.Log = discard()
	}
	for owner, k := range r.data {
		err = r.importData(owner, k)
		fatal()
	}
	codec, err := codecOf(r.t, name, name).Encrypted(r.cipher, r.hsm, false)
	fatal()
	owner := ""
	if r.cipher != nil {
		owner = r.cipher.Owner
	}
	r.host = host.New(host.Options{Name: "core", Codec: codec, HSM: r.hsm, Keys: "core", KEK: "bank", Data: owner, Bare: r.bare, Practice: r.practice, Management: "cups", Acquirer: "99992900", Forwarder: "99990000",
		Trace: trade.TraceNumbers(r.st, "99992900", "99990000"), Limits: r.limits, Log: o.Log,
		CutOver: func(ctx context.Context, day string) error { return r.st.SetDay(ctx, "core", day, time.Now()) }})
	hosts, names := []*host.Host{r.host}, []string{"core"}
	for i := range r.more {
		m := &r.more[i]
		c := codecOf(r.t, m.dialect, "cups128")
		if m.format != nil {
			c = link.NewCodec(m.format, dialect(r.t, "cups128"))
		}
		c, err := c.Encrypted(m.cipher, r.hsm, false)
		if err != nil {
			r.t.Fatal(err)
		}
		ho := host.Options{Name: m.name, Codec: c, HSM: r.hsm, Keys: "core", Acquirer: "99992900", Forwarder: "99990000",
			Trace: trade.TraceNumbers(r.st, "99992900", "99990000"), Limits: m.limits, Log: o.Log}
		if m.link.Kind == "group" || m.link.Kind == "long" {
			ho.Management = "cups"
		}
		m.host = host.New(ho)
		hosts, names = append(hosts, m.host), append(names, m.name)
	}
	routes, err := route.New(append(slices.Clone(r.rules), route.Rule{To: []route.Target{{Host: "core"}}}), names)
	fatal()
	r.eng, err = trade.New(ctx, r.st, r.hsm, hosts, routes, o)
	fatal()
	for i := range r.more {
		m := &r.more[i]
		m.client, err = link.Open(&m.link, m.host.Codec(), m.host.OnUp, m.host, o.Log)
		fatal()
		m.host.Attach(m.client)
		m.client.Start()
	}
	up := make(chan struct{}, 8)
	r.mux = link.NewMux(link.Options{Lines: []link.Line{{Address: r.addr, Count: 4}}, Codec: codec, Requests: r.host, Backoff: 10 * time.Millisecond, Log: o.Log, OnUp: func() { up <- struct{}{} }})
	r.host.Attach(r.mux)
	r.eng.Start()
	r.mux.Start()
	select {
	case <-up:
	case <-time.After(10 * time.Second):
		r.t.Fatal("no link to the bank host")
	}
	r.lis, r.chans = map[string]*link.Listener{}, map[string]*trade.Channel{}
	for zone, dn := range map[string]string{trade.Zone3DES: "pos64", trade.ZoneSM4: "pos64sm4"} {
		c := codecOf(r.t, dn, dn)
		z, bad := r.eng.NewChannel(trade.ChannelOptions{Name: zone, Zone: zone, Codec: c, Encrypt: r.secret, Clear: r.clear})
		err = bad
		fatal()
		r.chans[zone] = z
		r.lis[zone], err = link.NewListener("127.0.0.1:0", link.ListenerOptions{Codec: c, Handler: z, Log: o.Log})
		fatal()
	}
}

func (r *rig) stop() {
	if r.st == nil {
		return
	}
	defer func() { r.st = nil }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, l := range r.lis {
		l.Close(ctx)
	}
	r.eng.Close()
	r.mux.Close()
	for _, m := range r.more {
		m.client.Close()
	}
	_ = r.st.Close()
}

// term is a terminal with its PIN pad.
type term struct {
	t        testing.TB
	id, zone string
	d        *message.Dialect
	addr     string
	tmk      *paycrypto.Key
	alg      paycrypto.Alg
	pik, mak *paycrypto.Key
	tdk      *paycrypto.Key
	data     bool // signs in for a data key
	stan     int
}

const merchant = "102290000000001"

func (r *rig) terminal(id, zone string) *term {
	r.t.Helper()
	return r.enrol(id, zone, r.lis[zone].Addr().String())
}

// enrol registers a terminal and signs it in at an address.
func (r *rig) enrol(id, zone, addr string) *term {
	r.t.Helper()
	ctx := context.Background()
	if err := r.st.AddTerminal(ctx, &store.Terminal{ID: id, Merchant: merchant, Branch: "0001", Zone: zone, Enabled: true, Created: time.Now()}); err != nil {
		r.t.Fatal(err)
	}
	x := &term{t: r.t, id: id, zone: zone, data: len(r.secret) > 0, addr: addr, alg: paycrypto.DES, d: dialect(r.t, "pos64")}
	if zone == trade.ZoneSM4 {
		x.alg, x.d = paycrypto.SM4, dialect(r.t, "pos64sm4")
	}
	raw, kcv, err := r.hsm.CreateTMK(id, x.alg)
	if err != nil {
		r.t.Fatal(err)
	}
	if x.tmk, err = paycrypto.NewKey(x.alg, raw); err != nil || !bytes.Equal(x.tmk.KCV(4), kcv) {
		r.t.Fatal("check value of the TMK")
	}
	x.signIn()
	return x
}

func (x *term) signIn() {
	x.t.Helper()
	m := x.msg("0800", "")
	net3, size := map[paycrypto.Alg]string{paycrypto.DES: "003", paycrypto.SM4: "013"}[x.alg], 40
	if x.data {
		net3, size = net3[:2]+"4", 60
	}
	_ = m.SetString(60, "00000001"+net3)
	a := x.do(m, false)
	f := a.Get(62)
	if a.String(39) != "00" || len(f) != size {
		x.t.Fatalf("sign-in: %s", a.Describe())
	}
	open := func(wrapped, kcv []byte) *paycrypto.Key {
		raw, err := paycrypto.Unwrap(x.tmk, wrapped)
		if err != nil {
			x.t.Fatal(err)
		}
		k, err := paycrypto.NewKey(x.alg, raw)
		if err != nil || !bytes.Equal(k.KCV(4), kcv) {
			x.t.Fatal("check value of a working key")
		}
		return k
	}
	x.pik, x.mak = open(f[:16], f[16:20]), open(f[20:36], f[36:40])
	if x.data {
		x.tdk = open(f[40:56], f[56:60])
	}
}

func (x *term) msg(mti, proc string) *message.Message {
	x.stan++
	m := message.New(x.d)
	_ = m.SetMTI(mti)
	if proc != "" {
		_ = m.SetString(3, proc)
	}
	_ = m.SetNumber(11, uint64(x.stan))
	_ = m.SetString(41, x.id)
	_ = m.SetString(42, merchant)
	return m
}

func (x *term) pinBlock(pan, pin string) []byte {
	f := paycrypto.ISO0
	if x.alg == paycrypto.SM4 {
		f = paycrypto.SM4Block
	}
	b, err := paycrypto.EncodePIN(f, []byte(pin), []byte(pan))
	if err != nil {
		x.t.Fatal(err)
	}
	b, _ = x.pik.ECB(nil, b, false)
	return b
}

func (x *term) request(proc, card, pin string, amount int64) *message.Message {
	m := x.msg("0200", proc)
	if amount > 0 {
		_ = m.SetNumber(4, uint64(amount))
		_ = m.SetString(49, "156")
	}
	_ = m.SetString(22, "021")
	_ = m.SetString(25, "02")
	_ = m.SetString(26, "06")
	_ = m.SetString(35, card+"=3012101123456789")
	_ = m.Set(52, x.pinBlock(card, pin))
	_ = m.SetString(53, "2600000000000000")
	_ = m.SetString(60, "00000001000")
	return m
}

func (x *term) macOf(data []byte) []byte {
	alg := paycrypto.X919
	if x.alg == paycrypto.SM4 {
		alg = paycrypto.SM4CBC
	}
	mac, err := paycrypto.AppendMAC(nil, alg, x.mak, data)
	if err != nil {
		x.t.Fatal(err)
	}
	return mac
}

// try sends m and returns the answer, nil when there was none.
func (x *term) try(m *message.Message, withMAC bool) (*message.Message, error) {
	if withMAC {
		m.ReserveMAC()
	}
	frame, lay, err := m.Pack(nil)
	if err != nil {
		x.t.Fatal(err)
	}
	if withMAC {
		lay.PutMAC(frame, x.macOf(lay.Cover(frame)))
	}
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // test
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(frame); err != nil {
		return nil, err
	}
	body, err := x.d.ReadFrame(bufio.NewReader(c), nil)
	if err != nil {
		return nil, err
	}
	a := message.New(x.d)
	if err := a.Unpack(x.d, body); err != nil {
		return nil, err
	}
	for _, n := range []int{11, 41, 42} { // an answer that is another's is given to nobody
		if m.Has(n) && a.String(n) != m.String(n) {
			x.t.Errorf("asked with F%d %s, answered with %s", n, m.String(n), a.String(n))
		}
	}
	if withMAC && a.Has(64) && !a.MACEquals(x.macOf(a.Covered())) {
		return nil, fmt.Errorf("MAC of the answer is wrong")
	}
	return a, nil
}

func (x *term) do(m *message.Message, withMAC bool) *message.Message {
	x.t.Helper()
	a, err := x.try(m, withMAC)
	if err != nil {
		x.t.Fatal(err)
	}
	return a
}

func (x *term) withdraw(card string, amount int64) (*message.Message, *message.Message) {
	x.t.Helper()
	q := x.request("010000", card, "123456", amount)
	return q, x.do(q, true)
}

// about makes a 0220 or 0400 for an original.
func (x *term) about(mti string, orig *message.Message, amount int64) *message.Message {
	m := x.msg(mti, orig.String(3))
	_ = m.SetNumber(4, uint64(amount))
	_ = m.SetString(49, "156")
	_ = m.SetString(60, "00000001000")
	_ = m.SetString(61, "000001"+orig.String(11)+"1122")
	if mti == "0400" {
		_ = m.SetString(11, orig.String(11))
		_ = m.SetString(39, "98")
	}
	return m
}

func (r *rig) balance(card string) int64 {
	for _, a := range r.bank.Accounts() {
		if a.Card == card {
			return a.Balance
		}
	}
	r.t.Fatal("no such account")
	return 0
}

func (r *rig) txn(x *term, q *message.Message) *store.Txn {
	r.t.Helper()
	t, err := r.st.ByOriginal(context.Background(), x.id, "000001", q.String(11))
	if err != nil {
		r.t.Fatal(err)
	}
	return t
}

// until waits for a condition; the test fails when it does not come about.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("did not come about: " + what)
}
