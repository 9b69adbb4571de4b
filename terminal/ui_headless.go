//go:build !desktop

package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"zhigui/terminal/internal/flowhost"
)

const hasWindow = false

// show waits: without the window the pages are served to a browser.
func show(ctx context.Context, _ settings, _ *flowhost.Host, _ *atomic.Bool, _ *slog.Logger) error {
	<-ctx.Done()
	return nil
}
