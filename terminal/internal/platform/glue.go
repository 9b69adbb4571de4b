package platform

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/host"
	"zhigui/keeper/api/node"
	"zhigui/server/api/access"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/bundle"
	"zhigui/terminal/internal/counter"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/uplink"
)

// lazyDriver finds a device's driver when it is called: drivers start after the services.
type lazyDriver struct {
	p  *Platform
	id string
}

var errNoDriver = errors.New("the driver has not started")

func (l *lazyDriver) get() *host.Device {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.p.drivers[l.id]
}

func (l *lazyDriver) Describe(ctx context.Context) (api.Description, error) {
	if d := l.get(); d != nil {
		return d.Describe(ctx)
	}
	return api.Description{}, errNoDriver
}

func (l *lazyDriver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	if d := l.get(); d != nil {
		return d.Execute(ctx, cmd, emit)
	}
	return api.Refuse(api.DeviceNotReady, errNoDriver.Error())
}

func (l *lazyDriver) QueryOp(ctx context.Context, op api.OpID) (api.OpRecord, error) {
	if d := l.get(); d != nil {
		return d.QueryOp(ctx, op)
	}
	return api.OpRecord{}, errNoDriver
}

func (l *lazyDriver) Status(ctx context.Context) (api.Status, error) {
	if d := l.get(); d != nil {
		return d.Status(ctx)
	}
	return api.Status{}, errNoDriver
}

// Recover asks the hardware again.
func (l *lazyDriver) Recover(ctx context.Context) (api.Recovery, error) {
	if d := l.get(); d != nil {
		return d.Recover(ctx)
	}
	return api.Recovery{}, errNoDriver
}

// Health implements operator.Driver.
func (l *lazyDriver) Health(ctx context.Context) error {
	if d := l.get(); d != nil {
		return d.Health(ctx)
	}
	return errNoDriver
}

// Rearm implements operator.Driver.
func (l *lazyDriver) Rearm(ctx context.Context) error {
	if d := l.get(); d != nil {
		return d.Rearm(ctx)
	}
	return errNoDriver
}

// tick is the platform's own heartbeat.
func (p *Platform) tick(ctx context.Context) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.ticks.Add(1)
			p.desk.Tick()
		}
	}
}

// watchPages ends a session whose page is gone or has stopped to say that it lives (its
// connection may stay open then), so that card and cash go back to the
// customer even if nothing paints any more; and looks again at a store in doubt.
func (p *Platform) watchPages(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if p.sess.Silent() >= p.cfg.Timeouts.Page {
				p.log.Warn("the page is gone or stuck: the session ends")
				p.counter.EndSession("the page is gone")
			}
			p.counter.RecountDoubt()
		}
	}
}

// keepInTouch beats to the keeper and takes its orders.
func (p *Platform) keepInTouch(ctx context.Context, stop func()) {
	node.Keep(ctx, p.cfg.Keeper, node.Hello{Role: "platformd", PID: os.Getpid(), Release: Version}, time.Second, func() node.Beat {
		b := node.Beat{Progress: map[string]uint64{"main": p.ticks.Load()}, Ready: true}
		if s, open := p.sess.Current(); open {
			b.Lease = s.ID
		}
		for id, d := range p.devices {
			if d.State() == api.Starting {
				b.Ready, b.Why = false, id+" is starting"
			}
		}
		return b
	}, func(o node.Order) {
		switch o.Kind {
		case node.Stop:
			stop()
		case node.Suspend:
			p.counter.Suspend("keeper's order", true)
		case node.Resume:
			p.counter.Suspend("keeper's order", false)
		}
	}, func(gone bool) {
		if gone {
			p.log.Warn("the keeper is gone: no new customer until it is back")
			p.counter.Suspend("keeper", true)
			return
		}
		p.counter.Suspend("keeper", false)
	})
}

// watchSettlement raises an alarm when the server has a settlement and does not agree with
// it; it is called with the ledger locked.
func (p *Platform) watchSettlement(r ej.Record) {
	var d book.SettleData
	if r.Kind != ej.SettleSent || json.Unmarshal(r.Data, &d) != nil || d.Code == "00" {
		return
	}
	go p.alarm("settlementRefused", "the server answered "+d.Code+" to a confirmation or reversal: compare the books", r.Txn)
}

// tellStorage lets clients know of units whose counts a record has changed; it is called with the
// ledger locked.
func (p *Platform) tellStorage(kind ej.Kind) {
	switch kind {
	case ej.Counts, ej.Presented, ej.NotDispensed, ej.Unclear, ej.Retracted, ej.DepositClosed, ej.DepositUnclear:
		if p.counter != nil {
			go p.counter.TellStorage()
		}
	}
}

