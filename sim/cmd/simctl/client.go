package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"zhigui/sim/device"
)

// takeAddr removes --addr from anywhere in args.
func takeAddr(args []string) (addr string, rest []string) {
	addr = defaultAddr
	for i := 0; i < len(args); i++ {
		v, ok := strings.CutPrefix(args[i], "--addr=")
		switch {
		case ok:
			addr = v
		case args[i] == "--addr" && i+1 < len(args):
			i++
			addr = args[i]
		default:
			rest = append(rest, args[i])
		}
	}
	return addr, rest
}

func call(ctx context.Context, method, addr, path string, body any) ([]byte, error) {
	var rd io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		rd = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, rd)
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
			return nil, fmt.Errorf("%s (%d)", e.Error, res.StatusCode)
		}
		return nil, fmt.Errorf("%s", res.Status)
	}
	return b, nil
}

func runList(ctx context.Context, args []string, out, _ io.Writer) error {
	addr, rest := takeAddr(args)
	if len(rest) > 0 {
		return errUsage
	}
	b, err := call(ctx, http.MethodGet, addr, "/api/devices", nil)
	if err != nil {
		return err
	}
	var list []device.State
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "DEVICE\tMODEL\tPOWER\tOPEN\tWAITS FOR\tARMED\tPORT")
	for _, s := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", s.ID, s.Info.Model, onOff(s.Power), onOff(s.Open), dash(s.Prompt), len(s.Armed)+len(s.Line), s.Link)
	}
	return tw.Flush()
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func runEvents(ctx context.Context, args []string, out, _ io.Writer) error {
	addr, rest := takeAddr(args)
	if len(rest) > 0 {
		return errUsage
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/api/events", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if data, ok := strings.CutPrefix(sc.Text(), "data: "); ok {
			fmt.Fprintln(out, data)
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return sc.Err()
}

// runAction is simctl <device> <action> key=value ….
func runAction(ctx context.Context, args []string, out, errs io.Writer) error {
	addr, rest := takeAddr(args)
	if len(rest) < 2 {
		usage(errs)
		return errUsage
	}
	base := "/api/devices/" + url.PathEscape(rest[0])
	switch rest[1] {
	case "state", "actions", "faults":
		b, err := call(ctx, http.MethodGet, addr, base, nil)
		if err != nil {
			return err
		}
		return showState(out, rest[1], b)
	case "trace":
		b, err := call(ctx, http.MethodGet, addr, base+"/trace", nil)
		if err != nil {
			return err
		}
		var list []device.Frame
		if err := json.Unmarshal(b, &list); err != nil {
			return err
		}
		for _, f := range list {
			fmt.Fprintf(out, "%s %s %s  %s\n", f.At.Format("15:04:05.000"), f.Dir, f.Hex, f.Decoded)
		}
		return nil
	}
	kv := map[string]any{}
	for _, a := range rest[2:] {
		k, v, ok := strings.Cut(a, "=")
		if !ok {
			return fmt.Errorf("%q: want key=value", a)
		}
		kv[k] = v
	}
	b, err := call(ctx, http.MethodPost, addr, base+"/actions/"+url.PathEscape(rest[1]), kv)
	if err != nil {
		return err
	}
	var s device.State
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	fmt.Fprintf(out, "ok: %s waits for %s\n", s.ID, dash(s.Prompt))
	return nil
}

func showState(out io.Writer, what string, b []byte) error {
	var s device.State
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	switch what {
	case "actions":
		for _, a := range s.Info.Actions {
			fmt.Fprintln(out, a)
		}
	case "faults":
		for _, f := range s.Info.Faults {
			fmt.Fprintf(out, "%-8s %s  %s\n", f.Code, f.Name, f.NameZh)
		}
	default:
		s.Info.Faults, s.Info.Actions, s.Info.Commands = nil, nil, nil
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	return nil
}
