//go:build !linux

package batch

func process() error { return nil }
