package wire

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// ProtocolVersion is the version of counter.driver that this build speaks. A host offers
// every version it knows, a driver those that it serves; go-plugin takes the highest both
// have.
const ProtocolVersion = 1

// PluginName is the one thing that a driver process dispenses.
const PluginName = "driver"

// CookieKey and CookieValue mark the environment of a process that a host started; a
// driver started by hand does not have them.
const (
	CookieKey   = "ZHIGUI_DRIVER"
	CookieValue = "9d6c8f52-1c0e-4a55-8f5e-counter-driver"
)

// HostPIDKey is the environment variable with the process id of the host, for the parent
// watch of the driver.
const HostPIDKey = "ZHIGUI_DRIVER_HOST_PID"

// MaxMessage is the largest message in bytes either way: a base64 receipt picture fits.
const MaxMessage = 16 << 20

// window is the fixed flow-control window in bytes. A fixed one also keeps gRPC from
// measuring the line with a ping at every message, which on a local socket costs more than it
// gives.
const window = MaxMessage

// ServerOptions are the driver's side of the connection.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window),
		grpc.NumStreamWorkers(2), // goroutines that stay: no new stack for each call
	}
}

// DialOptions are the host's side of the connection.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
	}
}

// Handshake is the first word between host and driver. The protocol version is not here:
// both sides give versioned plugin sets.
var Handshake = plugin.HandshakeConfig{MagicCookieKey: CookieKey, MagicCookieValue: CookieValue}

// Versions maps each protocol version to its plugin set; server is nil in the host.
func Versions(server DriverServer) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &Plugin{Impl: server}}}
}

// Plugin joins the gRPC service to go-plugin.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Impl DriverServer
}

// GRPCServer registers the service; called in the driver process.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if p.Impl == nil {
		return errors.New("driver has nothing to serve")
	}
	RegisterDriverServer(s, p.Impl)
	return nil
}

// GRPCClient makes the stub; called in the host.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return NewDriverClient(c), nil
}

var _ plugin.GRPCPlugin = (*Plugin)(nil)