// alarm writes an alarm into the journal and tells the server.
func (p *Platform) alarm(kind, text, txn string) {
	if err := p.led.Log(ej.Alarm, ej.Record{Txn: txn}, map[string]string{"kind": kind, "text": text}); err != nil {
		p.log.Error("journal", "err", err)
	}
	if p.monitor != nil {
		p.monitor.Alarm(access.Alarm{ID: fmt.Sprintf("%s-%d", p.epoch, p.alarmNo.Add(1)), Code: kind, Severity: "warning", Module: "cash", Detail: text, At: time.Now().UTC()})
	}
}

// Beat implements uplink.Source.
func (p *Platform) Beat() access.Beat {
	b := access.Beat{State: "inService", Bundle: p.currentBundle().Digest, Version: p.currentBundle().Version, Outbox: int(p.led.Last() - p.monitor.Uploaded()), Results: p.results()}
	now := time.Now().UTC()
	for _, id := range slices.Sorted(maps.Keys(p.devices)) {
		d := p.devices[id]
		b.Modules = append(b.Modules, module(id, p.cfg.Devices[id].Model, d, now))
		if d.State() != api.Online && d.State() != api.DeviceBusy && slices.Contains(core, id) {
			b.State = "outOfService"
		}
	}
	if p.counter.Suspended() != "" {
		b.State = "maintenance"
	}
	if s, open := p.sess.Current(); open {
		b.State, b.Lease = "busy", s.ID
	}
	b.Cash = p.units(now)
	return b
}

// module is a device in the beat. A fault is told in the words of Common.ErrorEvent.
func module(id, model string, d *device.Device, now time.Time) access.Module {
	m := access.Module{Name: id, Model: model, Status: string(d.State()), At: now}
	var c struct {
		Reason string `json:"X-reason"`
	}
	d.Read("common", &c)
	m.Detail = c.Reason
	if id == "card" {
		var st card.Status
		d.Read("cardReader", &st)
		m.Detail = st.Media
	}
	if f := d.Fault(); f != "" {
		m.Detail = f
	}
	return m
}

// Since implements uplink.Source.
func (p *Platform) Since(after uint64, max int) ([]json.RawMessage, error) {
	return p.led.Since(after, max)
}

// SignedIn implements uplink.Source.
func (p *Platform) SignedIn(a access.SignInAnswer) {
	if a.Name.ZH != "" {
		p.counter.SetName(counter.Text(a.Name), a.Branch)
	}
	if d := time.Until(a.Time).Abs(); d > 5*time.Second {
		p.alarm("clock", fmt.Sprintf("the terminal's clock differs from the server's by %s", d.Round(time.Second)), "")
	}
}

// resolve takes a person's count for a withdrawal or a deposit.
func (p *Platform) resolve(txn string, paid int64, by string) error {
	if t, _ := p.led.Txn(txn); t.Deposit() && p.deposits != nil {
		return p.deposits.Resolve(txn, paid, by)
	}
	return p.cashier.Resolve(txn, paid, by)
}

