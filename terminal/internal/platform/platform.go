// Package platform wires the native platform from its configuration: driver processes,
// journal, cashier, services, links to server and keeper. Only cmd/platformd imports it.
package platform

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/host"
	"zhigui/keeper/api/release"
	"zhigui/server/api/access"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/bundle"
	"zhigui/terminal/internal/cashier"
	"zhigui/terminal/internal/config"
	"zhigui/terminal/internal/counter"
	"zhigui/terminal/internal/depositor"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/issuer"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/operator"
	"zhigui/terminal/internal/padkey"
	"zhigui/terminal/internal/receipt"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
	"zhigui/terminal/internal/signed"
	"zhigui/terminal/internal/uplink"
)

// core are the devices that the counter has rules of its own for; every other device of the
// configuration becomes a service under its id.
var core = []string{"card", "cash", "pinpad", "printer"}

// Platform is a running native platform.
type Platform struct {
	cfg      config.Config
	log      *slog.Logger
	epoch    string
	host     *host.Host
	drivers  map[string]*host.Device
	devices  map[string]*device.Device
	led      *book.Ledger
	sess     *session.Manager
	cashier  *cashier.Cashier
	deposits *depositor.Depositor // nil without an acceptor
	recycler *cashier.Cashier     // nil without an acceptor; it has something to pay from if that is a recycler
	cards    *issuer.Issuer       // nil without a card dispenser
	link     *hostlink.Link
	master   *padkey.Loader // nil: no keys over the line
	counter  *counter.Counter
	desk     *operator.Desk
	server   *service.Server
	bundles  *bundle.Store
	client   *uplink.Client
	monitor  *uplink.Monitor
	ticks    atomic.Uint64
	busy     atomic.Bool
	fetching atomic.Bool // a bundle is on its way
	alarmNo  atomic.Uint64

	mu       sync.Mutex
	assigned *access.Bundle
	recovery map[string]api.Recovery
	asked    []string   // orders whose result the server wants
	ordering sync.Mutex // one order at a time

	signatures *signed.Folder
	mark       func(account string) string
	signing    chan struct{} // a signature waits for the server
}

