package pcsc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"
)

// The daemon's messages: a header of size and command, then a structure, all in the machine's
// byte order; the answer is the structure alone.
const (
	cmdEstablish  = 0x01
	cmdConnect    = 0x04
	cmdReconnect  = 0x05
	cmdDisconnect = 0x06
	cmdTransmit   = 0x09
	cmdVersion    = 0x11
	cmdReaders    = 0x12

	major, minor = 4, 4
	maxReaders   = 16
	maxAnswer    = 264
)

// State bits of a reader.
const (
	statePresent = 0x0004
	stateMute    = 0x0008 // swallowed: present, not powered
	statePowered = 0x0010
)

// Sharing, protocols and what becomes of the card.
const (
	shareExclusive, shareShared = 1, 2
	protocolT0, protocolT1      = 1, 2
	leave, reset, unpower       = 0, 1, 2
)

// status is a return code of PC/SC other than success.
type status uint32

// Error implements error.
func (s status) Error() string {
	if n := names[s]; n != "" {
		return fmt.Sprintf("PC/SC %08X: %s", uint32(s), n)
	}
	return fmt.Sprintf("PC/SC %08X", uint32(s))
}

// Return codes (the PC/SC standard's; pcsclite.h has them by number).
const (
	eUnknownReader status = 0x80100009
	eSharing       status = 0x8010000B
	eNoCard        status = 0x8010000C
	eProtocol      status = 0x8010000F
	eNotTransacted status = 0x80100016
	eUnavailable   status = 0x80100017
	wUnsupported   status = 0x80100065
	wUnresponsive  status = 0x80100066
	wUnpowered     status = 0x80100067
	wReset         status = 0x80100068
	wRemoved       status = 0x80100069
)

var names = map[status]string{eUnknownReader: "unknown reader", eSharing: "another program has the card", eNoCard: "no card", eProtocol: "protocol mismatch",
	eNotTransacted: "transmission failed", eUnavailable: "reader unavailable", wUnsupported: "card not supported", wUnresponsive: "card unresponsive",
	wUnpowered: "card has no power", wReset: "card was reset", wRemoved: "card was removed"}

// readerState is one of the daemon's sixteen.
type readerState struct {
	Name      [128]byte
	Events    uint32
	State     uint32
	Sharing   int32
	ATR       [33]byte
	_         [3]byte
	ATRLength uint32
	Protocol  uint32
}

func (r *readerState) name() string {
	name, _, _ := bytes.Cut(r.Name[:], []byte{0})
	return string(name)
}

// plausible is false for what cannot be a reader: the daemon's answers have no frame by which a
// shifted one would show.
func (r *readerState) plausible() bool {
	name := r.name()
	return name == "" || r.ATRLength <= uint32(len(r.ATR)) && !strings.ContainsFunc(name, func(c rune) bool { return c < 0x20 || c == utf8.RuneError })
}

type version struct {
	Major, Minor int32
	RV           uint32
}

type establish struct{ Scope, Context, RV uint32 }

type connect struct {
	Context  uint32
	Reader   [128]byte
	Share    uint32
	Wanted   uint32
	Card     int32
	Protocol uint32
	RV       uint32
}

type reconnect struct {
	Card                                  int32
	Share, Wanted, Initialization, Active uint32
	RV                                    uint32
}

type disconnect struct {
	Card        int32
	Disposition uint32
	RV          uint32
}

type transmit struct {
	Card                              int32
	SendProtocol, SendPCI, SendLength uint32
	RecvProtocol, RecvPCI, RecvLength uint32
	RV                                uint32
}

// errDaemon is a daemon that does not speak as we do.
var errDaemon = errors.New("pcscd: not the protocol 4.4")

// daemon is a connection to pcscd. Not for concurrent use.
type daemon struct {
	conn    net.Conn
	reply   time.Duration
	context uint32
}

