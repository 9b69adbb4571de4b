// Package modbussiu is a virtual board for sensors and indicators: a Modbus RTU server with
// the cabinet's doors, sensors, lamps and locks behind its registers.
//
// Imported by package device and by tests.
package modbussiu
