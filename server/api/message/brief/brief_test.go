package brief

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// serve answers each connection on l with what answer makes of it.
func serve(t *testing.T, answer func(c net.Conn)) string {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); answer(c) }() //nolint:errcheck // the end of the test's connection
		}
	}()
	return l.Addr().String()
}

func TestAnAnswerOfAnyLengthArrivesWholeAndThenTheEnd(t *testing.T) {
	for _, n := range []int{1, 300, 1460, 1 << 16, 8 << 20} {
		want := bytes.Repeat([]byte("0123456789abcde\n"), n/16+1)[:n]
		at := serve(t, func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 4))
			if err := Last(c, want); err != nil {
				t.Error(err)
			}
		})
		for _, to := range []string{at, "localhost" + at[len("127.0.0.1"):]} {
			c, err := Dial(context.Background(), to)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write([]byte("give")); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes of %d, %v", len(got), n, err)
			}
			_ = c.Close()
		}
	}
}

// The kernel answers a close over unread bytes with a reset, and drops what it still holds back.
func TestAnAnswerIsNotLostWhenTheClientHasSentMoreThanItsRequest(t *testing.T) {
	at := serve(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 4))
		if err := Last(c, []byte("answer")); err != nil {
			t.Error(err)
		}
	})
	for range 200 {
		c, err := Dial(context.Background(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("give, and more")); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 6)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "answer" {
			t.Fatalf("%q, %v", got, err)
		}
		_ = c.Close()
	}
}

func TestAPeerThatDoesNotReadHoldsTheAnswerNoLongerThanTheDeadline(t *testing.T) {
	result := make(chan error, 1)
	at := serve(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 4))
		_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		result <- Last(c, make([]byte, 64<<20))
	})
	c, err := Dial(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // the end of the test's connection
	if _, err := c.Write([]byte("give")); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestAWriteAfterThePeerHasGoneIsAnErrorAndNoSignal(t *testing.T) {
	result := make(chan error, 1)
	at := serve(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 4))
		_, _ = io.Copy(io.Discard, c) // until the reset
		err := Last(c, []byte("answer"))
		for err == nil {
			err = writeMore(c.(*net.TCPConn), make([]byte, 1<<16))
		}
		result <- err
	})
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte("give"))
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	if err := <-result; err == nil {
		t.Error("no error")
	}
}

func TestWithoutAListenerThereIsAnError(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	if c, err := Dial(context.Background(), at); err == nil || c != nil {
		t.Errorf("%v, %v", c, err)
	}
}
