package xfs

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// table is every message of publication 2024-3 with its versions.
//
//go:embed messages.tsv
var table string

type entry struct {
	command, sent string // sent: of the completion or event
}

var messages = sync.OnceValue(func() map[string]entry {
	out := map[string]entry{}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "#"), len(f) < 3:
		case len(f) == 4:
			out[f[0]] = entry{command: f[2], sent: f[3]}
		default:
			out[f[0]] = entry{sent: f[2]}
		}
	}
	return out
})

// Version is the version with which we send a completion or event; what the standard does
// not know (X-) is 2.0.
func Version(name string) string {
	if e, ok := messages()[name]; ok {
		return e.sent
	}
	return "2.0"
}

// Versions are those in which a client may send a command, or name a message in
// Common.SetVersions: the command's and the completion's, as clients take either for the
// version of the message, the older first.
func Versions(name string) []string {
	e, ok := messages()[name]
	if !ok {
		return []string{"2.0"}
	}
	out := []string{e.sent}
	if e.command != "" && e.command != e.sent {
		out = append(out, e.command)
	}
	slices.Sort(out)
	return out
}

// Speaks reports whether a major version of a message is spoken.
func Speaks(name string, major int) bool {
	return slices.ContainsFunc(Versions(name), func(v string) bool { return strings.HasPrefix(v, fmt.Sprint(major)+".") })
}

// Commands are the commands of an interface.
func Commands(iface string) []string {
	var out []string
	for name, e := range messages() {
		if e.command != "" && strings.HasPrefix(name, iface+".") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Events are the events of an interface.
func Events(iface string) []string {
	var out []string
	for name, e := range messages() {
		if e.command == "" && strings.HasPrefix(name, iface+".") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
