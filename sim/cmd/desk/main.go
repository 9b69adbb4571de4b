// Command desk brings a whole counter with its server up on this machine: bank host,
// server, four virtual devices, keeper, platform and pages. Ctrl-C ends all of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"zhigui/sim/scene"
)

func main() {
	o := scene.Options{Out: os.Stdout, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	flag.StringVar(&o.Dir, "dir", "run", "folder of all data; remove it to begin anew")
	flag.StringVar(&o.Bin, "bin", filepath.Dir(exe), "folder of the programs")
	flag.StringVar(&o.Flows, "flows", "terminal/frontend/dist/flows", "folder of the built flow pages")
	flag.StringVar(&o.Zone, "zone", "3des", "keys between terminal and server: 3des or sm4 (only with a fresh folder)")
	flag.BoolVar(&o.Fast, "fast", false, "devices without the waiting times of real ones")
	flag.Int64Var(&o.PadOver, "pad-over", 500000, "amount in fen above which the lobby manager decides")
	window := flag.String("window", "auto", "open the counter's window: auto, yes or no")
	flag.Parse()
	o.Window = *window == "yes" || (*window == "auto" && (os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "") && windowed(filepath.Join(o.Bin, "terminal")))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "desk:", err)
		os.Exit(1)
	}
}

// windowed asks the shell whether it was built with the window.
func windowed(shell string) bool {
	out, _ := exec.Command("ldd", shell).Output() // a static build has no webkit and no window
	for i := 0; i+6 <= len(out); i++ {
		if string(out[i:i+6]) == "webkit" {
			return true
		}
	}
	return false
}

func run(ctx context.Context, o scene.Options) error {
	fmt.Println("智柜 ZhiGui · a whole counter on this machine")
	s, err := scene.Prepare(ctx, o)
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		_ = s.Stop() // the cause is err
		return err
	}
	p := s.Ports
	fmt.Printf(`
  Counter         http://127.0.0.1:%d/        %s
  Virtual devices http://127.0.0.1:%d/        insert a card here, press the PIN pad, take the cash
  Console         http://127.0.0.1:%d/console/  operator / Operator#2026, admin / Admin#2026
  Pad             http://127.0.0.1:%d/pad/      manager / Manager#2026 (withdrawals over %d yuan)
  Bank host       http://127.0.0.1:%d/api/accounts

  Cards (PIN 123456): demo-1 张三 20,000.00 · demo-2 李四 50.00 · demo-3 blocked · demo-4 expired · demo-5 孙七 20,000.00
  Data and logs in %s. Ctrl-C ends everything.
`, p.Pages, map[bool]string{true: "(its window is open)", false: "open it in a browser"}[s.Window], p.Devices, p.Manage, p.Manage, s.PadOver/100, p.HostControl, s.Dir)
	select {
	case <-ctx.Done():
		fmt.Println("\nending …")
	case <-s.Process("keeper").Done():
		fmt.Println("\nthe keeper has ended: ending everything …")
	case <-s.Process("server").Done():
		fmt.Println("\nthe server has ended: ending everything …")
	}
	err = s.Stop()
	if err == nil {
		fmt.Println("all ended")
	}
	return err
}
