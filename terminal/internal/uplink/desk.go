package uplink

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"zhigui/server/api/access"
)

// AskApproval creates a request to the lobby manager and waits for its end. When ctx ends
// first the request is withdrawn, so that nobody decides about a customer who has left.
func (c *Client) AskApproval(ctx context.Context, req access.ApprovalRequest, progress func(access.Approval)) (access.Approval, error) {
	var a access.Approval
	if err := c.call(ctx, http.MethodPost, access.PathApprovals, req, &a); err != nil {
		return a, err
	}
	progress(a)
	for a.State == access.Pending {
		err := c.call(ctx, http.MethodGet, fmt.Sprintf("%s/%s?wait=20s", access.PathApprovals, a.ID), nil, &a)
		if ctx.Err() != nil {
			cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = c.call(cctx, http.MethodPost, fmt.Sprintf("%s/%s/cancel", access.PathApprovals, a.ID), struct{}{}, nil) // it expires by itself
			return a, ctx.Err()
		}
		if err != nil {
			if time.Now().After(a.Expires) {
				return a, err
			}
			select { // the link is gone for a moment: ask again
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		progress(a)
	}
	return a, nil
}