func dial(path string, reply time.Duration) (*daemon, error) {
	conn, err := net.DialTimeout("unix", path, 2*time.Second)
	if err != nil {
		return nil, fmt.Errorf("pcscd: %w", err)
	}
	d := &daemon{conn: conn, reply: reply}
	v := version{Major: major, Minor: minor}
	if err = d.call(cmdVersion, &v, &v.RV); err == nil && v.Major != major {
		err = errDaemon
	}
	if err == nil {
		e := establish{Scope: 2}
		err = d.call(cmdEstablish, &e, &e.RV)
		d.context = e.Context
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

// call sends a structure and reads it back; rv is its return code.
func (d *daemon) call(cmd uint32, s any, rv *uint32, more ...byte) error {
	_ = d.conn.SetDeadline(time.Now().Add(d.reply))
	b := binary.NativeEndian.AppendUint32(nil, uint32(binary.Size(s)))
	b = binary.NativeEndian.AppendUint32(b, cmd)
	b, err := binary.Append(b, binary.NativeEndian, s)
	if err != nil {
		return fmt.Errorf("pcscd: %w", err)
	}
	if _, err := d.conn.Write(append(b, more...)); err != nil {
		return fmt.Errorf("pcscd: %w", err)
	}
	if err := binary.Read(d.conn, binary.NativeEndian, s); err != nil {
		return fmt.Errorf("pcscd: %w", err)
	}
	if *rv != 0 {
		return status(*rv)
	}
	return nil
}

func (d *daemon) readers() ([]readerState, error) {
	_ = d.conn.SetDeadline(time.Now().Add(d.reply))
	b := binary.NativeEndian.AppendUint32(nil, 0)
	if _, err := d.conn.Write(binary.NativeEndian.AppendUint32(b, cmdReaders)); err != nil {
		return nil, fmt.Errorf("pcscd: %w", err)
	}
	all := make([]readerState, maxReaders)
	if err := binary.Read(d.conn, binary.NativeEndian, all); err != nil {
		return nil, fmt.Errorf("pcscd: %w", err)
	}
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].plausible() {
			return nil, errDaemon
		}
		if all[i].Name[0] == 0 {
			all = append(all[:i], all[i+1:]...)
		}
	}
	return all, nil
}

// open connects to the card in a reader; it answers handle and protocol.
func (d *daemon) open(reader string, share uint32) (card int32, protocol uint32, err error) {
	c := connect{Context: d.context, Share: share, Wanted: protocolT0 | protocolT1}
	copy(c.Reader[:len(c.Reader)-1], reader)
	err = d.call(cmdConnect, &c, &c.RV)
	return c.Card, c.Protocol, err
}

func (d *daemon) again(card int32, share, how uint32) (protocol uint32, err error) {
	c := reconnect{Card: card, Share: share, Wanted: protocolT0 | protocolT1, Initialization: how}
	err = d.call(cmdReconnect, &c, &c.RV)
	return c.Active, err
}

func (d *daemon) shut(card int32, how uint32) error {
	c := disconnect{Card: card, Disposition: how}
	return d.call(cmdDisconnect, &c, &c.RV)
}

func (d *daemon) transmit(card int32, protocol uint32, apdu []byte) ([]byte, error) {
	// The header of a PCI is 16 bytes on 64-bit machines; the daemon does not look at it.
	t := transmit{Card: card, SendProtocol: protocol, SendPCI: 16, SendLength: uint32(len(apdu)), RecvProtocol: protocol, RecvPCI: 16, RecvLength: maxAnswer}
	if err := d.call(cmdTransmit, &t, &t.RV, apdu...); err != nil {
		return nil, err
	}
	if t.RecvLength < 2 || t.RecvLength > maxAnswer {
		return nil, errDaemon
	}
	out := make([]byte, t.RecvLength)
	if _, err := io.ReadFull(d.conn, out); err != nil {
		return nil, fmt.Errorf("pcscd: %w", err)
	}
	return out, nil
}
