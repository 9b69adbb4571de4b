package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"zhigui/server/api/message/format"
	"zhigui/server/api/message/frame"
)

// dialectOf loads a dialect file, or a built-in dialect by its name.
func dialectOf(name string) (*format.Dialect, error) {
	if strings.HasSuffix(name, ".yaml") {
		return format.LoadFile(name)
	}
	return format.Builtin(name)
}

func describe(args []string) error {
	fs := flag.NewFlagSet("describe", flag.ContinueOnError)
	name := fs.String("dialect", "", "dialect: a built-in name, or a file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var input []byte
	fi, err := os.Stdin.Stat()
	if person := err == nil && fi.Mode()&os.ModeCharDevice != 0; *name != "" || !person { // who types no message wants the names
		if input, err = io.ReadAll(io.LimitReader(os.Stdin, 3*frame.Limit)); err != nil {
			return err
		}
	}
	switch {
	case *name != "":
		d, err := dialectOf(*name)
		if err != nil {
			return err
		}
		text, err := describeText(d, input)
		fmt.Print(text)
		return err
	case len(strings.TrimSpace(string(input))) == 0:
		fmt.Println(strings.Join(format.Builtins(), "\n"))
		return nil
	}
	text, also, err := recognise(input)
	fmt.Print(text)
	if len(also) > 0 {
		fmt.Fprintln(os.Stderr, "other dialects read it, too:", strings.Join(also, ", "))
	}
	return err
}

// recognise describes a message in the built-in dialect that finds the most in it; also are the others that
// read it whole.
func recognise(input []byte) (text string, also []string, err error) {
	best := ""
	for _, name := range format.Builtins() {
		d, err := format.Builtin(name)
		if err != nil {
			return "", nil, err
		}
		t, err := describeText(d, input)
		if err != nil {
			continue
		}
		if strings.Count(t, "\n") > strings.Count(text, "\n") {
			name, best, text = best, name, t
		}
		if name != "" {
			also = append(also, name)
		}
	}
	if best == "" {
		return "", nil, errors.New("no built-in dialect reads this message: name one, or a file, with --dialect")
	}
	return text, also, nil
}

// describeText takes a message as hexadecimal when it is that, else as it is; the newline
// that a person's editor puts at the end is no part of it.
func describeText(d *format.Dialect, input []byte) (string, error) {
	if len(strings.TrimSpace(string(input))) == 0 {
		return "", errors.New("no message: give its bytes, or hexadecimal, on standard input")
	}
	raw := input
	if b, err := hex.DecodeString(strings.Join(strings.Fields(string(input)), "")); err == nil {
		raw = b
	}
	text, first := d.Print(raw)
	if first == nil {
		return text, nil
	}
	if s, ok := strings.CutSuffix(string(raw), "\n"); ok {
		if text, err := d.Print([]byte(s)); err == nil {
			return text, nil
		}
	}
	return "", first
}

func packCmd(args []string) error {
	fs := flag.NewFlagSet("pack", flag.ContinueOnError)
	name := fs.String("dialect", "", "dialect: a built-in name, or a file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	d, err := dialectOf(*name)
	if err != nil {
		return err
	}
	input, err := io.ReadAll(io.LimitReader(os.Stdin, frame.Limit))
	if err != nil {
		return err
	}
	out, err := packText(d, input)
	if err != nil {
		return err
	}
	fmt.Printf("%X\n", out)
	return nil
}

// packText packs a transaction written by hand. There are no keys here: the MAC is zeros.
func packText(d *format.Dialect, input []byte) ([]byte, error) {
	t := format.NewTransaction("")
	p := json.NewDecoder(strings.NewReader(string(input)))
	p.DisallowUnknownFields()
	if err := p.Decode(t); err != nil {
		return nil, errors.New("the transaction must be JSON with type, values and lists of strings")
	}
	rows := []map[string]string{t.Values}
	for _, l := range t.Lists {
		rows = append(rows, l...)
	}
	for _, r := range rows {
		for k, v := range r {
			if h, ok := strings.CutPrefix(v, "hex:"); ok {
				b, err := hex.DecodeString(h)
				if err != nil {
					return nil, fmt.Errorf("%s is not hexadecimal", k)
				}
				r[k] = string(b)
			}
		}
	}
	return d.Pack(nil, t, func([]byte) ([]byte, error) { return make([]byte, 32), nil })
}
