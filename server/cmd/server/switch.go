package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/api/mgmt"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/config"
	"zhigui/server/internal/host"
	"zhigui/server/internal/link"
	"zhigui/server/internal/product"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/route"
	"zhigui/server/internal/trade"
)

// startTrade brings up the hosts, the engine and the channels.
func (s *services) startTrade(ctx context.Context) error {
	c := s.c
	var hosts []*host.Host
	for i := range c.Hosts {
		h, err := s.newHost(ctx, &c.Hosts[i])
		if err != nil {
			return fmt.Errorf("hosts[%d] %s: %w", i, c.Hosts[i].Name, err)
		}
		hosts = append(hosts, h)
	}
	routes, err := route.New(c.Routes, c.HostNames())
	if err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	if err := s.known(s.products); err != nil {
		return err
	}
	limits, err := risk.New(c.Limits)
	if err != nil {
		return err
	}
	if err := s.openMessages(); err != nil {
		return err
	}
	s.eng, err = trade.New(ctx, s.st, s.hsm, hosts, routes, trade.Options{Node: s.node, Messages: s.messages, Products: s.products, Cases: s.cases, Risk: limits, HostTimeout: c.Trade.HostTimeout, ReversalDelay: c.Trade.ReversalDelay,
		SuspenseAfter: c.Trade.SuspenseAfter, Failpoint: failpoint(c.Data), OnChange: func(id int64) { s.broker.Publish("transaction", fmt.Sprint(id)) }, Log: s.log})
	if err != nil {
		return err
	}
	for i, h := range hosts {
		s.signs(&c.Hosts[i].Link)
		l, err := link.Open(&c.Hosts[i].Link, h.Codec(), h.OnUp, h, s.log.With("host", h.Name()))
		if err != nil {
			return fmt.Errorf("hosts[%d].link: %w", i, err)
		}
		h.Attach(l)
		s.links = append(s.links, l)
	}
	s.eng.Start()
	for _, l := range s.links {
		l.Start() // last: what comes up signs on through the engine
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		kind := ch.Zone
		if ch.Keys != "" {
			kind = ch.Alg
		}
		codec, err := codecOf(ch.Dialect, "pos64", kind, "stan", "terminal", "response")
		if err == nil && !codec.HasMAC() {
			err = errors.New("has no mac: nobody would know who sent a message")
		}
		if err != nil {
			return fmt.Errorf("channels[%d].dialect: %w", i, err)
		}
		if codec, err = s.encrypted(codec, ch.Cipher, &ch.Link, ch.Name); err != nil {
			return fmt.Errorf("channels[%d].%w", i, err)
		}
		if ch.KeyFile != "" {
			if err := s.importKeys(ch.Keys, ch.Alg, ch.KeyFile); err != nil {
				return fmt.Errorf("channels[%d].keyFile: %w", i, err)
			}
		}
		z, err := s.eng.NewChannel(trade.ChannelOptions{Name: ch.Name, Zone: ch.Zone, Codec: codec, Keys: ch.Keys, Practice: config.Practice(ch.MAC, ch.PINBlock), Encrypt: ch.Encrypt, Clear: ch.Clear, Keep: ch.Link.Kind == "long"})
		if err != nil {
			return fmt.Errorf("channels[%d].encrypt: %w", i, err)
		}
		s.signs(&ch.Link)
		l, err := link.Serve(&ch.Link, codec, z, s.log.With("channel", ch.Name))
		if err != nil {
			return fmt.Errorf("channels[%d] %s: %w", i, ch.Name, err)
		}
		s.lis, s.chans = append(s.lis, l), append(s.chans, z)
	}
	return nil
}

// catalogues reads the bank's products and business in steps. Whoever has products of their own and no
// file of cases has none.
func (s *services) catalogues() (err error) {
	products := product.Builtin()
	if s.c.Products != "" {
		if products, err = product.Load(s.c.Products, trade.StepNames()); err != nil {
			return err
		}
		s.products = products
		if unsaid := products.Unsaid(); len(unsaid) > 0 {
			s.log.Warn("products do not say whom they pay (pays): their payments are cleared to nobody", "file", s.c.Products, "products", unsaid)
		}
	}
	switch {
	case s.c.Cases != "":
		s.cases, err = cases.Load(s.c.Cases, products)
	case s.products == nil:
		s.cases = cases.Builtin()
	}
	return err
}

