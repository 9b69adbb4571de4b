package link

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// soap is SOAP 1.1, document style: the message is the text of one element of the body, as it is
// when it is text in UTF-8, in base64 (attribute encoding) otherwise.
type soap struct {
	action    string
	element   string
	namespace string
}

const (
	soapSpace   = "http://schemas.xmlsoap.org/soap/envelope/"
	soapElement = "exchange"
	soapService = "urn:zhigui:trade"
)

func newSOAP(s *Spec) *soap {
	e := s.Element
	if e == "" {
		e = soapElement
	}
	return &soap{action: s.Action, element: e, namespace: soapService}
}

func (s *soap) headers(h http.Header) {
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("SOAPAction", `"`+s.action+`"`)
}

func (s *soap) pack(msg []byte) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<soapenv:Envelope xmlns:soapenv="` + soapSpace + `"><soapenv:Body><` + s.element + ` xmlns="` + s.namespace + `"`)
	if text(msg) {
		b.WriteByte('>')
		_ = xml.EscapeText(&b, msg)
	} else {
		b.WriteString(` encoding="base64">` + base64.StdEncoding.EncodeToString(msg))
	}
	b.WriteString(`</` + s.element + `></soapenv:Body></soapenv:Envelope>`)
	return b.Bytes()
}

// text tells whether XML can carry msg as it is.
func text(msg []byte) bool {
	if !utf8.Valid(msg) {
		return false
	}
	for _, r := range string(msg) {
		if r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF { // XML turns a carriage return into a newline
			return false
		}
	}
	return true
}

var errSOAP = errors.New("link: no SOAP envelope with a message")

// unpack reads the text of the first element in the body of an envelope, whatever its name.
func (s *soap) unpack(body []byte) ([]byte, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = true
	var path []string
	var out []byte
	encoded, found := false, false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errSOAP
		}
		switch e := t.(type) {
		case xml.Directive:
			return nil, errSOAP // no document types here
		case xml.StartElement:
			if len(path) < 2 && e.Name.Space != soapSpace {
				return nil, errSOAP
			}
			path = append(path, e.Name.Local)
			if len(path) == 3 && path[1] == "Body" {
				if e.Name.Local == "Fault" || found {
					return nil, errSOAP
				}
				found = true
				for _, a := range e.Attr {
					encoded = encoded || a.Name.Local == "encoding" && a.Value == "base64"
				}
			} else if len(path) > 3 && path[1] == "Body" {
				return nil, errSOAP
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) == 3 && path[1] == "Body" {
				out = append(out, e...)
			}
		}
	}
	if !found {
		return nil, errSOAP
	}
	if encoded {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(out)))
		if err != nil {
			return nil, errSOAP
		}
		return raw, nil
	}
	return out, nil
}

func (s *soap) fault(reason string) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<soapenv:Envelope xmlns:soapenv="` + soapSpace + `"><soapenv:Body><soapenv:Fault><faultcode>soapenv:Client</faultcode><faultstring>`)
	_ = xml.EscapeText(&b, []byte(reason))
	b.WriteString(`</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`)
	return b.Bytes()
}

// wsdl describes the service at location, for those who generate their clients.
func (s *soap) wsdl(location string) []byte {
	var at bytes.Buffer
	_ = xml.EscapeText(&at, []byte(location))
	return []byte(strings.NewReplacer("{ns}", s.namespace, "{element}", s.element, "{action}", s.action, "{location}", at.String()).Replace(xml.Header + `<definitions name="trade" targetNamespace="{ns}" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="{ns}" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<types><xs:schema targetNamespace="{ns}" elementFormDefault="qualified"><xs:element name="{element}"><xs:complexType><xs:simpleContent><xs:extension base="xs:string"><xs:attribute name="encoding" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType></xs:element></xs:schema></types>
<message name="message"><part name="body" element="tns:{element}"/></message>
<portType name="trade"><operation name="{element}"><input message="tns:message"/><output message="tns:message"/></operation></portType>
<binding name="trade" type="tns:trade"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/><operation name="{element}"><soap:operation soapAction="{action}"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
<service name="trade"><port name="trade" binding="tns:trade"><soap:address location="{location}"/></port></service>
</definitions>`))
}
