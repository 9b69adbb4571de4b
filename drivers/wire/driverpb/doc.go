// Package driverpb is the generated code of ../driver.proto (see wire/gen.go). Imported by
// drivers/wire, drivers/sdk and drivers/host only.
package driverpb
