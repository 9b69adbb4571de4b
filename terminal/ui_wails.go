//go:build desktop

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"zhigui/terminal/internal/flowhost"
)

const hasWindow = true

// show opens the kiosk window. The window system does not notice a dead or hung web
// process, so the page's heartbeat decides: when it stops this process ends and the
// keeper starts it again.
func show(ctx context.Context, o settings, pages *flowhost.Host, quit *atomic.Bool, log *slog.Logger) error {
	if !o.window {
		<-ctx.Done()
		return nil
	}
	// Nothing of a customer may survive in the web view's storage.
	dir, err := os.MkdirTemp("", "shell-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, v := range []string{"XDG_DATA_HOME", "XDG_CACHE_HOME"} {
		if err := os.Setenv(v, dir); err != nil {
			return err
		}
	}
	var hung atomic.Bool
	state := options.Normal
	if o.kiosk {
		state = options.Fullscreen
	}
	err = wails.Run(&options.App{
		Title: "智柜", Width: 1280, Height: 1024, MinWidth: 1024, MinHeight: 768,
		Frameless: o.kiosk, DisableResize: o.kiosk, AlwaysOnTop: o.kiosk, WindowStartState: state,
		BackgroundColour: &options.RGBA{R: 13, G: 43, B: 78, A: 255},
		AssetServer:      &assetserver.Options{Handler: pages},
		Linux:            &linux.Options{WebviewGpuPolicy: linux.WebviewGpuPolicyNever, ProgramName: "zhigui"},
		OnStartup: func(app context.Context) {
			if o.kiosk { // without a window manager full screen is ignored: take the size by hand
				if screens, err := runtime.ScreenGetAll(app); err == nil && len(screens) > 0 {
					runtime.WindowSetSize(app, screens[0].Size.Width, screens[0].Size.Height)
					runtime.WindowSetPosition(app, 0, 0)
				}
			}
			go func() {
				watchPage(ctx, o.patience, pages, make(chan struct{}), func(why string) {
					log.Warn("the window ends", "why", why)
					hung.Store(ctx.Err() == nil)
					quit.Store(true)
				})
				if hung.Load() {
					os.Exit(3) // the web process may block a clean end; the keeper starts a new shell
				}
				runtime.Quit(app)
			}()
		},
		// A kiosk is not closed by Alt+F4; only the keeper or a signal ends it.
		OnBeforeClose: func(context.Context) bool { return o.kiosk && !quit.Load() && ctx.Err() == nil },
	})
	if hung.Load() {
		return errors.Join(err, errors.New("the page did not paint"))
	}
	return err
}
