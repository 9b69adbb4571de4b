package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"zhigui/keeper/api/node"
)

// Spec is one program.
type Spec struct {
	Role string   `yaml:"role"` // what it says in its hello
	Path string   `yaml:"path"`
	Args []string `yaml:"args"`
	Env  []string `yaml:"env"`
	Log  string   `yaml:"log"` // file for its output; empty: the keeper's own
	// Beats: the program speaks to the keeper; one that does not is watched by process only.
	Beats bool `yaml:"beats"`
}

// State of a program.
type State struct {
	Role     string    `json:"role"`
	State    string    `json:"state"` // starting, running, hung, waiting, failed, stopped
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since"`
	Restarts int       `json:"restarts"`
	Why      string    `json:"why,omitempty"` // of the last end
	Ready    bool      `json:"ready"`
	NotReady string    `json:"notReady,omitempty"`
	Lease    string    `json:"lease,omitempty"`
}

// Program runs one program for ever. Safe for concurrent use.
type Program struct {
	spec   Spec
	policy Policy
	log    *slog.Logger
	// Gate is asked before each start; a reason delays it.
	Gate func(ctx context.Context) error
	// OnChange is told of each change of state.
	OnChange func(State)

	mu       sync.Mutex
	state    State
	lastBeat time.Time
	progress map[string]uint64
	moved    time.Time
	order    func(node.Order) error
	kick     chan string // asks for a restart with a reason
}

// NewProgram makes a program.
func NewProgram(spec Spec, policy Policy, log *slog.Logger) *Program {
	return &Program{spec: spec, policy: policy, log: log.With("program", spec.Role), kick: make(chan string, 1), state: State{Role: spec.Role, State: "stopped"}}
}

// State is a copy of the present state.
func (p *Program) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func (p *Program) set(change func(*State)) {
	p.mu.Lock()
	old := p.state
	change(&p.state)
	if p.state.State != old.State {
		p.state.Since = time.Now()
	}
	now := p.state
	p.mu.Unlock()
	if now != old && p.OnChange != nil {
		p.OnChange(now)
	}
}

// Connected joins a link whose hello named this role. It returns the function that takes
// the link's beats.
func (p *Program) Connected(h node.Hello, order func(node.Order) error) (func(node.Beat), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.PID != p.state.PID {
		return nil, fmt.Errorf("process %d says it is %s, but the keeper started %d", h.PID, p.spec.Role, p.state.PID)
	}
	p.order = order
	p.lastBeat, p.moved = time.Now(), time.Now()
	return p.beat, nil
}

func (p *Program) beat(b node.Beat) {
	p.mu.Lock()
	now := time.Now()
	p.lastBeat = now
	for name, n := range b.Progress {
		if p.progress[name] != n {
			p.moved = now
		}
	}
	p.progress = b.Progress
	p.mu.Unlock()
	p.set(func(s *State) { s.Ready, s.NotReady, s.Lease, s.State = b.Ready, b.Why, b.Lease, "running" })
}

// Restart ends the program; the policy starts it again.
func (p *Program) Restart(why string) {
	select {
	case p.kick <- why:
	default:
	}
}

// Order sends an order to the program.
func (p *Program) Order(o node.Order) error {
	p.mu.Lock()
	f := p.order
	p.mu.Unlock()
	if f == nil {
		return errors.New(p.spec.Role + " is not connected")
	}
	return f(o)
}

// Run runs the program until ctx ends, then stops it.
func (p *Program) Run(ctx context.Context) {
	h := history{policy: p.policy}
	for ctx.Err() == nil {
		if p.Gate != nil {
			if err := p.Gate(ctx); err != nil {
				p.set(func(s *State) { s.State, s.Why = "waiting", err.Error() })
				pause(ctx, 2*time.Second)
				continue
			}
		}
		began := time.Now()
		why := p.once(ctx)
		if ctx.Err() != nil {
			break
		}
		wait, failed := h.next(time.Now(), time.Since(began))
		p.log.Warn("program ended", "why", why, "lived", time.Since(began).Round(time.Millisecond), "again", wait, "failed", failed)
		p.set(func(s *State) {
			s.State, s.PID, s.Ready, s.Why, s.Lease = "waiting", 0, false, why, ""
			s.Restarts++
			if failed {
				s.State = "failed"
			}
		})
		pause(ctx, wait)
	}
	p.set(func(s *State) { s.State, s.PID, s.Ready = "stopped", 0, false })
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// once runs one process to its end and says why it ended.
func (p *Program) once(ctx context.Context) string {
	cmd := exec.Command(p.spec.Path, p.spec.Args...)
	cmd.Env = append(os.Environ(), p.spec.Env...)
	setGroup(cmd)
	out, err := p.output()
	if err != nil {
		return err.Error()
	}
	if out != nil {
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
	} else {
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	}
	ended := make(chan error, 1)
	if err := start(cmd); err != nil {
		return err.Error()
	}
	p.mu.Lock()
	p.lastBeat, p.moved, p.progress, p.order = time.Time{}, time.Time{}, nil, nil
	p.mu.Unlock()
	p.set(func(s *State) { s.State, s.PID, s.Ready = "starting", cmd.Process.Pid, !p.spec.Beats })
	go func() { ended <- cmd.Wait() }()
	began := time.Now()
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case err := <-ended:
			killGroup(cmd) // children that outlived it
			if err == nil {
				return "ended by itself"
			}
			return err.Error()
		case why := <-p.kick:
			p.end(cmd, ended, why)
			return why
		case <-ctx.Done():
			p.end(cmd, ended, "the keeper stops")
			return "the keeper stops"
		case now := <-t.C:
			if why := p.hung(now, began); why != "" {
				p.set(func(s *State) { s.State, s.Why = "hung", why })
				killGroup(cmd)
				<-ended
				return why
			}
		}
	}
}

// hung says why the program counts as hung, "" if it does not.
func (p *Program) hung(now, began time.Time) string {
	if !p.spec.Beats {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.lastBeat.IsZero():
		if now.Sub(began) > p.policy.StartWithin {
			return "no heartbeat since the start"
		}
	case now.Sub(p.lastBeat) > p.policy.Missing:
		return "heartbeats stopped"
	case now.Sub(p.moved) > p.policy.Missing:
		return "heartbeats go on but its main loop stands still"
	}
	return ""
}

// end asks the program to stop, then insists.
func (p *Program) end(cmd *exec.Cmd, ended <-chan error, why string) {
	if p.Order(node.Order{Kind: node.Stop, Reason: why}) != nil {
		_ = cmd.Process.Signal(os.Interrupt)
	}
	select {
	case <-ended:
	case <-time.After(p.policy.StopWithin):
		p.log.Warn("program does not stop: killed")
		killGroup(cmd)
		<-ended
	}
	killGroup(cmd)
}

func (p *Program) output() (*os.File, error) {
	if p.spec.Log == "" {
		return nil, nil
	}
	return os.OpenFile(p.spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
}
