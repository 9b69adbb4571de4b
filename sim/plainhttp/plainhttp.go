// Package plainhttp reads the HTTP/1.1 messages of a peer that is known to give each body its length: load generator and bank host,
// whose time would else be taken from the server on the same cores, do without what net/http spends on a message. Imported by sim and
// bench.
package plainhttp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// MaxBody is the longest body, in bytes.
const MaxBody = 1 << 20

var (
	contentLength = []byte("content-length")
	connection    = []byte("connection")
	transfer      = []byte("transfer-encoding")
	ends          = []byte("close")
)

// Message is a request or an answer.
type Message struct {
	First string // the first line
	Body  []byte // valid until its buffer is used again
	Last  bool   // the sender ends the connection behind it
}

// Read reads a message; its body lies in buf if it fits. io.EOF: the connection ended before its first byte.
func Read(r *bufio.Reader, buf []byte) (m Message, err error) {
	line, err := readLine(r)
	if err != nil {
		return m, err
	}
	m.First = string(line)
	length := -1
	for {
		if line, err = readLine(r); err != nil {
			return m, noEOF(err)
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case !ok:
			return m, errors.New("plainhttp: a header without a colon")
		case bytes.EqualFold(name, contentLength):
			if length >= 0 {
				return m, errors.New("plainhttp: two lengths")
			}
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > MaxBody {
				return m, fmt.Errorf("plainhttp: the length is not one of 0 to %d", MaxBody)
			}
		case bytes.EqualFold(name, connection):
			m.Last = m.Last || bytes.EqualFold(value, ends)
		case bytes.EqualFold(name, transfer):
			return m, errors.New("plainhttp: a body in chunks")
		}
	}
	if length < 0 {
		return m, errors.New("plainhttp: a message without a length")
	}
	if cap(buf) < length {
		buf = make([]byte, length)
	}
	m.Body = buf[:length]
	_, err = io.ReadFull(r, m.Body)
	return m, noEOF(err)
}

// readLine is the next line without its end; it is valid until the next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// noEOF is for what must not end yet.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
