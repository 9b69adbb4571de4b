package main

import (
	"log/slog"
	"net/http"
	"sync"

	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// services holds what runs in this process.
type services struct {
	c      *config.Config
	log    *slog.Logger
	st     *store.Store
	hsm    *hsm.Soft
	eng    *trade.Engine
	mux    *link.Mux
	lis    []*link.Listener
	web    []*http.Server
	events *events
}

func (s *services) startAccess() error { return nil }

func (s *services) startManage() error { return nil }

type events struct{ mu sync.Mutex }

func newEvents() *events { return &events{} }

func (e *events) publish(string, string) {}