// order carries out an operator's order, from the server or from the terminal itself.
func (p *Platform) order(kind string, raw json.RawMessage) error {
	p.log.Info("operator's order", "kind", kind)
	var args struct {
		Txn  string               `json:"txn"`
		Paid int64                `json:"paid"`
		Hand *bool                `json:"handed"` // of a new card: the customer has it
		By   string               `json:"by"`
		To   map[string]book.Unit `json:"units"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &args); err != nil {
			return fmt.Errorf("order %s: %w", kind, err)
		}
	}
	switch kind {
	case "suspend":
		return p.service(true, args.By)
	case "resume":
		if err := p.service(false, args.By); err != nil {
			return err
		}
		p.counter.EndExchange() // of a client that has gone
		p.counter.EndVendorMode()
	case "resolve": // an operator counted: the customer got that much
		if t, _ := p.led.Txn(args.Txn); t.Hands() {
			if p.cards == nil || args.Hand == nil {
				return errors.New("a new card's hand-over needs \"handed\": true or false, and the card dispenser")
			}
			return p.cards.Resolve(args.Txn, *args.Hand, args.By)
		}
		return p.resolve(args.Txn, args.Paid, args.By)
	case "setCounts":
		if err := p.cashier.SetCounts(args.To, args.By); err != nil {
			return err
		}
		p.counter.Announce()
	case "boxEmptied": // an operator emptied and counted the acceptor's cash box
		if err := p.led.Log(ej.Counts, ej.Record{Device: counter.AcceptorID}, book.CountsData{BoxEmptied: true, By: args.By}); err != nil {
			return err
		}
	case "loadKey":
		return p.loadKey()
	case "previousBundle":
		left := p.currentBundle().Digest
		ref, err := p.bundles.Back()
		if err != nil {
			return err
		}
		if err := p.refuseBundle(left); err != nil {
			return err
		}
		p.log.Info("flow bundle taken back", "version", ref.Version)
		p.counter.Announce()
	default:
		return fmt.Errorf("unknown order %q", kind)
	}
	return nil
}

// Assigned implements uplink.Source.
func (p *Platform) Assigned(b access.Bundle) {
	p.mu.Lock()
	p.assigned = &b
	p.mu.Unlock()
	p.takeAssigned()
}

// takeAssigned fetches, verifies and switches to the assigned bundle, only while no
// customer is served. A bundle that fails a check is remembered as refused and the
// present one stays.
func (p *Platform) takeAssigned() {
	p.mu.Lock()
	b := p.assigned
	p.mu.Unlock()
	if b == nil || p.busy.Load() || p.client == nil {
		return
	}
	rec, err := p.bundles.Record()
	if err != nil || rec.Current.Digest == b.Digest || rec.Refused == b.Digest {
		return
	}
	if p.fetching.CompareAndSwap(false, true) {
		go func() {
			defer p.fetching.Store(false)
			p.fetch(*b)
		}()
	}
}

func (p *Platform) fetch(b access.Bundle) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	ref := bundle.Ref{Name: b.Name, Version: b.Version, Digest: b.Digest}
	if _, err := p.bundles.Path(b.Digest); err != nil {
		archive, err := p.client.Bundle(ctx, b)
		if err != nil {
			p.log.Warn("bundle not fetched", "version", b.Version, "err", err)
			return
		}
		if ref, err = p.bundles.Add(archive, b.Digest); err != nil {
			p.log.Error("bundle not taken", "version", b.Version, "err", err)
			if !errors.Is(err, bundle.ErrBad) {
				return // the disk, not the bundle: the next beat tries again
			}
			p.alarm("bundleRefused", b.Version+": "+err.Error(), "")
			if err := p.bundles.Refuse(b.Digest, err.Error()); err != nil {
				p.log.Error("bundle record", "err", err)
			}
			return
		}
	}
	if p.busy.Load() {
		return // the end of the session asks again
	}
	if err := p.bundles.Activate(ref); err != nil {
		p.log.Error("bundle not activated", "err", err)
		return
	}
	p.log.Info("flow bundle taken", "version", ref.Version, "digest", ref.Digest[:12])
	p.counter.Announce()
	p.monitor.Wake()
}

func (p *Platform) currentBundle() counter.Bundle {
	r, err := p.bundles.Record()
	if err != nil {
		p.log.Error("bundle record", "err", err)
	}
	return counter.Bundle(r.Current)
}

// pad asks the branch's lobby manager through the server.
type pad struct{ client *uplink.Client }

// Ask implements counter.Desk.
func (d *pad) Ask(ctx context.Context, req counter.Approval, progress func(counter.Approval)) (counter.Approval, error) {
	if d.client == nil {
		return req, errors.New("no server is configured")
	}
	conv := func(a access.Approval) counter.Approval {
		out := counter.Approval{ID: a.ID, Kind: req.Kind, Amount: req.Amount, State: a.State, Expires: a.Expires, Manager: a.Manager, Note: a.Note}
		if a.Reason != nil {
			out.Reason = &counter.Text{ZH: a.Reason.ZH, EN: a.Reason.EN}
		}
		return out
	}
	a, err := d.client.AskApproval(ctx, access.ApprovalRequest{Request: randomHex(12), Kind: req.Kind, Amount: req.Amount, PAN: req.PAN, Session: req.Session}, func(a access.Approval) { progress(conv(a)) })
	return conv(a), err
}

// signer seals journal segments with the terminal's own SM2 key.
type signer struct{ key *sm2.PrivateKey }

func (s signer) Sign(text []byte) ([]byte, error) { return s.key.SignWithSM2(rand.Reader, nil, text) }

// mark tells accounts apart in the journal: a keyed digest that only this terminal can make.
func (s signer) mark(account string) string {
	h := hmac.New(sm3.New, append([]byte("passbook"), s.key.D.Bytes()...))
	h.Write([]byte(account))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// keep writes a file that a power loss leaves whole or not at all.
func keep(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// loadSigner reads the terminal's key, making one at the first start.
func loadSigner(path string) (signer, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		key, err := sm2.GenerateKey(rand.Reader)
		if err != nil {
			return signer{}, err
		}
		der, err := smx509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return signer{}, err
		}
		return signer{key}, keep(path, der)
	}
	if err != nil {
		return signer{}, err
	}
	k, err := smx509.ParsePKCS8PrivateKey(b)
	if err != nil {
		return signer{}, fmt.Errorf("terminal key %s: %w", path, err)
	}
	key, ok := k.(*sm2.PrivateKey)
	if !ok {
		return signer{}, fmt.Errorf("terminal key %s is not an SM2 key", path)
	}
	return signer{key}, nil
}
