package brief

import (
	"io"
	"net"
	"os"
	"syscall"
)

const msgMore = 0x8000 // MSG_MORE of <linux/socket.h>

func ackWithRequest(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { ackLater(int(fd)) })
}

// ackLater has the acknowledgement of the handshake wait for data (tcp(7), TCP_QUICKACK).
func ackLater(fd int) {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0) // without it there is one segment more
}

// writeMore writes b and says that more follows, so that a last short segment waits for the end of the connection (send(2), MSG_MORE).
func writeMore(c *net.TCPConn, b []byte) error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = rc.Write(func(fd uintptr) (done bool) {
		for len(b) > 0 {
			n, e := syscall.SendmsgN(int(fd), b, nil, nil, msgMore|syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT)
			switch {
			case e == syscall.EINTR:
				continue
			case e == syscall.EAGAIN:
				return false
			case e != nil:
				failed = os.NewSyscallError("sendmsg", e)
				return true
			case n == 0:
				failed = io.ErrUnexpectedEOF
				return true
			}
			b = b[n:]
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return err
}
