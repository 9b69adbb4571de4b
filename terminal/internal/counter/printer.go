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
			"Printer.GetMediaList": {Async: true, Handle: func(context.Context, *service.Call) api.Completion {
				return service.Done(map[string]any{"mediaList": []string{}}) // forms are for the printer's own paper
			}},
			"Printer.GetQueryForm":  {Async: true, Handle: c.queryForm},
			"Printer.GetQueryField": {Async: true, Handle: c.queryField},
			"Printer.GetFormList": {Async: true, Handle: func(context.Context, *service.Call) api.Completion {
				return service.Done(map[string]any{"formList": c.Forms.Names()})
			}},
		},
	}
}

// own are fields that the platform fills in, whatever a client sends.
var own = map[string]bool{"pan": true, "terminal": true, "time": true, "txn": true, "holder": true, "identity": true}

// formFields describes the fields of a form.
func (c *Counter) formFields(name string) (map[string]any, bool) {
	fields, ok := c.Forms.Fields(name)
	out := map[string]any{}
	for i, f := range fields {
		class := "optional"
		if own[f] {
			class = "static"
		}
		out[f] = map[string]any{"order": i, "class": class, "access": "write", "fieldType": "text"}
	}
	return out, ok
}

func (c *Counter) queryForm(_ context.Context, call *service.Call) api.Completion {
	var req struct{ FormName string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	fields, ok := c.formFields(req.FormName)
	if !ok {
		return api.Fail(api.NotStarted, "formNotFound", "no such form")
	}
	return service.Done(map[string]any{"form": map[string]any{"title": req.FormName, "orientation": "portrait", "fields": fields}})
}

func (c *Counter) queryField(_ context.Context, call *service.Call) api.Completion {
	var req struct{ FormName, FieldName string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	fields, ok := c.formFields(req.FormName)
	if !ok {
		return api.Fail(api.NotStarted, "formNotFound", "no such form")
	}
	if req.FieldName == "" {
		return service.Done(map[string]any{"fields": fields})
	}
	f, ok := fields[req.FieldName]
	if !ok {
		return api.Fail(api.NotStarted, "fieldNotFound", "the form has no such field")
	}
	return service.Done(map[string]any{"fields": map[string]any{req.FieldName: f}})
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
		if !own[k] {
			fields[k] = v
		}
	}
	c.mu.Lock()
	if who := c.person; who != nil { // read in this session
		fields["holder"], fields["identity"] = who.Name, who.Number
	}
	c.mu.Unlock()
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
