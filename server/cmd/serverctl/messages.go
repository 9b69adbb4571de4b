package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zhigui/server/internal/config"
	"zhigui/server/internal/messagelog"
	"zhigui/server/internal/store"
)

// folder is that of the message log.
func folder(path string) (string, error) {
	c, err := config.Load(path)
	if err == nil && c.Messages.Folder == "" {
		err = errors.New("messages.folder is not configured: there is no message log")
	}
	if err != nil {
		return "", err
	}
	return c.Messages.Folder, nil
}

func messagesVerify(args []string) error {
	fs := flag.NewFlagSet("messages verify", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	if err := fs.Parse(args); err != nil {
		return err
	}
	dir, err := folder(*cfg)
	if err != nil {
		return err
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close()                                      //nolint:errcheck // reading
	folders := append([]string{dir}, messagelog.Types...) // those that are empty, too: their end may be cut off
	n, kept := int64(0), 0
	for i, f := range folders {
		if i > 0 {
			f = filepath.Join(dir, f)
		}
		more, marks, bad := verifyMessages(st, f)
		n, kept, err = n+more, kept+marks, errors.Join(err, bad)
	}
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%d entries, each follows the one before; %d marks of the audit trail agree\n", n, kept)
	}
	return err
}

func verifyMessages(st *store.Store, dir string) (entries int64, kept int, err error) {
	notes, err := st.AuditNotes(context.Background(), messagelog.AnchorAction, messagelog.AnchorTarget(dir))
	if err != nil {
		return 0, 0, err
	}
	anchors := map[int64]string{}
	for _, note := range notes {
		var n int64
		var hash, file string
		if _, err := fmt.Sscan(note, &n, &hash, &file); err == nil {
			anchors[n] = hash
		}
	}
	entries, err = messagelog.Verify(dir, anchors)
	if err != nil {
		err = fmt.Errorf("%s: %w", filepath.Base(dir), err)
	}
	return entries, len(anchors), err
}

// messagesRead prints entries for a person who may read them; that he did is audited first.
func messagesRead(args []string) error {
	j := newKeyJob("messages read")
	terminal := j.fs.String("terminal", "", "only this terminal's")
	kindOnly := j.fs.String("type", "", strings.Join(messagelog.Types, " or ")+"; both, when it is not said")
	from, to := j.fs.String("from", "", "yyyyMMddHHmm"), j.fs.String("to", "", "yyyyMMddHHmm")
	if err := j.start(append(args, "--owner", "messages")); err != nil {
		return err
	}
	dir, err := folder(*j.cfg)
	if err == nil && *kindOnly != "" && !slices.Contains(messagelog.Types, *kindOnly) {
		err = fmt.Errorf("--type: %q is no type of data", *kindOnly)
	}
	if err != nil {
		return j.done("", err)
	}
	at := func(text, none string) time.Time {
		t, bad := time.ParseInLocation("200601021504", cmp.Or(text, none), time.Local)
		if bad != nil {
			err = fmt.Errorf("%q is no yyyyMMddHHmm", text)
		}
		return t
	}
	first, last := at(*from, "200001010000"), at(*to, "299912312359")
	if err != nil {
		return j.done("", err)
	}
	if err := j.audit(fmt.Sprintf("type %q, terminal %q, from %q to %q", *kindOnly, *terminal, *from, *to)); err != nil {
		return errors.Join(err, j.st.Close())
	}
	n := 0
	err = messagelog.ReadAll(dir, j.h, func(kind string, number int64, e messagelog.Entry) error {
		if (*kindOnly != "" && kind != *kindOnly) || *terminal != "" && e.Terminal != *terminal || e.At.Before(first) || e.At.After(last) {
			return nil
		}
		n++
		_, err := fmt.Fprintf(j.out, "%s %d %s %s %s\n%s\n", kind, number, e.At.Format(time.RFC3339Nano), e.Terminal, e.Way, e.Text)
		return err
	})
	return j.done(fmt.Sprintf("%d messages", n), err)
}