// New builds a platform; Run runs it.
func New(cfg config.Config, log *slog.Logger) (*Platform, error) {
	p := &Platform{cfg: cfg, log: log, epoch: randomHex(8), drivers: map[string]*host.Device{}, devices: map[string]*device.Device{}, recovery: map[string]api.Recovery{}, signing: make(chan struct{}, 1)}
	for _, d := range []string{cfg.Data, cfg.Run} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	if err := p.openBooks(); err != nil {
		return nil, err
	}
	if err := p.openBundles(); err != nil {
		return nil, err
	}
	return p, p.join()
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func (p *Platform) openBooks() error {
	signer, err := loadSigner(filepath.Join(p.cfg.Data, "terminal.key"))
	if err != nil {
		return err
	}
	p.mark = signer.mark
	p.led, err = book.Open(filepath.Join(p.cfg.Data, "ej"), journal.Options{Epoch: p.epoch, Signer: signer})
	if err != nil {
		return err
	}
	p.led.OnRecord = func(r ej.Record) {
		p.failpoint(r)
		p.watchSettlement(r)
		if r.Kind == ej.Signed {
			p.sendSigned()
		}
		if p.monitor != nil {
			p.monitor.Wake()
		}
		p.tellStorage(r.Kind)
	}
	if err := p.led.Log(ej.Boot, ej.Record{}, nil); err != nil {
		return err
	}
	return p.firstFilling()
}

// firstFilling books the cash units of the configuration while the journal knows none.
func (p *Platform) firstFilling() error {
	known := false
	p.led.Read(func(b *book.Book) { known = len(b.UnitIDs(book.Dispenser)) > 0 })
	if known || len(p.cfg.Units) == 0 {
		return nil
	}
	units := map[string]book.Unit{}
	for id, u := range p.cfg.Units {
		units[id] = book.Unit{Currency: "CNY", Value: u.Value, Count: u.Count, Initial: u.Count}
	}
	return p.led.Log(ej.Counts, ej.Record{Device: "cash"}, book.CountsData{Units: units, By: "first filling"})
}

func (p *Platform) openBundles() error {
	var key *release.PublicKey
	if p.cfg.Release.Key != "" {
		pem, err := os.ReadFile(p.cfg.Release.Key)
		if err != nil {
			return fmt.Errorf("setting release.key: %w", err)
		}
		if key, err = release.ParsePublic(pem); err != nil {
			return fmt.Errorf("setting release.key: %w", err)
		}
	}
	var err error
	p.bundles, err = bundle.Open(filepath.Join(p.cfg.Data, "bundles"), key)
	return err
}

// join makes the parts and ties them together.
func (p *Platform) join() error {
	cfg := p.cfg
	g, err := guard.New(cfg.Guard...)
	if err != nil {
		return err
	}
	forms, err := receipt.Load(nil)
	if err != nil {
		return err
	}
	if p.host, err = host.New(host.Config{RunDir: filepath.Join(cfg.Run, "d"), CrashLimit: cfg.CrashLimit, HealthEvery: cfg.Watchdog}, p.log); err != nil {
		return err
	}
	p.sess = session.New(nil)
	p.signatures = &signed.Folder{Dir: filepath.Join(cfg.Data, "signatures"), Retain: cfg.Signatures.Retain}
	others := map[string]*device.Device{}
	for id := range cfg.Devices {
		d := device.New(id, &lazyDriver{p: p, id: id})
		p.devices[id] = d
		if !slices.Contains(core, id) && id != counter.AcceptorID {
			others[id] = d
		}
	}
	pays := cashier.Config{
		Currency: "CNY", TakeTimeout: cfg.Timeouts.Cash, MoveTimeout: cfg.Timeouts.Move, RecoverTimeout: 20 * time.Second,
		PadOver: cfg.Limits.PadOver, PerTxn: cfg.Limits.PerTxn, MaxNotes: cfg.Limits.MaxNotes, SeesTaking: true, Lock: &sync.Mutex{},
	}
	hooks := func(svc string) cashier.Hooks {
		return cashier.Hooks{
			Settled: func(string) { p.link.Wake() },
			Alarm:   p.alarm,
			Event:   func(ev api.Event) { p.server.Broadcast(svc, ev) },
		}
	}
	p.cashier = cashier.New(pays, p.fitted("cash"), p.led, g, p.sess, hooks("cash"), nil, p.log)
	if acceptor := p.devices[counter.AcceptorID]; acceptor != nil {
		rules, err := guard.ForDeposit()
		if err != nil {
			return err
		}
		p.deposits = depositor.New(depositor.Config{Currency: "CNY", MoveTimeout: cfg.Timeouts.Move, AmountLimit: cfg.Limits.Deposit, NotesLimit: cfg.Limits.DepositNotes, Over: cfg.Limits.DepositOver,
			Recycle: cfg.Recycle.Deposit, High: cfg.Recycle.High},
			acceptor, p.led, rules, p.sess, depositor.Hooks{Settled: func(string) { p.link.Wake() }, Alarm: p.alarm}, nil, p.log)
	}
	if acceptor := p.devices[counter.AcceptorID]; acceptor != nil {
		pays.Device, pays.Keeps, pays.NoteTimeout = book.Acceptor, true, cfg.Timeouts.Cash
		if pays.MaxNotes = cfg.Recycle.MaxNotes; cfg.Limits.MaxNotes > 0 {
			pays.MaxNotes = min(pays.MaxNotes, cfg.Limits.MaxNotes)
		}
		p.recycler = cashier.New(pays, acceptor, p.led, g, p.sess, hooks(counter.AcceptorID), nil, p.log)
	}
	if cards := p.devices[counter.CardsID]; cards != nil {
		p.cards = issuer.New(issuer.Config{Unit: "unit1", Bin: "unit2", Stock: "cards", TakeTimeout: cfg.Timeouts.Card, MoveTimeout: cfg.Timeouts.Move},
			cards, p.led, p.sess, device.NewOp, issuer.Hooks{Settled: func(string) { p.link.Wake() }, Alarm: p.alarm,
				Leaves: func() { p.counter.BlankLeaves() }, Spent: func(why string) { p.counter.BlankSpent(why) }}, p.log)
	}
	p.link, err = hostlink.New(hostlink.Config{
		Addr: cfg.Host.Addr, Zone: cfg.Host.Zone, Encrypt: cfg.Host.Encrypt, Terminal: cfg.Terminal, Merchant: cfg.Merchant,
		Timeout: cfg.Host.Timeout, DialTimeout: 5 * time.Second, Retry: time.Second, RetryMax: 30 * time.Second,
	}, p.fitted("pinpad"), p.led, nil, p.log)
	if err != nil {
		return err
	}
	tokens, err := p.tokens()
	if err != nil {
		return err
	}
	p.server = service.New(service.Config{Addr: cfg.XFS.Addr, Tokens: tokens, Origins: cfg.XFS.Origins, Compat: cfg.XFS.Compat, Vendor: "ZhiGui"}, p.log)
	if cfg.Server.URL != "" {
		if p.client, err = uplink.NewClient(uplink.Config{URL: cfg.Server.URL, CA: cfg.Server.CA, Cert: cfg.Server.Cert, Key: cfg.Server.Key}); err != nil {
			return err
		}
		p.monitor = (&uplink.Monitor{Client: p.client, Source: p, Log: p.log, Every: 5 * time.Second,
			SignIn: access.SignIn{Software: Version, Boot: p.epoch, Time: time.Now().UTC()}}).Start()
	}
	p.master = p.loadKeys()
	var cases counter.Cases
	if p.client != nil {
		cases = p.client
	}
	p.counter = counter.New(counter.Parts{
		Info: counter.Info{
			Terminal: cfg.Terminal, Name: counter.Text{ZH: cfg.Terminal, EN: cfg.Terminal},
			Limits:   counter.Limits{PadOver: cfg.Limits.PadOver, PerTxn: cfg.Limits.PerTxn, Multiple: cfg.Limits.Multiple, Deposit: cfg.Limits.Deposit, DepositOver: cfg.Limits.DepositOver},
			Timeouts: counter.Timeouts{Idle: cfg.Timeouts.Idle, Warn: cfg.Timeouts.Warn, Card: cfg.Timeouts.Card, Cash: cfg.Timeouts.Cash},
			Pay:      cfg.Recycle.Pay, High: cfg.Recycle.High,
			Scenes: cfg.Scenes, Notices: texts(cfg.Notices), Queues: queues(cfg.Queues),
			Chip: counter.ChipRules{Fallback: cfg.Chip.Fallback, AskExpired: cfg.Chip.AskExpired},
		},
		Card: p.fitted("card"), Cash: p.fitted("cash"), PinPad: p.fitted("pinpad"), Printer: p.fitted("printer"), Others: others,
		Acceptor: p.devices[counter.AcceptorID], Depositor: p.deposits, Recycler: p.recycler, Issuer: p.cards,
		Ledger: p.led, Session: p.sess, Cashier: p.cashier, Link: p.link, Desk: &pad{p.client}, Cases: cases, Forms: forms, Server: p.server, Signatures: p.signatures,
		Mark:  p.mark,
		Texts: responseText, Capture: captureCard, Bundle: p.currentBundle, Alarm: p.alarm,
		Order: p.order, AtWork: func() bool { return p.desk != nil && p.desk.Working() },
		Activity: func(busy bool) { p.busy.Store(busy); p.takeAssigned() }, Log: p.log,
	})
	p.link.OnState = p.counter.SetLink
	p.desk = operator.New(p.deskParts(forms))
	p.server.Register(p.desk.Service())
	return nil
}

// fitted is a device of the counter's own, or one that says that this kind of terminal has none.
func (p *Platform) fitted(id string) *device.Device {
	if d := p.devices[id]; d != nil {
		return d
	}
	return device.Absent(id)
}

func texts(list []config.Text) (out []counter.Text) {
	for _, t := range list {
		out = append(out, counter.Text(t))
	}
	return out
}

func queues(list []config.Queue) (out []counter.Queue) {
	for _, q := range list {
		out = append(out, counter.Queue{Prefix: q.Prefix, Name: counter.Text(q.Text)})
	}
	return out
}

// Version of the platform, set by the build.
var Version = "0.1.0"

// tokens makes the per-boot tokens and leaves the pages' one for the shell, readable by
// the terminal's user only.
func (p *Platform) tokens() (map[string]service.Role, error) {
	roles := map[string]service.Role{}
	for name, role := range map[string]service.Role{"flow.token": service.RoleFlow, "xfs.token": service.RoleXFS, "operator.token": service.RoleOperator} {
		t := randomHex(24)
		roles[t] = role
		tmp := filepath.Join(p.cfg.Run, name+".new")
		if err := os.WriteFile(tmp, []byte(t), 0o600); err != nil {
			return nil, err
		}
		if err := os.Rename(tmp, filepath.Join(p.cfg.Run, name)); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

// Run starts the drivers and serves until ctx ends, then drains.
func (p *Platform) Run(ctx context.Context) error {
	p.settleAfterBoot()
	for id := range p.cfg.Devices {
		if err := p.startDriver(ctx, id); err != nil {
			return err
		}
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	if p.devices["pinpad"] != nil { // without it nothing can be told to the bank
		wg.Go(func() { p.link.Run(run) })
	}
	wg.Go(func() { p.tick(run) })
	wg.Go(func() { p.watchPages(run) })
	if p.monitor != nil {
		wg.Go(func() { p.monitor.Run(run) })
		wg.Go(func() { p.sendSignatures(run) })
	}
	if p.cfg.Keeper != "" {
		wg.Go(func() { p.keepInTouch(run, stop) })
	}
	err := p.server.Serve(run)
	stop()
	p.counter.EndSession("platform stops")
	p.counter.Close()
	drain, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = errors.Join(err, p.host.Close(drain))
	wg.Wait()
	return errors.Join(err, p.led.Close())
}

// settleAfterBoot classifies the online transactions that a crash left open: one without
// an answer is unknown, one that was approved and never paid is reversed.
func (p *Platform) settleAfterBoot() {
	var open []book.Txn
	p.led.Read(func(b *book.Book) { open = b.OpenTxns() })
	for _, t := range open {
		if t.Host == book.HostIntent {
			if t.Type == book.TypeCardSpent { // the number went with the process
				p.alarm("blankNumberUnknown", "the bank may not have heard of the blank card of "+t.ID+" in the bin: people compare", t.ID)
			}
			if err := p.led.Log(ej.HostResult, ej.Record{Txn: t.ID, Session: t.Session}, book.HostData{Host: book.HostUnknown, Why: "the platform stopped before the answer"}); err != nil {
				p.log.Error("journal", "err", err)
			}
		}
	}
	var out bool
	if p.led.Read(func(b *book.Book) { out = b.Out }); out {
		p.counter.Suspend("operator", true)
	}
	p.cashier.CloseSession("")
	go p.counter.DropCases()
	p.link.Wake()
}

func (p *Platform) startDriver(ctx context.Context, id string) error {
	d := p.cfg.Devices[id]
	profile, err := json.Marshal(d.Profile)
	if err != nil {
		return fmt.Errorf("devices.%s.profile: %w", id, err)
	}
	if len(d.Profile) == 0 {
		profile = nil
	}
	drv, err := p.host.Start(ctx, host.Spec{
		ID: id, Model: d.Model, Binary: p.cfg.Driverd, SHA256: p.cfg.SHA256, Port: d.Port, Profile: profile,
		StateDir: filepath.Join(p.cfg.Data, "drivers", id),
		OnRecovered: func(r api.Recovery) {
			p.mu.Lock()
			p.recovery[id] = r
			p.mu.Unlock()
		},
		OnChange: func(c host.Change) { p.driverChanged(id, c) },
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.drivers[id] = drv
	p.mu.Unlock()
	go func() {
		for n := range drv.Notices(ctx) {
			p.devices[id].Notice(n)
		}
	}()
	return nil
}

// driverChanged follows a driver process: while it is away the device says so; when the
// cash module is back the cashier settles what was open.
func (p *Platform) driverChanged(id string, c host.Change) {
	dev := p.devices[id]
	switch c.State {
	case host.StateReady:
		p.mu.Lock()
		rec := p.recovery[id]
		p.mu.Unlock()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := dev.Refresh(ctx); err != nil {
				p.log.Warn("status after start", "device", id, "err", err)
			}
			switch id {
			case "cash":
				p.cashier.Recovered(rec)
			case counter.AcceptorID:
				p.recycler.Recovered(rec)
				p.deposits.Recovered()
				p.counter.Recount()
			case counter.CardsID:
				p.cards.Recovered()
			case "pinpad":
				p.link.Wake()
			case "card":
				p.counter.GiveBack()
			case counter.PassbookID:
				p.counter.GiveBackPassbook()
			}
		}()
	case host.StateFailed:
		dev.SetState(api.StateHardwareError, c.Reason)
		p.alarm("driverFailed", id+": "+c.Reason, "")
	case host.StateBackoff:
		dev.SetState(api.Offline, c.Reason)
	default:
		dev.SetState(api.Starting, c.Reason)
	}
}
