package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"zhigui/drivers/host"
)

const promptHelp = `  status             what the device is in        describe           model, firmware, capabilities
  recover            ask the hardware again       trace [on|off|n]   the line's bytes: as they come, or the last n
  cancel             end the command that waits   help, quit
  <command> [json]   e.g. reset {"to":"exit"}; the part behind the dot is enough, TAB completes it`

var builtins = []string{"status", "describe", "recover", "trace", "cancel", "help", "quit"}

// session is one prompt.
type session struct {
	d   *host.Device
	o   options
	out *locked

	mu      sync.Mutex
	running context.CancelFunc
	busy    sync.WaitGroup
}

// locked lets events, bytes and answers be written one after another.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// prompt reads commands until the end of the input. In a terminal lines can be edited and
// completed and a command leaves the prompt free; else each line waits for the one before.
func prompt(ctx context.Context, d *host.Device, o options, in io.Reader, out io.Writer) error {
	s := &session{d: d, o: o, out: &locked{w: out}}
	lines, background := plainLines(in, s.out), false
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		old, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return err
		}
		defer func() { _ = term.Restore(int(f.Fd()), old) }()
		t := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{f, out}, "> ")
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			_ = t.SetSize(w, h)
		}
		t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
			if key != '\t' {
				return "", 0, false
			}
			return s.complete(line, pos)
		}
		s.out.w, lines, background = t, t.ReadLine, true
	}
	ctx, stop := context.WithCancel(ctx)
	var told sync.WaitGroup
	defer told.Wait()
	defer s.busy.Wait()
	defer stop()
	defer s.o.tap.show(nil)
	told.Go(func() { s.tell(ctx) })
	fmt.Fprintf(s.out, "%s %s on %s\n%s\n", o.model.Maker, o.model.Name, o.port, promptHelp)
	for {
		line, err := lines()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		line = strings.TrimSpace(line)
		if line == "quit" || line == "exit" {
			return nil
		}
		s.do(ctx, line, background)
	}
}

// plainLines gives the lines of an input that is no terminal, each with a prompt before it.
func plainLines(in io.Reader, out io.Writer) func() (string, error) {
	var rest []byte
	return func() (string, error) {
		fmt.Fprint(out, "> ")
		for {
			if i := slices.Index(rest, '\n'); i >= 0 {
				line := string(rest[:i])
				rest = rest[i+1:]
				return line, nil
			}
			b := make([]byte, 4096)
			n, err := in.Read(b)
			rest = append(rest, b[:n]...)
			if err != nil && n == 0 {
				line := string(rest)
				rest = nil
				if line != "" && errors.Is(err, io.EOF) {
					return line, nil
				}
				return "", err
			}
		}
	}
}

// tell shows what comes unasked.
func (s *session) tell(ctx context.Context) {
	for n := range s.d.Notices(ctx) {
		switch {
		case n.Event != nil:
			fmt.Fprintf(s.out, "  unsolicited %s %s\n", n.Event.Name, n.Event.Payload)
		case n.Status != nil && !n.Status.Full:
			fmt.Fprintf(s.out, "  status %s\n", n.Status.Classes)
		}
	}
}

func (s *session) do(ctx context.Context, line string, background bool) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "":
	case "help":
		names := []string{}
		for n, m := range s.o.model.Commands {
			names = append(names, fmt.Sprintf("  %-36s %s", n, m))
		}
		slices.Sort(names)
		fmt.Fprintf(s.out, "%s\n%s\n", strings.Join(names, "\n"), promptHelp)
	case "status":
		v, err := s.d.Status(ctx)
		fmt.Fprintf(s.out, "  %s %v\n", v.Classes, orNothing(err))
	case "describe":
		v, err := s.d.Describe(ctx)
		b, _ := json.MarshalIndent(v, "  ", "  ")
		fmt.Fprintf(s.out, "  %s %v\n", b, orNothing(err))
	case "recover":
		v, err := s.d.Recover(ctx)
		b, _ := json.Marshal(v)
		fmt.Fprintf(s.out, "  %s %v\n", b, orNothing(err))
	case "trace":
		s.trace(strings.TrimSpace(rest))
	case "cancel":
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running == nil {
			fmt.Fprintln(s.out, "  no command is running")
			return
		}
		s.running()
	default:
		if !background {
			execute(ctx, s.d, line, s.o.timeout, s.out)
			return
		}
		s.begin(ctx, line)
	}
}

// begin runs a command and leaves the prompt free.
func (s *session) begin(ctx context.Context, line string) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	if s.running == nil { // the driver answers a second one by itself
		s.running = cancel
		s.mu.Unlock()
		s.busy.Go(func() {
			execute(ctx, s.d, line, s.o.timeout, s.out)
			s.mu.Lock()
			s.running = nil
			s.mu.Unlock()
			cancel()
		})
		return
	}
	s.mu.Unlock()
	s.busy.Go(func() {
		defer cancel()
		execute(ctx, s.d, line, s.o.timeout, s.out)
	})
}

func (s *session) trace(arg string) {
	switch arg {
	case "on":
		fmt.Fprintln(s.out, "  bytes are shown as they come; they may be secret")
		s.o.tap.show(func(p piece) { fmt.Fprintln(s.out, " ", p) })
		return
	case "off":
		s.o.tap.show(nil)
		return
	}
	n := 20
	if arg != "" {
		if _, err := fmt.Sscan(arg, &n); err != nil || n < 1 {
			fmt.Fprintln(s.out, "  want: trace, trace on, trace off or trace <number>")
			return
		}
	}
	ps, sent, came := s.o.tap.last(n)
	for _, p := range ps {
		fmt.Fprintln(s.out, " ", p)
	}
	fmt.Fprintf(s.out, "  %d bytes sent, %d came back\n", sent, came)
}

// complete fills in the word before the cursor; several that fit are listed.
func (s *session) complete(line string, pos int) (string, int, bool) {
	head := line[:pos]
	if strings.Contains(head, " ") {
		return "", 0, false
	}
	words := s.words(head)
	switch len(words) {
	case 0:
		return "", 0, false
	case 1:
		w := words[0] + " "
		return w + strings.TrimPrefix(line[pos:], " "), len(w), true
	}
	common := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(strings.ToLower(w), strings.ToLower(common)) {
			common = common[:len(common)-1]
		}
	}
	if len(common) > len(head) {
		return common + line[pos:], len(common), true
	}
	fmt.Fprintln(s.out, " ", strings.Join(words, "  "))
	return "", 0, false
}

// words are the builtins and commands that begin with head, without regard to case; a
// command also by the part behind its dot.
func (s *session) words(head string) (out []string) {
	fits := func(w string) bool {
		return len(w) >= len(head) && strings.EqualFold(w[:len(head)], head)
	}
	for _, b := range builtins {
		if fits(b) {
			out = append(out, b)
		}
	}
	for full := range s.o.model.Commands {
		switch short := full[strings.IndexByte(full, '.')+1:]; {
		case fits(short) && head != "":
			out = append(out, short)
		case fits(full):
			out = append(out, full)
		}
	}
	slices.Sort(out)
	return out
}

func orNothing(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
