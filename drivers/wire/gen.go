// Package wire is the one encoding of the device contract (drivers/api) between a driver
// process and the platform: the go-plugin handshake, and the translation of the contract's
// types to and from the generated messages (driver.pb.go). Only drivers/sdk and drivers/host
// may import it.
package wire

//go:generate protoc -I . --go_out=../.. --go_opt=module=zhigui --go-grpc_out=../.. --go-grpc_opt=module=zhigui driver.proto
