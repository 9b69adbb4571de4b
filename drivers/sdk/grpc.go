package sdk

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zhigui/drivers/api"
	"zhigui/drivers/wire"
)

// server is the engine behind the wire.
type server struct {
	wire.UnimplementedDriverServer
	e *Engine
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (s *server) Describe(ctx context.Context, _ *wire.DescribeRequest) (*wire.DescribeReply, error) {
	d, err := s.e.Describe(ctx)
	if err != nil {
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	}
	return wire.FromDescription(d), nil
}

func (s *server) Open(ctx context.Context, r *wire.OpenRequest) (*wire.OpenReply, error) {
	err := s.e.Open(ctx, api.Config{Device: r.GetDevice(), Port: r.GetPort(), Profile: r.GetProfile(), StateDir: r.GetStateDir()})
	return &wire.OpenReply{Error: text(err)}, nil
}

func (s *server) Recover(ctx context.Context, _ *wire.RecoverRequest) (*wire.RecoverReply, error) {
	r, err := s.e.Recover(ctx)
	out := wire.FromRecovery(r)
	out.Error = text(err)
	return out, nil
}

// Execute ends with the host: the stream's context is canceled when the connection is gone.
func (s *server) Execute(start *wire.Command, st grpc.ServerStreamingServer[wire.ExecuteReply]) error {
	emit := func(ev api.Event) {
		_ = st.Send(&wire.ExecuteReply{Kind: &wire.ExecuteReply_Event{Event: wire.FromEvent(&ev)}})
	}
	c := s.e.Execute(st.Context(), wire.ToCommand(start), emit)
	return st.Send(&wire.ExecuteReply{Kind: &wire.ExecuteReply_Completion{Completion: wire.FromCompletion(&c)}})
}

func (s *server) Cancel(_ context.Context, r *wire.CancelRequest) (*wire.CancelReply, error) {
	return &wire.CancelReply{Known: s.e.Cancel(api.OpID(r.GetOp()))}, nil
}

func (s *server) QueryOp(ctx context.Context, r *wire.QueryOpRequest) (*wire.QueryOpReply, error) {
	rec, err := s.e.QueryOp(ctx, api.OpID(r.GetOp()))
	return &wire.QueryOpReply{Record: wire.FromRecord(rec), Error: text(err)}, nil
}

func (s *server) Status(ctx context.Context, _ *wire.StatusRequest) (*wire.StatusReply, error) {
	v, err := s.e.Status(ctx)
	return &wire.StatusReply{Status: wire.FromStatus(&v), Error: text(err)}, nil
}

func (s *server) Watch(r *wire.WatchRequest, st grpc.ServerStreamingServer[wire.Notice]) error {
	return s.e.ring.watch(st.Context(), r.GetEpoch(), r.GetAfter(), s.e.full, func(n api.Notice) error {
		return st.Send(wire.FromNotice(n))
	})
}

func (s *server) Health(ctx context.Context, _ *wire.HealthRequest) (*wire.HealthReply, error) {
	return &wire.HealthReply{Error: text(s.e.Health(ctx))}, nil
}

func (s *server) Drain(ctx context.Context, _ *wire.DrainRequest) (*wire.DrainReply, error) {
	return &wire.DrainReply{Error: text(s.e.Drain(ctx))}, nil
}
