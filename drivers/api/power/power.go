// Package power has the typed payloads of the power management class: the status of XFS4IoT
// 2024-3 PowerManagement, and what a UPS offers beyond it (names with "X-"). Standard library
// only; anybody may import it.
package power

// Command names. PowerManagement.PowerSaveControl is not a UPS's.
const (
	CmdTest     = "PowerManagement.X-BatteryTest"
	CmdShutdown = "PowerManagement.X-Shutdown" // the output goes off
	CmdCancel   = "PowerManagement.X-CancelShutdown"
	CmdBeeper   = "PowerManagement.X-SetBeeper"
)

// Test runs the machine on its battery for a while; 0 seconds is the UPS's short test (10 s).
type Test struct {
	Seconds int `json:"seconds,omitempty"`
}

// Shutdown switches the output off after some seconds and on again some minutes later (0:
// not before somebody does it).
type Shutdown struct {
	AfterSeconds   int `json:"afterSeconds"`
	RestoreMinutes int `json:"restoreMinutes,omitempty"`
}

// Beeper switches the alarm sound.
type Beeper struct {
	On bool `json:"on"`
}

// Status is the powerManagement member of Common.Status.
type Status struct {
	Info Info `json:"info"`
}

// Info is what the standard says about the supply. A member that the device does not tell is
// absent.
type Info struct {
	PowerIn  string `json:"powerInStatus,omitempty"`         // powering, noPower
	PowerOut string `json:"powerOutStatus,omitempty"`        // powering, noPower
	Battery  string `json:"batteryStatus,omitempty"`         // full, low, operational, critical, failure
	Charging string `json:"batteryChargingStatus,omitempty"` // charging, discharging, notCharging
}

// UPS is the "X-ups" member of Common.Status. Measurements that the device does not make are
// absent; they are repeated only when they have changed noticeably.
type UPS struct {
	InputVolts   *float64 `json:"inputVolts,omitempty"`
	FaultVolts   *float64 `json:"faultVolts,omitempty"` // the input at the last transfer
	OutputVolts  *float64 `json:"outputVolts,omitempty"`
	LoadPercent  *float64 `json:"loadPercent,omitempty"`
	Hertz        *float64 `json:"hertz,omitempty"`
	BatteryVolts *float64 `json:"batteryVolts,omitempty"`
	Celsius      *float64 `json:"celsius,omitempty"`

	Bypass       bool `json:"bypass"` // or boost or buck, by type
	Failed       bool `json:"failed"`
	Standby      bool `json:"standbyType"` // an off-line UPS
	Testing      bool `json:"testing"`
	ShuttingDown bool `json:"shuttingDown"`
	Beeper       bool `json:"beeper"`
}
