package uplink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"zhigui/server/api/access"
)

// NeedsCase implements counter.Cases.
func (c *Client) NeedsCase(ctx context.Context, product string, amount int64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var n access.CaseNeed
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("%s?product=%s&amount=%d", access.PathCaseNeed, url.QueryEscape(product), amount), nil, &n)
	return n.Kind, err
}

// OpenCase implements counter.Cases.
func (c *Client) OpenCase(ctx context.Context, q access.CaseRequest) (x access.Case, err error) {
	err = c.caseCall(ctx, http.MethodPost, access.PathCases, q, &x)
	return x, err
}

// Case implements counter.Cases; one that the server does not have for this terminal is access.ErrNoCase.
func (c *Client) Case(ctx context.Context, number string, wait time.Duration) (x access.Case, err error) {
	err = c.call(ctx, http.MethodGet, fmt.Sprintf("%s/%s?wait=%s", access.PathCases, number, wait), nil, &x)
	return x, noCase(err)
}

// CaseStep implements counter.Cases, as Case does.
func (c *Client) CaseStep(ctx context.Context, number, step string, fields map[string]string) (x access.Case, err error) {
	err = c.caseCall(ctx, http.MethodPost, fmt.Sprintf("%s/%s/steps/%s", access.PathCases, number, step), access.StepFields{Fields: fields}, &x)
	return x, noCase(err)
}

// WithdrawCase implements counter.Cases, as Case does.
func (c *Client) WithdrawCase(ctx context.Context, number string) (x access.Case, err error) {
	err = c.caseCall(ctx, http.MethodPost, fmt.Sprintf("%s/%s/withdraw", access.PathCases, number), struct{}{}, &x)
	return x, noCase(err)
}

func noCase(err error) error {
	var r *RefusedError
	if errors.As(err, &r) && r.Status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", access.ErrNoCase, err)
	}
	return err
}

// caseCall is a call of which every one may be repeated: the server does nothing twice. The link may be
// gone for a moment.
func (c *Client) caseCall(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		err := c.call(ctx, method, path, in, out)
		var r *RefusedError
		if err == nil || errors.As(err, &r) && r.Status < 500 || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
