package service

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"zhigui/drivers/api"
	"zhigui/terminal/api/xfs"
)

// commonCommands are those of the Common interface that every service answers.
var commonCommands = []string{"Common.Status", "Common.Capabilities", "Common.Cancel", "Common.SetTransactionState", "Common.GetTransactionState", "Common.SetVersions"}

// iface is one element of Common.Capabilities.interfaces.
type iface struct {
	Name     string            `json:"name"`
	Commands map[string]spoken `json:"commands,omitempty"`
	Events   map[string]spoken `json:"events,omitempty"`
	Maximum  int               `json:"maximumRequests"`
}

type spoken struct {
	Versions []string `json:"versions"`
}

// capabilities answers Common.Capabilities: what the device says, and which interfaces,
// commands and versions the service has.
func (s *Service) capabilities(ctx context.Context, _ *Call) api.Completion {
	members := map[string]json.RawMessage{}
	if s.Capabilities != nil {
		done := s.Capabilities(ctx)
		if done.Outcome != api.Done {
			return done
		}
		_ = json.Unmarshal(done.Payload, &members) // what does not decode is left out
	}
	members["interfaces"], _ = json.Marshal(s.interfaces())
	return Done(members)
}

// interfaces groups the commands of the service; those of the standard come with the
// interface's events.
func (s *Service) interfaces() []iface {
	names := slices.Clone(commonCommands)
	for name := range s.Commands {
		names = append(names, name)
	}
	if s.Dynamic != nil {
		for name := range s.Dynamic() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []iface
	for _, name := range slices.Compact(names) {
		of, command, _ := strings.Cut(name, ".")
		if len(out) == 0 || out[len(out)-1].Name != lower(of) {
			i := iface{Name: lower(of), Commands: map[string]spoken{}, Maximum: s.maximum()}
			for _, ev := range xfs.Events(of) {
				if i.Events == nil {
					i.Events = map[string]spoken{}
				}
				i.Events[strings.TrimPrefix(ev, of+".")] = spoken{xfs.Versions(ev)}
			}
			out = append(out, i)
		}
		out[len(out)-1].Commands[command] = spoken{xfs.Versions(name)}
	}
	return out
}

func (s *Service) maximum() int {
	if s.server == nil {
		return 0
	}
	return s.server.cfg.MaxRequests
}

// lower is the name of an interface as Capabilities and Status spell it.
func lower(of string) string {
	if strings.HasPrefix(of, "X-") {
		return of
	}
	return strings.ToLower(of[:1]) + of[1:]
}
