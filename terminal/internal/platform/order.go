package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/coder/websocket"

	"zhigui/drivers/api"
	"zhigui/terminal/api/xfs"
	"zhigui/terminal/internal/config"
)

// GiveOrder hands an operator's order to the platform that runs on this terminal. The
// token that allows it is readable by the terminal's user only.
func GiveOrder(ctx context.Context, cfg config.Config, order string) error {
	if !json.Valid([]byte(order)) {
		return errors.New("-order is not JSON")
	}
	token, err := os.ReadFile(filepath.Join(cfg.Run, "operator.token"))
	if err != nil {
		return fmt.Errorf("is the platform running? %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+cfg.XFS.Addr+"/xfs4iot/v1.0/platform/?token="+strings.TrimSpace(string(token)), nil)
	if err != nil {
		return fmt.Errorf("is the platform running? %w", err)
	}
	defer ws.CloseNow()
	cmd, err := json.Marshal(xfs.Message{Header: xfs.Header{Type: xfs.TypeCommand, Name: "X-Operator.Order", Version: "2.0", RequestID: 1}, Payload: json.RawMessage(order)})
	if err != nil {
		return err
	}
	if err := ws.Write(ctx, websocket.MessageText, cmd); err != nil {
		return err
	}
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		var m xfs.Message
		if err := json.Unmarshal(b, &m); err != nil {
			return err
		}
		switch {
		case m.Header.RequestID != 1:
		case m.Header.Status != "":
			return errors.New(m.Header.Status + ": " + m.Header.ErrorDescription)
		case m.Header.Type == xfs.TypeCompletion && m.Header.CompletionCode != api.Success:
			return fmt.Errorf("%s: %s", m.Header.CompletionCode, m.Header.ErrorDescription)
		case m.Header.Type == xfs.TypeCompletion:
			return nil
		}
	}
}
