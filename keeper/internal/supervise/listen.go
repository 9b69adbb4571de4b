package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"zhigui/keeper/api/node"
)

// Listen serves the node link on a unix socket until ctx ends.
func Listen(ctx context.Context, path string, programs map[string]*Program, log *slog.Logger) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("keeper socket %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return err
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		defer stop()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(ctx, conn, programs, log)
		}
	}()
	return nil
}

func serve(ctx context.Context, conn net.Conn, programs map[string]*Program, log *slog.Logger) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var mu sync.Mutex
	send := func(m node.Message) error {
		mu.Lock()
		defer mu.Unlock()
		return node.Write(conn, m)
	}
	var beat func(node.Beat)
	err := node.Read(conn, func(m node.Message) error {
		switch {
		case beat == nil && m.Hello != nil:
			if m.Hello.Version != node.Version {
				return fmt.Errorf("link version %d: the keeper speaks %d", m.Hello.Version, node.Version)
			}
			p := programs[m.Hello.Role]
			if p == nil {
				return fmt.Errorf("no program %q", m.Hello.Role)
			}
			var err error
			beat, err = p.Connected(*m.Hello, func(o node.Order) error { return send(node.Message{Order: &o}) })
			return err
		case beat != nil && m.Beat != nil:
			beat(*m.Beat)
			return send(node.Message{Alive: &node.Alive{Keeper: os.Getpid()}})
		}
		return fmt.Errorf("%w: out of order", node.ErrGone)
	})
	if err != nil && ctx.Err() == nil {
		log.Info("program link ended", "err", err)
	}
}
