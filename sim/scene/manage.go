package scene

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"time"

	"zhigui/server/api/mgmt"
)

// Manage is a signed-in user of the management API.
type Manage struct {
	base string
	http *http.Client
}

// SignIn signs a demo user in.
func (s *Scene) SignIn(ctx context.Context, user string) (*Manage, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &Manage{base: fmt.Sprintf("http://%s/v2/api", addr(s.Ports.Manage)), http: &http.Client{Jar: jar, Timeout: time.Minute}}
	for _, u := range Users {
		if u.Name == user {
			return c, c.Call(ctx, http.MethodPost, "/session", mgmt.SignIn{Name: u.Name, Password: u.Password}, nil)
		}
	}
	return nil, fmt.Errorf("no demo user %q", user)
}

// Call sends in as JSON (bytes as they are) and decodes the envelope's data into out.
func (c *Manage) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	kind := "application/json"
	switch v := in.(type) {
	case nil:
	case []byte:
		body, kind = bytes.NewReader(v), "application/gzip"
	default:
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
		req.Header.Set("Content-Type", kind)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	var env struct {
		Code    string          `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b, &env); err != nil || resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s %s", method, path, resp.Status, env.Code, env.Message)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(env.Data, out)
}

// Publish signs a folder of flow pages, uploads it and assigns it to the terminal.
func (s *Scene) Publish(ctx context.Context, dir, version string) (mgmt.Bundle, error) {
	var b mgmt.Bundle
	file, err := s.SignFlows(dir, version)
	if err != nil {
		return b, err
	}
	archive, err := os.ReadFile(file)
	if err != nil {
		return b, err
	}
	c, err := s.SignIn(ctx, "admin")
	if err != nil {
		return b, err
	}
	if err := c.Call(ctx, http.MethodPost, "/bundles", archive, &b); err != nil {
		return b, err
	}
	return b, c.Call(ctx, http.MethodPost, "/terminals/"+s.Terminal()+"/bundles", mgmt.Assign{Digest: b.Digest}, nil)
}

// PublishFlows publishes the built pages unless this very content is assigned already.
func (s *Scene) PublishFlows(ctx context.Context) error {
	if s.Flows == "" {
		return nil
	}
	if _, err := os.Stat(s.Flows); err != nil {
		return fmt.Errorf("the flow pages are not built (make web): %w", err)
	}
	sum, err := folderSum(s.Flows)
	if err != nil {
		return err
	}
	mark := s.path("keys", "published")
	old, err := os.ReadFile(mark)
	if was, _, _ := strings.Cut(string(old), " "); err == nil && was == sum {
		return nil
	}
	digest := ""
	if s.Join == nil {
		b, err := s.Publish(ctx, s.Flows, "1.0.0+"+sum[:8])
		if err != nil {
			return err
		}
		digest = b.Digest
	} else { // the branch has it already
		theirs, err := os.ReadFile(s.branch("keys", "published"))
		if err != nil {
			return err
		}
		if _, digest, _ = strings.Cut(string(theirs), " "); digest == "" {
			return errors.New("the branch was published by an older program: remove its folder")
		}
		c, err := s.SignIn(ctx, "admin")
		if err == nil {
			err = c.Call(ctx, http.MethodPost, "/terminals/"+s.Terminal()+"/bundles", mgmt.Assign{Digest: digest}, nil)
		}
		if err != nil {
			return err
		}
	}
	return os.WriteFile(mark, []byte(sum+" "+digest), 0o600)
}
