package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"zhigui/drivers/wire"
)

// errRefused is a start that a restart cannot mend: wrong checksum or protocol version.
var errRefused = errors.New("driver refused")

// process is one incarnation of a driver.
type process struct {
	client  *plugin.Client
	rpc     wire.DriverClient
	run     *processRunner
	stderr  *stderrLog
	started time.Time

	goneOnce sync.Once
	goneCtx  context.Context
}

// launch starts the binary and shakes hands. On error nothing is left running, and the
// process is returned for the record if there was one.
func (h *Host) launch(s Spec, log *slog.Logger) (*process, error) {
	if err := checkSum(s.Binary, s.SHA256); err != nil {
		return nil, err
	}
	p := &process{stderr: &stderrLog{log: log}, started: h.cfg.Clock.Now()}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		VersionedPlugins: wire.Versions(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     h.cfg.StartTimeout,
		Stderr:           p.stderr,
		SyncStdout:       io.Discard,
		SyncStderr:       io.Discard,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: h.cfg.RunDir},
		Logger:           hclog.New(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Off}),
		GRPCDialOptions:  wire.DialOptions(),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
			cmd := exec.Command(s.Binary, s.Model)
			cmd.Env = append(append(spec.Env, wire.HostPIDKey+"="+strconv.Itoa(os.Getpid())), s.Env...)
			r, err := newProcessRunner(cmd, h.spawn)
			p.run = r
			return r, err
		},
	})
	conn, err := p.client.Client()
	var stub any
	if err == nil {
		stub, err = conn.Dispense(wire.PluginName)
	}
	if err != nil {
		p.kill()
		if strings.Contains(err.Error(), "incompatible API version") {
			return p, fmt.Errorf("%w: %s does not speak counter.driver version %d: %w", errRefused, s.Model, wire.ProtocolVersion, err)
		}
		return p, fmt.Errorf("start driver %s: %w", s.Model, err)
	}
	p.rpc = stub.(wire.DriverClient)
	return p, nil
}

func checkSum(path, want string) error {
	if want == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("checksum of %s: %w", path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, want) {
		return fmt.Errorf("%w: checksum of the driver binary is %s, the release says %s", errRefused, got, want)
	}
	return nil
}

func (p *process) pid() int {
	if p.run == nil || p.run.cmd.Process == nil {
		return 0
	}
	return p.run.cmd.Process.Pid
}

// kill ends the group with SIGKILL first, because go-plugin's own Kill asks politely and
// without a deadline. It returns when the process is reaped; go-plugin cleans up behind it.
func (p *process) kill() {
	killGroup(p.pid())
	go p.client.Kill()
	if p.run == nil {
		return
	}
	select {
	case <-p.run.exited:
	case <-time.After(5 * time.Second):
	}
}

// processRunner lets the spawner's thread start the process; see runner.Runner.
type processRunner struct {
	cmd    *exec.Cmd
	spawn  *spawner
	out    io.ReadCloser
	errs   io.ReadCloser
	wait   sync.Once
	result error
	exited chan struct{} // closed when the process has been reaped
}

func newProcessRunner(cmd *exec.Cmd, s *spawner) (*processRunner, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	return &processRunner{cmd: cmd, spawn: s, out: out, errs: errs, exited: make(chan struct{})}, nil
}

func (r *processRunner) Start(context.Context) error {
	err := r.spawn.start(r.cmd)
	if err != nil {
		r.result = err
		close(r.exited)
	}
	return err
}

func (r *processRunner) Wait(context.Context) error {
	r.wait.Do(func() {
		r.result = r.cmd.Wait()
		close(r.exited)
	})
	<-r.exited
	return r.result
}

func (r *processRunner) Kill(context.Context) error {
	if r.cmd.Process != nil {
		killGroup(r.cmd.Process.Pid)
	}
	return nil
}

func (r *processRunner) Stdout() io.ReadCloser { return r.out }
func (r *processRunner) Stderr() io.ReadCloser { return r.errs }
func (r *processRunner) Name() string          { return r.cmd.Path }

func (r *processRunner) ID() string {
	if r.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(r.cmd.Process.Pid)
}

func (r *processRunner) Diagnose(context.Context) string { return "" }

func (r *processRunner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

func (r *processRunner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
