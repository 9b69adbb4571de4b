package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"zhigui/terminal/internal/flowhost"
)

// watchBrowser keeps a kiosk browser running and kills it when its page stands still, so
// that a hung or crashed page never stays on the screen (UX-19).
func watchBrowser(ctx context.Context, o settings, pages *flowhost.Host, url string, log *slog.Logger) {
	profile, err := os.MkdirTemp("", "kiosk-")
	if err != nil {
		log.Error("browser profile", "err", err)
		return
	}
	defer os.RemoveAll(profile)
	for ctx.Err() == nil {
		pages.Forget()
		args := []string{"--kiosk", "--no-first-run", "--disable-translate", "--disable-background-networking", "--disable-component-update",
			"--disable-sync", "--disable-pinch", "--overscroll-history-navigation=0", "--user-data-dir=" + profile, "--app=" + url}
		if os.Geteuid() == 0 {
			args = append(args, "--no-sandbox")
		}
		cmd := exec.Command(o.browser, args...)
		ownGroup(cmd)
		if err := cmd.Start(); err != nil {
			log.Error("browser", "err", err)
			return
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		watchPage(ctx, o.patience, pages, ended, func(why string) {
			log.Warn("the browser is started again", "why", why)
			killGroup(cmd)
			<-ended
		})
	}
}

// watchPage returns when the page stands still (after calling hung), the program has
// ended, or ctx ends (after calling hung, so that nothing stays).
func watchPage(ctx context.Context, patience time.Duration, pages *flowhost.Host, ended <-chan struct{}, hung func(why string)) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			hung("the shell stops")
			return
		case <-ended:
			return
		case <-t.C:
			if age, seen := pages.Alive(); seen && age > patience {
				hung("the page does not paint")
				return
			}
		}
	}
}
