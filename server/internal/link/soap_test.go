package link

import (
	"bytes"
	"encoding/xml"
	"testing"
)

func TestAnEnvelopeCarriesTextAndBytes(t *testing.T) {
	s := newSOAP(&Spec{})
	for _, msg := range []string{`{"a":"<&>"}`, "工资|1\n", "\x00\x01\xff", "a\rb", ""} {
		out := s.pack([]byte(msg))
		if err := xml.Unmarshal(out, new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("%q: %v", msg, err)
		}
		if got, err := s.unpack(out); err != nil || string(got) != msg {
			t.Errorf("%q became %q: %v", msg, got, err)
		}
	}
	for name, body := range map[string]string{
		"no XML":             "{}",
		"another root":       "<a/>",
		"no body":            `<e:Envelope xmlns:e="` + soapSpace + `"/>`,
		"a fault":            string(s.fault("x")),
		"two calls":          `<e:Envelope xmlns:e="` + soapSpace + `"><e:Body><a>1</a><b>2</b></e:Body></e:Envelope>`,
		"a document type":    `<!DOCTYPE x [<!ENTITY a "b">]><e:Envelope xmlns:e="` + soapSpace + `"><e:Body><a>1</a></e:Body></e:Envelope>`,
		"half an envelope":   `<e:Envelope xmlns:e="` + soapSpace + `"><e:Body><a>1`,
		"elements in a call": `<e:Envelope xmlns:e="` + soapSpace + `"><e:Body><a><b/></a></e:Body></e:Envelope>`,
	} {
		if got, err := s.unpack([]byte(body)); err == nil {
			t.Errorf("%s was taken: %q", name, got)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	s := newSOAP(&Spec{})
	f.Add(s.pack([]byte("a")))
	f.Add(s.pack([]byte{0}))
	f.Add(s.fault("x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := s.unpack(b)
		if err != nil {
			return
		}
		if again, err := s.unpack(s.pack(got)); err != nil || !bytes.Equal(got, again) {
			t.Errorf("%q became %q: %v", got, again, err)
		}
	})
}
