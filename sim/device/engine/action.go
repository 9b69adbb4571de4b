package engine

var commonFaults = []FaultDef{
	{Code: FaultPower, Name: "power cut", NameZh: "断电"},
	{Code: FaultNone, Name: "no error (with reply-lost: only the reply is lost)", NameZh: "无错误（配合应答丢失）"},
}

var commonActions = []string{"powerCut", "powerRestore", "openDevice", "closeDevice", "armFault", "armLine", "clearFaults",
	"setStatus", "setProfile", "setLatency", "portVanish", "portReturn", "exitProgram"}

// CommonFaults are the faults that every model has.
func CommonFaults() []FaultDef { return append([]FaultDef(nil), commonFaults...) }

// Do runs an action: one of the common ones or the model's own. It answers the new state.
func (d *Device) Do(action string, a Args) (State, error) {
	if a == nil {
		a = Args{}
	}
	if err := d.do(action, a); err != nil {
		return State{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opt.Hub.publish(Event{At: d.opt.Clock.Now(), Device: d.opt.ID, Kind: "action", Data: action})
	d.opt.Log.Info("virtual device action", "device", d.opt.ID, "action", action)
	return d.state(), nil
}

func (d *Device) do(action string, a Args) error {
	switch action {
	case "powerCut":
		d.PowerCut()
		return nil
	case "powerRestore":
		d.PowerRestore()
		return nil
	case "portVanish":
		d.vanish()
		return nil
	case "portReturn":
		return d.portReturn()
	case "exitProgram":
		d.Close()
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running {
		return Conflictf("the virtual device has been ended")
	}
	err := d.locked(action, a)
	if err == nil {
		d.note()
	}
	return err
}

func (d *Device) locked(action string, a Args) error {
	switch action {
	case "openDevice":
		d.open = true
		return nil
	case "closeDevice":
		d.open = false
		return nil
	case "armFault":
		return d.armFault(a)
	case "armLine":
		kind, err := a.String("kind", "")
		if err != nil {
			return err
		}
		times, err := a.Int("times", 1)
		if err != nil {
			return err
		}
		if err := d.faults.armLine(LineFault(kind), times); err != nil {
			return &ArgError{err.Error()}
		}
		return nil
	case "clearFaults":
		id, err := a.Int("id", 0)
		if err != nil {
			return err
		}
		d.faults.clear(id)
		return nil
	case "setLatency":
		return d.setLatency(a)
	case "setStatus", "setProfile":
		return d.setNamed(action, a)
	}
	for _, known := range d.model.Info().Actions {
		if known == action {
			return d.model.Act(action, a)
		}
	}
	return BadArg("%s has no action %q", d.opt.ID, action)
}

func (d *Device) armFault(a Args) error {
	var f Armed
	var err error
	if f.Code, err = a.String("code", FaultNone); err != nil {
		return err
	}
	if f.Command, err = a.String("command", ""); err != nil {
		return err
	}
	stage, err := a.String("stage", string(BeforeMotion))
	if err != nil {
		return err
	}
	f.Stage = Stage(stage)
	if f.Times, err = a.Int("times", 1); err != nil {
		return err
	}
	if f.After, err = a.Int("after", -1); err != nil {
		return err
	}
	defs := append(append([]FaultDef{}, d.model.Info().Faults...), commonFaults...)
	if err := d.faults.arm(defs, f); err != nil {
		return &ArgError{err.Error()}
	}
	return nil
}

func (d *Device) setNamed(action string, a Args) error {
	name, err := a.String("name", "")
	if err != nil {
		return err
	}
	value, err := a.String("value", "")
	if err != nil {
		return err
	}
	list, set := d.model.Statuses(), d.model.SetStatus
	if action == "setProfile" {
		list, set = d.model.Profile(), d.model.SetProfile
	}
	for _, s := range list {
		if s.Name == name {
			if err := s.Check(value); err != nil {
				return err
			}
			return set(name, value)
		}
	}
	return BadArg("%s: no item %q", action, name)
}

// FaultSpec is armFault for Go callers.
type FaultSpec struct {
	Code, Command string
	Stage         Stage
	Times         int // 0: until cleared
	After         int // notes moved before a mid-motion fault strikes; -1: half
}

// ArmFault arms a fault.
func (d *Device) ArmFault(f FaultSpec) error {
	_, err := d.Do("armFault", Args{"code": f.Code, "command": f.Command, "stage": string(f.Stage), "times": f.Times, "after": f.After})
	return err
}

// ArmLine arms a line fault.
func (d *Device) ArmLine(kind LineFault, times int) error {
	_, err := d.Do("armLine", Args{"kind": string(kind), "times": times})
	return err
}

// ClearFaults disarms everything.
func (d *Device) ClearFaults() { _, _ = d.Do("clearFaults", nil) }
