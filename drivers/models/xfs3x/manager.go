package xfs3x

import (
	"errors"
	"time"
)

// The parts of XFSAPI.H that every class has.

// result is a WFSRESULT, as far as it is of use.
type result struct {
	request uint32
	service uint16
	code    int32  // hResult
	command uint32 // or the event's number
	buffer  uint64
}

func readResult(m memory, l layout, addr uint64) (result, error) {
	c := walk(m, l, addr)
	r := result{request: c.u32(), service: c.u16()}
	c.skip(16) // SYSTEMTIME
	r.code = int32(c.u32())
	r.command = c.u32()
	r.buffer = c.ptr()
	return r, *c.err
}

// versionSize is a WFSVERSION: three versions, two texts of 257.
const versionSize = 6 + 257 + 257

// version is a WFSVERSION; major is in the low byte.
type version struct {
	Use, Low, High uint16
	Description    string
}

func readVersion(b []byte) version {
	c := walk(flat(b), 4, 1)
	v := version{Use: c.u16(), Low: c.u16(), High: c.u16()}
	for _, x := range c.bytes(257) {
		if x == 0 {
			break
		}
		v.Description += string(rune(x))
	}
	return v
}

// flat is bytes as memory that begins at 1: 0 is NULL.
type flat []byte

func (f flat) read(addr uint64, n int) ([]byte, error) {
	if addr == 0 || addr-1+uint64(n) > uint64(len(f)) {
		return nil, errors.New("outside")
	}
	return f[addr-1 : addr-1+uint64(n)], nil
}

// Kinds of events (messages of the XFS manager).
type kind int

const (
	onExecute kind = iota // belongs to a request
	onService
	onUser
	onSystem
)

// session is one service of the XFS manager, opened and registered. Requests are answered once, by
// calling then; the memory that it gets is gone afterwards. Everything is called from one
// goroutine, so that the events of a request come before its answer.
type session interface {
	layout() layout
	// info is WFSAsyncGetInfo, execute WFSAsyncExecute; timeout 0 waits for ever.
	info(category uint32, in *block, timeout time.Duration, then func(result, memory)) (request uint32, err error)
	execute(command uint32, in *block, timeout time.Duration, then func(result, memory)) (request uint32, err error)
	cancel(request uint32) error
	close() error
}

// opener is WFSStartUp, WFSOpen and WFSRegister; the versions are those of the profile.
type opener func(service string, versions uint32, openFor time.Duration, events func(kind, result, memory)) (session, version, error)
