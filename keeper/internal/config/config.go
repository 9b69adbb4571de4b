// Package config is the keeper's configuration: one YAML file, unknown keys refused
// with file, line and column; a wrong value is named by its setting. Only keeperd imports it.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"zhigui/keeper/internal/envcheck"
	"zhigui/keeper/internal/logs"
	"zhigui/keeper/internal/supervise"
)

// Config of a keeper. Paths are relative to the file's folder.
type Config struct {
	Socket  string `yaml:"socket"`  // node link
	Control string `yaml:"control"` // keeperctl
	Data    string `yaml:"data"`    // whose disk is watched
	// Set is the folder of the release set to run; programs' paths are relative to it. The
	// pointer record of the release store will name it (docs/architecture.md).
	Set      string           `yaml:"set"`
	Env      envcheck.Limits  `yaml:"environment"`
	Policy   supervise.Policy `yaml:"policy"`
	Logs     logs.Policy      `yaml:"logs"` // of the programs
	Programs []supervise.Spec `yaml:"programs"`
}

// Default is what a file need not say.
func Default() Config {
	return Config{Socket: "keeper.sock", Control: "keeperctl.sock", Data: ".", Set: ".", Env: envcheck.DefaultLimits(), Policy: supervise.DefaultPolicy(), Logs: logs.Default()}
}

// Load reads a file over the defaults and validates it.
func Load(path string) (Config, error) {
	c := Default()
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
		return c, fmt.Errorf("%s:%s", path, yaml.FormatError(err, false, true))
	}
	dir := filepath.Dir(path)
	abs := func(base string, p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	for _, p := range []*string{&c.Socket, &c.Control, &c.Data, &c.Set} {
		abs(dir, p)
	}
	for i := range c.Programs {
		abs(c.Set, &c.Programs[i].Path)
		abs(dir, &c.Programs[i].Log)
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Validate says everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	seen := map[string]bool{}
	for i, p := range c.Programs {
		switch {
		case p.Role == "" || p.Path == "":
			errs = append(errs, fmt.Errorf("programs[%d]: role and path are needed", i))
		case seen[p.Role]:
			errs = append(errs, fmt.Errorf("programs[%d]: role %q is there twice", i, p.Role))
		}
		seen[p.Role] = true
	}
	if len(c.Programs) == 0 {
		errs = append(errs, errors.New("programs: at least one is needed"))
	}
	if len(c.Policy.Delays) == 0 || c.Policy.Attempts <= 0 || c.Policy.Window <= 0 || c.Policy.Missing <= 0 || c.Policy.StartWithin <= 0 {
		errs = append(errs, errors.New("policy: delays, attempts, window, missing and startWithin must be above zero"))
	}
	if err := c.Logs.Validate(); err != nil {
		errs = append(errs, err)
	}
	if len(c.Socket) > 100 || len(c.Control) > 100 {
		errs = append(errs, errors.New("socket, control: a unix socket's path has at most 107 characters; choose a shorter folder"))
	}
	return errors.Join(errs...)
}
