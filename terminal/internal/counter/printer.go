package counter

import (
	"context"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

func (c *Counter) printerService() *service.Service {
	return &service.Service{
		Name:         "printer",
		Status:       deviceStatus(c.Printer),
		Capabilities: capabilities(c.Printer),
		Commands: map[string]service.Command{
			printer.CmdPrintForm:    {Handle: c.printForm},
			printer.CmdPrintRaw:     {Handle: outside(pass(c.Printer))},
			printer.CmdControlMedia: {Handle: pass(c.Printer)},
			printer.CmdReset:        {Handle: pass(c.Printer)},
			"Printer.GetFormList": {Async: true, Handle: func(context.Context, *service.Call) api.Completion {
				return service.Done(map[string]any{"formList": c.Forms.Names()})
			}},
		},
	}
}

// printForm renders a form; card number, terminal and time come from the platform, so
// that no page can print another's.
func (c *Counter) printForm(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		FormName string         `json:"formName"`
		Fields   map[string]any `json:"fields"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	fields := map[string]any{}
	for k, v := range req.Fields {
		fields[k] = v
	}
	s, _ := c.Session.Current()
	if held, ok := c.Session.Card(); ok {
		fields["pan"] = session.Mask(held.PAN)
	}
	fields["terminal"], fields["time"] = c.Info.Terminal, time.Now().Format("2006-01-02 15:04:05")
	if s.Txn != "" {
		fields["txn"] = s.Txn
	}
	r, err := c.Forms.Compose(req.FormName, s.Lang, fields)
	if err != nil {
		return api.Fail(api.NotStarted, "formNotFound", err.Error())
	}
	return c.Printer.Run(context.WithoutCancel(ctx), printer.CmdPrintReceipt, r, call.Emit)
}
