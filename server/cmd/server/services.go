package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"zhigui/keeper/api/release"
	"zhigui/server/internal/access"
	"zhigui/server/internal/blob"
	"zhigui/server/internal/cache"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/certificate"
	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/lease"
	"zhigui/server/internal/link"
	"zhigui/server/internal/mgmt"
	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// services holds what runs in this process.
type services struct {
	c      *config.Config
	name   string // of this server, and its roles: what no other process has
	log    *slog.Logger
	st     *store.Store
	node   *lease.Node
	hsm    hsm.HSM
	loader *hsm.Loader
	eng    *trade.Engine
	links  []link.Client
	lis    []link.Server
	chans  []*trade.Channel // of lis
	cache  *cache.Cache     // nil: none
	alive  *mgmt.Live       // what runs here, for the console
	acc    *access.Service
	web    []*http.Server
	stop   []context.CancelFunc
	broker *mgmt.Broker

	messages func(terminal, way, text string) // nil: no message log
	ends     []func()                         // last, when nothing comes any more

	products *product.Catalogue // the bank's own; nil: the platform's
	cases    *cases.Catalogue
}

// blobs are the documents of customers, sealed under the master key.
func (s *services) blobs() blob.Store {
	return blob.Sealed{Store: blob.Folder(filepath.Join(s.c.Data, "blobs")), Sealer: s.hsm}
}

func (s *services) bundleDir() string { return filepath.Join(s.c.Data, "bundles") }

// serve runs an HTTP server on address until the process ends.
func (s *services) serve(name, address string, h *http.Server) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	h.ReadHeaderTimeout, h.IdleTimeout = 10*time.Second, 2*time.Minute
	h.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	s.web = append(s.web, h)
	go func() {
		var err error
		if h.TLSConfig != nil {
			err = h.ServeTLS(l, "", "")
		} else {
			err = h.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.log.Error(name, "error", err.Error())
		}
	}()
	return nil
}

func (s *services) startAccess() error {
	tc, err := access.TLS(s.c.Access.CA, s.c.Access.Cert, s.c.Access.Key, s.pairFailed)
	if err != nil {
		return err
	}
	var joint []access.Joint
	for _, j := range s.c.Manage.Joint {
		joint = append(joint, access.Joint(j))
	}
	channels := map[string][]string{}
	for _, ch := range s.c.Channels {
		if ch.Keys == "" {
			channels[ch.Zone] = append(channels[ch.Zone], ch.Name)
		}
	}
	s.acc = access.New(s.st, access.Options{Keys: s.loader, Cases: s.cases, Channels: channels, Vault: s.hsm, Bundles: s.bundleDir(), Publish: s.broker.Publish, Log: s.log, Node: s.node, Blobs: s.blobs(), Failpoint: failpoint(s.c.Data),
		Params: map[string]int64{"padOver": s.c.Manage.PadOver, "perTxn": s.c.Manage.PerTxn, "multiple": 10000}, Joint: joint})
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = append(s.stop, cancel)
	go s.acc.Run(ctx)
	return s.serve("access.listen", s.c.Access.Listen, &http.Server{Handler: s.acc, TLSConfig: tc})
}

func (s *services) startManage(part bool) error {
	o := mgmt.Options{Cases: s.cases, Vault: s.hsm, Live: s.live(), Peers: s.peers(part), Engine: s.eng, Index: s.hsm.Index, Blobs: s.blobs(), Bundles: s.bundleDir(), Pages: pages(), Idle: s.c.Manage.Idle, Secure: s.c.Manage.Secure, PerUser: s.c.Manage.PerUser, PerAddress: s.c.Manage.PerAddress, Broker: s.broker, Log: s.log,
		Server: s.called(), Products: s.products, Hosts: s.c.HostNames()}
	for _, ch := range s.c.Channels {
		o.Channels = append(o.Channels, ch.Name)
	}
	o.Partners = s.c.PartnerNames()
	for i, b := range s.c.Books {
		d, err := recon.Format(b.Format)
		if err != nil {
			return fmt.Errorf("books[%d].format: %w", i, err)
		}
		o.Books = append(o.Books, mgmt.Book{Name: b.Name, Of: b.Of, Lines: d})
	}
	var err error
	if o.Drafts, err = s.draftDir(); err != nil {
		return err
	}
	if o.Formats, err = s.ownFormats(); err != nil { // a process without the role trade may not have the files
		s.log.Warn("the console lacks a message format of the configuration", "error", err.Error())
	}
	if o.Limits, err = risk.New(s.c.Limits); err != nil {
		return err
	}
	if s.acc != nil {
		o.OnApproval, o.OnCase = s.acc.Changed, s.acc.CaseChanged
	}
	if s.c.Manage.ReleaseKey != "" {
		pem, err := os.ReadFile(s.c.Manage.ReleaseKey)
		if err != nil {
			return fmt.Errorf("manage.releaseKey: %w", err)
		}
		if o.Release, err = release.ParsePublic(pem); err != nil {
			return fmt.Errorf("manage.releaseKey: %w", err)
		}
	}
	m, err := mgmt.New(s.st, o)
	if err != nil {
		return err
	}
	if err := s.adrift(context.Background()); err != nil {
		return err
	}
	h := &http.Server{Handler: m}
	if s.c.Manage.Cert != "" {
		pair, err := certificate.Open(s.c.Manage.Cert, s.c.Manage.Key, s.pairFailed)
		if err != nil {
			return fmt.Errorf("manage.cert: %w", err)
		}
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.Get}
	}
	return s.serve("manage.listen", s.c.Manage.Listen, h)
}

// adrift says in the log who of the staff sees nothing, as nobody has said which branch is theirs.
func (s *services) adrift(ctx context.Context) error {
	us, err := s.st.Users(ctx)
	if err != nil {
		return fmt.Errorf("staff: %w", err)
	}
	var names []string
	for _, u := range us {
		if u.Enabled && !u.Placed() {
			names = append(names, u.Name)
		}
	}
	if len(names) > 0 {
		s.log.Warn("managers or tellers without a branch see nothing: add each again with one (serverctl user add --branch; * for a teller of all branches)", "users", names)
	}
	return nil
}
