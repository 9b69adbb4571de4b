package plainhttp_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zhigui/sim/plainhttp"
)

func TestAMessageIsReadToItsLastByteOrRefused(t *testing.T) {
	for _, c := range []struct{ name, text, first, body, err string }{
		{"a request", "POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabcPOST", "POST /a HTTP/1.1", "abc", ""},
		{"names in any case, ends of a line without CR", "HTTP/1.1 200 OK\ncontent-LENGTH:2\n\nab", "HTTP/1.1 200 OK", "ab", ""},
		{"no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK", "", ""},
		{"nothing", "", "", "", "EOF"},
		{"half a line", "POST", "", "", "unexpected EOF"},
		{"half a head", "POST / HTTP/1.1\r\n", "", "", "unexpected EOF"},
		{"half a body", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", "", "", "unexpected EOF"},
		{"no length", "POST / HTTP/1.1\r\n\r\n", "", "", "without a length"},
		{"two lengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "", "", "two lengths"},
		{"a length below 0", "POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc", "", "", "not one of"},
		{"too long", "POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", "", "", "not one of"},
		{"in chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "", "", "chunks"},
		{"no colon", "POST / HTTP/1.1\r\nabc\r\n\r\n", "", "", "colon"},
		{"a line without end", strings.Repeat("a", 5000), "", "", "buffer full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := plainhttp.Read(bufio.NewReader(strings.NewReader(c.text)), nil)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(plainhttp.Message{First: c.first, Body: []byte(c.body)}, m, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMessagesFollowOneAnotherAndTheLastSaysSo(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("A\r\nContent-Length: 1\r\n\r\n1B\r\nConnection: Close\r\nContent-Length: 1\r\n\r\n2"))
	buf := make([]byte, 16)
	for _, want := range []plainhttp.Message{{First: "A", Body: []byte("1")}, {First: "B", Body: []byte("2"), Last: true}} {
		m, err := plainhttp.Read(r, buf)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, m); d != "" {
			t.Error(d)
		}
	}
	if _, err := plainhttp.Read(r, buf); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// What it reads, net/http reads as well.
func FuzzRead(f *testing.F) {
	f.Add([]byte("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := plainhttp.Read(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			return
		}
		if len(m.Body) > len(b) {
			t.Fatalf("a body of %d bytes out of %d", len(m.Body), len(b))
		}
		a, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil || a.StatusCode < 200 || a.StatusCode == 204 || a.StatusCode == 304 {
			return
		}
		if body, err := io.ReadAll(a.Body); err != nil || !bytes.Equal(body, m.Body) {
			t.Fatalf("%q, by net/http %q %v", m.Body, body, err)
		}
	})
}