// known refuses routes and limits for products that the catalogue does not have.
func (s *services) known(cat *product.Catalogue) error {
	if cat == nil {
		cat = product.Builtin()
	}
	check := func(what string, i int, names []string) error {
		for _, n := range names {
			if cat.Named(n) == nil {
				return fmt.Errorf("%s[%d].products: %q is no product of the catalogue", what, i, n)
			}
		}
		return nil
	}
	for i, r := range s.c.Routes {
		if err := check("routes", i, r.Products); err != nil {
			return err
		}
	}
	for i, l := range s.c.Limits {
		if err := check("limits", i, l.Products); err != nil {
			return err
		}
	}
	return nil
}

// signs gives a link whose messages are signed the module that signs them.
func (s *services) signs(l *link.Spec) {
	if l.Signature != nil {
		l.Signature.Module, _ = s.hsm.(link.Signer)
	}
}

// newHost makes a host and gives the security module the keys that come as a file.
func (s *services) newHost(ctx context.Context, c *config.Host) (*host.Host, error) {
	codec, err := codecOf(c.Dialect, "cups128", c.Zone, "stan", "response")
	if err != nil {
		return nil, fmt.Errorf("dialect: %w", err)
	}
	if codec, err = s.encrypted(codec, c.Cipher, &c.Link, c.Name); err != nil {
		return nil, err
	}
	if c.Keys != "" {
		if err := s.importKeys(c.Owner, c.Zone, c.Keys); err != nil {
			return nil, err
		}
	}
	day, err := s.st.Day(ctx, c.Name)
	if err != nil {
		return nil, err
	}
	o := host.Options{Day: day, CutOver: func(ctx context.Context, day string) error { return s.st.SetDay(ctx, c.Name, day, time.Now()) }, Name: c.Name, Codec: codec, HSM: s.hsm, Keys: c.Owner, KEK: c.KEK, Bare: c.NewKeys == "bare", Practice: config.Practice(c.MAC, c.PINBlock), Limits: c.Limits.Host(), Management: c.Management,
		Acquirer: c.Acquirer, Forwarder: c.Forwarder, Trace: trade.TraceNumbers(s.st, c.Acquirer, c.Forwarder), Log: s.log}
	if c.Management == "none" {
		o.Management = ""
	}
	if c.Cipher != nil {
		o.Data = c.Cipher.Owner
	}
	h := host.New(o)
	if _, err := h.Key(); err != nil {
		return nil, fmt.Errorf("its keys (keys: a file, or serverctl key import %s): %w", c.Owner, err)
	}
	return h, nil
}

// codecOf loads a dialect by name or file, over the model that the engine thinks in. needs are the values without which its
// messages are of no use there.
func codecOf(name, model, zone string, needs ...string) (*link.Codec, error) {
	if zone == "sm4" || zone == "aes" {
		model += "sm4" // PIN blocks of 16 bytes
	}
	m, err := message.Builtin(model)
	if err != nil {
		return nil, err
	}
	var d *format.Dialect
	if strings.HasSuffix(name, ".yaml") {
		d, err = format.LoadFile(name)
	} else {
		d, err = format.Builtin(name)
	}
	if err != nil {
		return nil, err
	}
	c := link.NewCodec(d, m)
	if lacks := c.Lacks(needs...); lacks != "" {
		return nil, fmt.Errorf("%s has no field with canon: %s, which is wanted here", name, lacks)
	}
	return c, nil
}

// channels tells how each channel is doing.
func (s *services) channels() (out []mgmt.Channel) {
	for i, l := range s.lis {
		c, st, h := s.c.Channels[i], l.Stats(), s.chans[i].Health()
		x := mgmt.Channel{Name: c.Name, Dialect: c.Dialect, Kind: c.Link.Kind, Listen: c.Link.Listen, InFlight: h.InFlight, Limit: st.Most, LimitOf: "requests", Open: st.Open, Want: st.Want,
			Accepted: st.Accepted, Refused: st.Refused, Frames: st.Frames, Garbage: st.Garbage, MACErrors: h.MAC, Unsigned: st.Unsigned, Strangers: h.Strangers,
			LastError: st.Fault, LastErrorAt: st.FaultAt}
		if c.Link.Kind == "long" || c.Link.Kind == "short" {
			x.LimitOf = "connections"
		}
		if x.LastErrorAt.Before(h.At) { // the link sees a message that the channel has refused as garbage, too, and later
			x.LastError, x.LastErrorOf, x.LastErrorAt = h.Fault, h.Terminal, h.At
		}
		out = append(out, x)
	}
	return out
}
