package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// sample is what a process and the machine have used up to a moment.
type sample struct {
	at        time.Time
	cpu       time.Duration
	memory    float64 // resident, MB
	disk, net float64 // written to the disk by the process; carried by the loopback device; MB
}

// sampled takes a sample of a process each second until stop is called.
func sampled(ctx context.Context, pid int) (stop func() []sample) {
	ctx, cancel := context.WithCancel(ctx)
	out := make(chan []sample, 1)
	go func() {
		var all []sample
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			all = append(all, take(pid))
			select {
			case <-ctx.Done():
				out <- append(all, take(pid))
				return
			case <-t.C:
			}
		}
	}()
	return func() []sample {
		cancel()
		return <-out
	}
}

func take(pid int) sample {
	read := func(file string) []byte {
		b, _ := os.ReadFile(file)
		return b
	}
	return sample{at: time.Now(), cpu: cpu(pid), memory: parseStatm(read(fmt.Sprintf("/proc/%d/statm", pid))),
		disk: parseIO(read(fmt.Sprintf("/proc/%d/io", pid))), net: parseLoopback(read("/proc/net/dev"))}
}

// parseStatm reads the resident pages of /proc/<pid>/statm, in MB.
func parseStatm(b []byte) float64 {
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.ParseFloat(f[1], 64)
	return n * float64(os.Getpagesize()) / (1 << 20)
}

// parseIO reads write_bytes of /proc/<pid>/io, in MB.
func parseIO(b []byte) float64 {
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return n / (1 << 20)
		}
	}
	return 0
}

// parseLoopback reads the bytes received on lo of /proc/net/dev, in MB: what all processes sent to each other.
func parseLoopback(b []byte) float64 {
	_, rest, ok := bytes.Cut(b, []byte("lo:"))
	if f := strings.Fields(string(rest)); ok && len(f) > 0 {
		n, _ := strconv.ParseFloat(f[0], 64)
		return n / (1 << 20)
	}
	return 0
}
