package wire

import (
	"encoding/json"
	"time"

	"zhigui/drivers/api"
)

func raw(b []byte) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	return json.RawMessage(b)
}

func nano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// FromCommand encodes a command.
func FromCommand(c api.Command) *Command {
	return &Command{Op: string(c.Op), Name: c.Name, Payload: c.Payload, DeadlineUnixNano: nano(c.Deadline), Txn: c.Txn}
}

// ToCommand decodes a command.
func ToCommand(c *Command) api.Command {
	return api.Command{Op: api.OpID(c.GetOp()), Name: c.GetName(), Payload: raw(c.GetPayload()), Deadline: moment(c.GetDeadlineUnixNano()), Txn: c.GetTxn()}
}

// FromEvent encodes an event; nil stays nil.
func FromEvent(e *api.Event) *Event {
	if e == nil {
		return nil
	}
	return &Event{Name: e.Name, Payload: e.Payload}
}

// ToEvent decodes an event; nil stays nil.
func ToEvent(e *Event) *api.Event {
	if e == nil {
		return nil
	}
	return &api.Event{Name: e.GetName(), Payload: raw(e.GetPayload())}
}

// FromCompletion encodes a completion; nil stays nil.
func FromCompletion(c *api.Completion) *Completion {
	if c == nil {
		return nil
	}
	out := &Completion{Outcome: string(c.Outcome), Code: string(c.Code), ErrorCode: c.ErrorCode, Description: c.Description, Payload: c.Payload}
	if c.Vendor != nil {
		out.Vendor = &VendorError{Code: c.Vendor.Code, Name: c.Vendor.Name}
	}
	return out
}

// ToCompletion decodes a completion; nil stays nil. An outcome outside of the closed list
// is taken as indeterminate: nobody may repeat what is not understood.
func ToCompletion(c *Completion) *api.Completion {
	if c == nil {
		return nil
	}
	out := &api.Completion{Outcome: api.Outcome(c.GetOutcome()), Code: api.CompletionCode(c.GetCode()), ErrorCode: c.GetErrorCode(), Description: c.GetDescription(), Payload: raw(c.GetPayload())}
	if v := c.GetVendor(); v != nil {
		out.Vendor = &api.VendorError{Code: v.GetCode(), Name: v.GetName()}
	}
	if !out.Outcome.Valid() {
		out.Outcome = api.Indeterminate
	}
	return out
}

// FromRecord encodes an operation record.
func FromRecord(r api.OpRecord) *OpRecord {
	return &OpRecord{Op: string(r.Op), Name: r.Name, Txn: r.Txn, State: string(r.State), StartedUnixNano: nano(r.Started), Completion: FromCompletion(r.Completion)}
}

// ToRecord decodes an operation record.
func ToRecord(r *OpRecord) api.OpRecord {
	return api.OpRecord{Op: api.OpID(r.GetOp()), Name: r.GetName(), Txn: r.GetTxn(), State: api.OpState(r.GetState()), Started: moment(r.GetStartedUnixNano()), Completion: ToCompletion(r.GetCompletion())}
}

// FromRecovery encodes what a driver found.
func FromRecovery(r api.Recovery) *RecoverReply {
	out := &RecoverReply{Note: r.Note}
	for _, op := range r.Ops {
		out.Ops = append(out.Ops, FromRecord(op))
	}
	if len(r.Media) > 0 {
		out.Media = make(map[string]int32, len(r.Media))
		for k, v := range r.Media {
			out.Media[k] = int32(v)
		}
	}
	return out
}

// ToRecovery decodes what a driver found.
func ToRecovery(r *RecoverReply) api.Recovery {
	out := api.Recovery{Note: r.GetNote()}
	for _, op := range r.GetOps() {
		out.Ops = append(out.Ops, ToRecord(op))
	}
	if len(r.GetMedia()) > 0 {
		out.Media = make(map[string]int, len(r.GetMedia()))
		for k, v := range r.GetMedia() {
			out.Media[k] = int(v)
		}
	}
	return out
}

// FromStatus encodes a status; nil stays nil.
func FromStatus(s *api.Status) *StatusValue {
	if s == nil {
		return nil
	}
	return &StatusValue{Epoch: s.Epoch, Seq: s.Seq, Full: s.Full, Classes: s.Classes}
}

// ToStatus decodes a status; nil stays nil.
func ToStatus(s *StatusValue) *api.Status {
	if s == nil {
		return nil
	}
	return &api.Status{Epoch: s.GetEpoch(), Seq: s.GetSeq(), Full: s.GetFull(), Classes: raw(s.GetClasses())}
}

// FromNotice encodes a notice.
func FromNotice(n api.Notice) *Notice {
	return &Notice{Epoch: n.Epoch, Seq: n.Seq, Event: FromEvent(n.Event), Status: FromStatus(n.Status)}
}

// ToNotice decodes a notice.
func ToNotice(n *Notice) api.Notice {
	return api.Notice{Epoch: n.GetEpoch(), Seq: n.GetSeq(), Event: ToEvent(n.GetEvent()), Status: ToStatus(n.GetStatus())}
}

// FromDescription encodes a description.
func FromDescription(d api.Description) *DescribeReply {
	out := &DescribeReply{DeviceClass: string(d.Class), Maker: d.Maker, Model: d.Model, Version: d.Version, Firmware: d.Firmware, SerialNum: d.SerialNum, Capabilities: d.Capabilities, Commands: make(map[string]string, len(d.Commands))}
	for name, m := range d.Commands {
		out.Commands[name] = string(m)
	}
	return out
}

// ToDescription decodes a description.
func ToDescription(d *DescribeReply) api.Description {
	out := api.Description{Class: api.Class(d.GetDeviceClass()), Maker: d.GetMaker(), Model: d.GetModel(), Version: d.GetVersion(), Firmware: d.GetFirmware(), SerialNum: d.GetSerialNum(), Capabilities: raw(d.GetCapabilities()), Commands: make(map[string]api.Motion, len(d.GetCommands()))}
	for name, m := range d.GetCommands() {
		out.Commands[name] = api.Motion(m)
	}
	return out
}
