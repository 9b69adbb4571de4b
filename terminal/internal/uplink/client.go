// Package uplink is the terminal's side of the access API: sign-in, beats, journal
// upload, bundle download, alarms and lobby approvals, over HTTPS with the terminal's
// client certificate. Only the native platform imports it.
package uplink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"zhigui/server/api/access"
	"zhigui/server/api/keyload"
	"zhigui/terminal/internal/padkey"
	"zhigui/terminal/internal/signed"
)

// Config of the client.
type Config struct {
	URL  string // https://host:port
	CA   string // PEM files
	Cert string
	Key  string
}

// Client calls the access API. Safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient loads the certificates.
func NewClient(cfg Config) (*Client, error) {
	ca, err := os.ReadFile(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("setting server.ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("setting server.ca: no certificate in %s", cfg.CA)
	}
	pair, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("settings server.cert and server.key: %w", err)
	}
	if _, err := url.Parse(cfg.URL); err != nil {
		return nil, fmt.Errorf("setting server.url: %w", err)
	}
	return &Client{base: cfg.URL, http: &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13},
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 40 * time.Second, IdleConnTimeout: 90 * time.Second,
		ForceAttemptHTTP2: true,
	}}}, nil
}

// RefusedError is an answer of 400 or more.
type RefusedError struct {
	Status  int
	Code    string
	Message string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("server refused: %d %s %s", e.Status, e.Code, e.Message)
}

const maxAnswer = 4 << 20

// call posts in as JSON (or gets, when in is nil) and decodes the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if raw, ok := in.(json.RawMessage); ok { // as it is: it has a digest
		body = bytes.NewReader(raw)
	} else if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("access %s: %w", path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("access %s: %w", path, err)
	}
	if resp.StatusCode >= 400 {
		var e access.Error
		_ = json.Unmarshal(b, &e) // a body of another form leaves the code empty
		return &RefusedError{Status: resp.StatusCode, Code: e.Code, Message: e.Message}
	}
	if out == nil || len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("access %s: answer: %w", path, err)
	}
	return nil
}

// SignIn tells the server that the terminal has started.
func (c *Client) SignIn(ctx context.Context, in access.SignIn) (out access.SignInAnswer, err error) {
	err = c.call(ctx, http.MethodPost, access.PathSignIn, in, &out)
	return out, err
}

// Operator asks who a person is that wants to work at the terminal.
func (c *Client) Operator(ctx context.Context, in access.OperatorSignIn) (out access.Operator, err error) {
	err = c.call(ctx, http.MethodPost, access.PathOperators, in, &out)
	return out, err
}

// Beat reports the state and takes orders.
func (c *Client) Beat(ctx context.Context, in access.Beat) (out access.BeatAnswer, err error) {
	err = c.call(ctx, http.MethodPost, access.PathBeat, in, &out)
	return out, err
}

// Upload sends journal records and tells which the server holds now.
func (c *Client) Upload(ctx context.Context, records []access.Record) (uint64, error) {
	var out access.JournalAnswer
	if err := c.call(ctx, http.MethodPost, access.PathJournal, access.Journal{Records: records}, &out); err != nil {
		return 0, err
	}
	if out.Error != "" {
		return out.Accepted, errors.New(out.Error)
	}
	return out.Accepted, nil
}

// Signature hands over what a customer has signed, by the SM3 of it. nil: the server has it for good.
func (c *Client) Signature(ctx context.Context, digest string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := c.call(ctx, http.MethodPut, access.PathSignatures+digest, json.RawMessage(content), nil)
	var r *RefusedError
	if errors.As(err, &r) && r.Status == http.StatusConflict {
		return signed.ErrUnknown
	}
	return err
}

// OfferKey brings a PIN pad's offer to the server.
func (c *Client) OfferKey(ctx context.Context, o keyload.Offer) (out keyload.Token, err error) {
	err = c.keys(ctx, access.PathKeys, o, &out)
	return out, err
}

// HeldKey brings its proof.
func (c *Client) HeldKey(ctx context.Context, p keyload.Proof) (out keyload.Verdict, err error) {
	err = c.keys(ctx, access.PathHeldKey, p, &out)
	return out, err
}

func (c *Client) keys(ctx context.Context, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := c.call(ctx, http.MethodPost, path, in, out)
	var r *RefusedError
	if errors.As(err, &r) {
		switch r.Status {
		case http.StatusConflict:
			return fmt.Errorf("%w: %w", padkey.ErrOther, err)
		case http.StatusForbidden:
			return fmt.Errorf("%w: %w", padkey.ErrRefused, err)
		case http.StatusNotFound:
			return fmt.Errorf("%w: %w", padkey.ErrNone, err)
		}
	}
	return err
}

// Alarm reports an alarm.
func (c *Client) Alarm(ctx context.Context, a access.Alarm) error {
	return c.call(ctx, http.MethodPost, access.PathAlarms, a, nil)
}

// Bundle downloads an archive, going on where an interrupted read stopped.
func (c *Client) Bundle(ctx context.Context, b access.Bundle) ([]byte, error) {
	if b.Size <= 0 || b.Size > 512<<20 {
		return nil, fmt.Errorf("bundle of %d bytes", b.Size)
	}
	var got []byte
	for tries := 0; int64(len(got)) < b.Size; tries++ {
		if tries == 5 {
			return nil, fmt.Errorf("bundle %s: interrupted %d times", b.Version, tries)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+access.PathBundles+b.Digest, nil)
		if err != nil {
			return nil, err
		}
		if len(got) > 0 {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-", len(got)))
		}
		resp, err := c.http.Do(req)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", b.Version, err)
		}
		if resp.StatusCode == http.StatusOK {
			got = got[:0] // the server does not do ranges: from the start
		} else if resp.StatusCode != http.StatusPartialContent {
			resp.Body.Close()
			return nil, &RefusedError{Status: resp.StatusCode}
		}
		part, _ := io.ReadAll(io.LimitReader(resp.Body, b.Size-int64(len(got))+1)) // what came is kept
		resp.Body.Close()
		got = append(got, part...)
	}
	return got, nil
}
