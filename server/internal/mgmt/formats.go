package mgmt

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"zhigui/server/api/code"
	"zhigui/server/api/message/format"
	api "zhigui/server/api/mgmt"
)

// preview tries a format. One at a time: it is for people at a keyboard, and must not slow transactions.
func (s *Service) preview(ctx context.Context, in *struct{ Body api.Preview }) (*out[api.Previewed], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	select {
	case s.previewing <- struct{}{}:
		defer func() { <-s.previewing }()
	case <-ctx.Done():
		return nil, refuse(http.StatusServiceUnavailable, code.Unavailable)
	}
	return done(preview(&in.Body)), nil
}

func preview(q *api.Preview) (v api.Previewed) {
	d, err := format.Parse([]byte(q.YAML))
	if err != nil {
		v.Error = placeOf("yaml", err, "")
		return v
	}
	v.Name, v.Kind = d.Name, d.Kind
	var frame []byte
	switch {
	case strings.TrimSpace(q.Message) != "":
		if frame, err = hex.DecodeString(strings.Join(strings.Fields(q.Message), "")); err != nil {
			v.Error = &api.FormatFail{In: "message", Reason: "the message is written in hexadecimal, two digits a byte"}
			return v
		}
	case strings.TrimSpace(q.Transaction) != "":
		t, err := d.ParseTransaction([]byte(q.Transaction))
		if err == nil {
			frame, err = d.Pack(nil, t, func([]byte) ([]byte, error) { return make([]byte, 32), nil }) // nobody has a key here
		}
		if err != nil {
			v.Error = placeOf("transaction", err, q.Transaction)
			if at := strings.Index(q.Transaction, `"`+d.KeyIn(err)+`"`); v.Error.Line == 0 && at >= 0 {
				v.Error.Line, v.Error.Column = lineAt(q.Transaction, int64(at))
			}
			return v
		}
	default:
		return v
	}
	v.Hex = strings.ToUpper(hex.EncodeToString(frame))
	if v.Described, err = d.Print(frame); err != nil {
		v.Error = placeOf("message", err, "")
	}
	return v
}

var linePrefix = regexp.MustCompile(`^[\w.]+:(\d+):(\d+): (?s)(.*)$`)

// placeOf finds the place of a fault. Reasons of the format package never repeat a value.
func placeOf(in string, err error, text string) *api.FormatFail {
	f := &api.FormatFail{In: in, Reason: err.Error()}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch m := linePrefix.FindStringSubmatch(f.Reason); {
	case in == "yaml" && m != nil:
		f.Line, _ = strconv.Atoi(m[1])
		f.Column, _ = strconv.Atoi(m[2])
		f.Reason = m[3]
	case errors.As(err, &syntax):
		f.Line, f.Column = lineAt(text, syntax.Offset-1)
	case errors.As(err, &kind):
		f.Line, f.Column = lineAt(text, kind.Offset-1)
		f.Reason = "values are texts between quotes"
	}
	return f
}

func lineAt(text string, offset int64) (line, column int) {
	b := []byte(text)[:max(0, min(offset, int64(len(text))))]
	return bytes.Count(b, []byte("\n")) + 1, len(b) - bytes.LastIndexByte(b, '\n')
}
