// Package device runs virtual devices: they speak the same bytes as the hardware on a PTY,
// keep their physical state on disk, and are handled by a person or a test through actions
// with one set of names (Go, HTTP, command line, web panel).
//
// Imported by sim/cmd/simctl, by tests and by the kill and conformance benches; production
// code never imports it. In a test:
//
//	sim := device.MustStart(t, device.Config{Model: "lcdm2000", Dispenser: &lcdm2000.Config{…}})
//	port, err := serial.Open(sim.Port(), …)
//	_, err = sim.Do("takeCash", nil)
//	err = sim.ArmFault(device.FaultSpec{Code: "33", Stage: device.MidMotion, Times: 1, After: -1})
//	sim.PowerCut(); sim.PowerRestore()
//	truth := sim.Physical().(lcdm2000.View).Truth
package device
