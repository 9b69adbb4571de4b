package sdk

import (
	"context"
	"time"

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

func (s *server) Execute(st grpc.BidiStreamingServer[wire.ExecuteRequest, wire.ExecuteReply]) error {
	first, err := st.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return status.Error(codes.InvalidArgument, "the first message of a command must be start")
	}
	ctx, cancel := context.WithCancel(st.Context())
	defer cancel()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for {
			m, err := st.Recv()
			if err != nil {
				return // half-closed by the host, or the host is gone: st.Context ends
			}
			if m.GetCancel() != nil {
				cancel()
			}
		}
	}()
	accepted := func() {
		_ = st.Send(&wire.ExecuteReply{Kind: &wire.ExecuteReply_Accepted{Accepted: &wire.Accepted{}}})
	}
	emit := func(ev api.Event) {
		_ = st.Send(&wire.ExecuteReply{Kind: &wire.ExecuteReply_Event{Event: wire.FromEvent(&ev)}})
	}
	c := s.e.execute(ctx, wire.ToCommand(start), accepted, emit)
	err = st.Send(&wire.ExecuteReply{Kind: &wire.ExecuteReply_Completion{Completion: wire.FromCompletion(&c)}})
	select { // the host half-closes when it has the completion
	case <-closed:
	case <-time.After(200 * time.Millisecond):
	}
	return err
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
