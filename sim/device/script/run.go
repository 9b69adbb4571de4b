package script

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// runner is one run of a script.
type runner struct {
	addr string
	out  io.Writer

	mu     sync.Mutex
	events []map[string]any
	more   chan struct{}
	mark   int // events before the last action

	started map[string]*program
}

type program struct {
	done chan struct{}
	out  bytes.Buffer
	err  error
	spec Run
}

// Play runs the steps against the devices whose API listens at addr and reports each. The
// error is the first step that failed, at file:line:column.
func Play(ctx context.Context, s Script, addr string, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &runner{addr: addr, out: out, more: make(chan struct{}), started: map[string]*program{}}
	ended, err := r.listen(ctx)
	if err != nil {
		cancel()
		return err
	}
	defer func() {
		cancel()
		<-ended
		for _, p := range r.started {
			<-p.done
		}
	}()
	for i, st := range s.Steps {
		begin := time.Now()
		if err := r.step(ctx, st); err != nil {
			fmt.Fprintf(out, "FAIL %s: %s: %v\n", s.at(st), st.what(), err)
			return fmt.Errorf("%s: %s: %w", s.at(st), st.what(), err)
		}
		fmt.Fprintf(out, "ok   %d %s (%s)\n", i+1, st.what(), time.Since(begin).Round(time.Millisecond))
	}
	for name := range r.started {
		return fmt.Errorf("%s: the program %q was never joined", s.file, name)
	}
	return nil
}

func (r *runner) step(ctx context.Context, s Step) error {
	switch {
	case s.Act != "":
		device, action, args, err := words(s.Act)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.mark = len(r.events)
		r.mu.Unlock()
		_, err = r.call(ctx, http.MethodPost, "/api/devices/"+url.PathEscape(device)+"/actions/"+url.PathEscape(action), args)
		return err
	case s.Check != nil:
		state, err := r.state(ctx, s.Check.Device)
		if err != nil {
			return err
		}
		if bad := mismatch(state, s.Check.State); bad != "" {
			return errors.New(bad)
		}
		return nil
	case s.Wait != nil:
		return r.wait(ctx, *s.Wait)
	case s.Run != nil:
		p := r.start(ctx, *s.Run)
		if s.Run.Start != "" {
			r.started[s.Run.Start] = p
			return nil
		}
		return p.judge()
	case s.Join != "":
		p := r.started[s.Join]
		if p == nil {
			return errors.New("no program of that name was started")
		}
		delete(r.started, s.Join)
		return p.judge()
	}
	d, err := duration(s.Pause.For, 0)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait looks again whenever something happens.
func (r *runner) wait(ctx context.Context, u Until) error {
	d, err := duration(u.Within, 10*time.Second)
	if err != nil {
		return err
	}
	limit := time.After(d)
	for {
		r.mu.Lock()
		more, events := r.more, r.events[r.mark:]
		r.mu.Unlock()
		var bad string
		if len(u.Event) > 0 {
			bad = fmt.Sprintf("no such event among %d", len(events))
			for _, e := range events {
				if e["device"] == u.Device && mismatch(e, u.Event) == "" {
					return nil
				}
			}
		} else {
			state, err := r.state(ctx, u.Device)
			if err != nil {
				return err
			}
			if bad = mismatch(state, u.State); bad == "" {
				return nil
			}
		}
		select {
		case <-more:
		case <-limit:
			return fmt.Errorf("not within %s: %s", d, bad)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *runner) start(ctx context.Context, spec Run) *program {
	p := &program{done: make(chan struct{}), spec: spec}
	cmd := exec.CommandContext(ctx, spec.Command[0], spec.Command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &p.out, &p.out, 5*time.Second
	go func() { defer close(p.done); p.err = cmd.Run() }()
	return p
}

func (p *program) judge() error {
	<-p.done
	var code *exec.ExitError
	said := strings.TrimSpace(p.out.String())
	switch {
	case p.err != nil && !errors.As(p.err, &code):
		return p.err
	case (p.err != nil) != p.spec.Fails:
		return fmt.Errorf("it ended with %v:\n%s", orZero(p.err), said)
	case !strings.Contains(said, p.spec.Says):
		return fmt.Errorf("it did not say %q:\n%s", p.spec.Says, said)
	}
	return nil
}

func orZero(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// listen keeps the events; it returns when the stream is open.
func (r *runner) listen(ctx context.Context) (ended chan struct{}, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addr+"/api/events", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("virtual devices: %w", err)
	}
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var e map[string]any
			if !ok || decode([]byte(data), &e) != nil {
				continue
			}
			r.mu.Lock()
			r.events = append(r.events, e)
			close(r.more)
			r.more = make(chan struct{})
			r.mu.Unlock()
		}
	}()
	return ended, nil
}

func (r *runner) state(ctx context.Context, device string) (any, error) {
	b, err := r.call(ctx, http.MethodGet, "/api/devices/"+url.PathEscape(device), nil)
	if err != nil {
		return nil, err
	}
	var v map[string]any
	err = decode(b, &v)
	return v, err
}

func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

func (r *runner) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	var rd io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		rd = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+r.addr+path, rd)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		var e struct{ Error string }
		if json.Unmarshal(b, &e) == nil && e.Error != "" {
			return nil, errors.New(e.Error)
		}
		return nil, errors.New(res.Status)
	}
	return b, nil
}
