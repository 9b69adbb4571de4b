// Package v4l2camera takes JPEG pictures from a V4L2 camera, or out of a folder where
// something else puts them. See README.md. Imported by drivers/models and tests.
//
// Pictures show people: they are in completions only.
package v4l2camera

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/camera"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Model is the driver's entry in the catalogue.
var Model = sdk.Model{
	Name: "v4l2camera", Class: api.ClassCamera, Maker: "V4L2", Version: "1.0.0", Profile: profileYAML,
	Commands:     map[string]api.Motion{camera.CmdTakePicture: api.Wait, camera.CmdReset: api.Wait},
	Capabilities: capabilities,
	New:          newDriver,
}

type profile struct {
	Cameras  map[string]string `json:"cameras"`
	Width    int               `json:"width"`
	Height   int               `json:"height"`
	Warmup   int               `json:"warmup"`
	FrameMs  int               `json:"frameMs"`
	MaxBytes int               `json:"maxBytes"`
	PollMs   int               `json:"pollMs"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	switch {
	case len(p.Cameras) == 0:
		return nil, errors.New("profile: cameras: there are none")
	case p.Width < 16 || p.Width > 8192 || p.Height < 16 || p.Height > 8192:
		return nil, errors.New("profile: width and height must be 16 to 8192")
	case p.MaxBytes < 1000 || p.MaxBytes > 8<<20:
		return nil, errors.New("profile: maxBytes must be 1000 to 8388608")
	}
	for name, path := range p.Cameras {
		if path == "" {
			p.Cameras[name] = e.Port
		}
	}
	return &p, nil
}

func capabilities(e sdk.Env) (map[string]any, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for name := range p.Cameras {
		all[name] = true
	}
	return map[string]any{"camera": map[string]any{"cameras": all, "camData": map[string]bool{"autoAdd": false, "manAdd": false}}}, nil
}

// source gives pictures.
type source interface {
	// ready fails when there would be no picture.
	ready() error
	// take gives one JPEG.
	take(ctx context.Context) ([]byte, error)
}

type driver struct {
	env     sdk.Env
	p       *profile
	sources map[string]source
	stop    chan struct{}
	once    sync.Once
	ended   sync.WaitGroup

	mu  sync.Mutex
	bad map[string]bool
}

func newDriver(e sdk.Env) (sdk.Driver, error) {
	p, err := readProfile(e)
	if err != nil {
		return nil, err
	}
	d := &driver{env: e, p: p, sources: map[string]source{}, stop: make(chan struct{}), bad: map[string]bool{}}
	for name, path := range p.Cameras {
		d.sources[name] = &either{path: path, p: p}
	}
	return d, nil
}

// either looks at each use what the path is: a link may lead elsewhere by then.
type either struct {
	path  string
	p     *profile
	files files
}

func (s *either) of() (source, error) {
	fi, err := os.Stat(s.path)
	if err != nil {
		return nil, err
	}
	if fi.Mode()&os.ModeCharDevice != 0 {
		return video{s.path, s.p}, nil
	}
	s.files.path, s.files.max = s.path, int64(s.p.MaxBytes)
	return &s.files, nil
}

func (s *either) ready() error {
	src, err := s.of()
	if err != nil {
		return err
	}
	return src.ready()
}

func (s *either) take(ctx context.Context) ([]byte, error) {
	src, err := s.of()
	if err != nil {
		return nil, err
	}
	return src.take(ctx)
}

// Open makes sure that each camera is there. It takes no picture.
func (d *driver) Open(context.Context) error {
	for name, s := range d.sources {
		if err := s.ready(); err != nil {
			return fmt.Errorf("camera %s: %w", name, err)
		}
	}
	d.ended.Add(1)
	d.env.Go(func() {
		defer d.ended.Done()
		for {
			select {
			case <-d.stop:
				return
			case <-time.After(time.Duration(d.p.PollMs) * time.Millisecond):
				d.look()
			}
		}
	})
	return nil
}

func (d *driver) look() {
	for name, s := range d.sources {
		bad := s.ready() != nil
		d.mu.Lock()
		d.bad[name] = bad
		d.mu.Unlock()
	}
	d.env.StatusChanged()
}

// Close implements sdk.Driver.
func (d *driver) Close() error {
	d.once.Do(func() { close(d.stop) })
	d.ended.Wait()
	return nil
}

// Identity implements sdk.Driver.
func (d *driver) Identity() (string, string) { return "", "" }

// Recover implements sdk.Driver: there is nothing to settle.
func (d *driver) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	d.look()
	return api.Recovery{}, nil
}

// Status implements sdk.Driver: the device is offline when no camera works.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev, st := api.Offline, camera.Status{Cameras: map[string]string{}}
	for name := range d.sources {
		st.Cameras[name] = "inop"
		if !d.bad[name] {
			st.Cameras[name], dev = "ok", api.Online
		}
	}
	return map[string]any{"common": map[string]any{"device": dev}, "camera": st}
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, _ func(api.Event)) api.Completion {
	switch cmd.Name {
	case camera.CmdTakePicture:
		return sdk.Decoded(cmd, func(r camera.TakePicture) api.Completion { return d.take(ctx, r.Camera) })
	case camera.CmdReset:
		d.look()
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func (d *driver) take(ctx context.Context, name string) api.Completion {
	s, ok := d.sources[name]
	if !ok {
		return api.Fail(api.NotStarted, camera.ErrNotSupported, fmt.Sprintf("there is no camera %q", name))
	}
	d.env.Heart.Expect(time.Duration(d.p.FrameMs*(d.p.Warmup+2))*time.Millisecond + 10*time.Second)
	defer d.env.Heart.Rest()
	b, err := s.take(ctx)
	switch {
	case ctx.Err() != nil:
		return sdk.Ended(ctx)
	case err == nil && len(b) > d.p.MaxBytes:
		err = fmt.Errorf("a picture of %d bytes is larger than maxBytes", len(b))
	}
	if err != nil {
		d.look()
		return api.Fail(api.Failed, camera.ErrInoperable, "camera "+name+": "+err.Error())
	}
	return sdk.Ok(camera.Picture{PictureFile: b})
}
