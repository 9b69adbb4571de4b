package v4l2camera_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/camera"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/v4l2camera"
	"zhigui/sim/device/pictures"
)

func TestMain(m *testing.M) { conformance.Main(m, v4l2camera.Model) }

func setup(t *testing.T, n int, profile map[string]any) (*pictures.Folder, *conformance.Rig) {
	t.Helper()
	f, err := pictures.Make(filepath.Join(t.TempDir(), "camera"), n)
	if err != nil {
		t.Fatal(err)
	}
	p := map[string]any{"pollMs": 30}
	for k, v := range profile {
		p[k] = v
	}
	r := conformance.Start(t, v4l2camera.Model, f.Port(), p)
	<-r.Recoveries
	return f, r
}

func take(t *testing.T, r *conformance.Rig, name string) []byte {
	t.Helper()
	c, _ := r.Do(camera.CmdTakePicture, camera.TakePicture{Camera: name})
	var p camera.Picture
	if err := json.Unmarshal(c.Payload, &p); err != nil || c.Outcome != api.Done {
		t.Fatalf("%s %s %s %v", c.Outcome, c.ErrorCode, c.Description, err)
	}
	return p.PictureFile
}

func TestPicturesComeOneAfterAnotherAndBeginAgain(t *testing.T) {
	f, r := setup(t, 3, nil)
	if err := f.Garbage(); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 1, 2, 0} {
		want, err := pictures.Picture(i)
		if err != nil {
			t.Fatal(err)
		}
		if got := take(t, r, camera.Person); !bytes.Equal(got, want) {
			t.Errorf("not picture %d: %d bytes", i, len(got))
		}
	}
}

func TestEachCameraHasItsOwnSource(t *testing.T) {
	b, err := pictures.Picture(7)
	if err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(t.TempDir(), "exit.jpg")
	if err := os.WriteFile(one, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, r := setup(t, 1, map[string]any{"cameras": map[string]string{"exitSlot": one}})
	for range 2 {
		if got := take(t, r, camera.ExitSlot); !bytes.Equal(got, b) {
			t.Errorf("%d bytes", len(got))
		}
	}
	if c, _ := r.Do(camera.CmdTakePicture, camera.TakePicture{Camera: camera.Room}); c.Outcome != api.NotStarted || c.ErrorCode != camera.ErrNotSupported {
		t.Errorf("%+v", c)
	}
}

func TestACameraThatIsUnpluggedIsInoperable(t *testing.T) {
	f, r := setup(t, 1, nil)
	if err := f.Vanish(); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(camera.CmdTakePicture, camera.TakePicture{Camera: camera.Person}); c.Outcome != api.Failed || c.ErrorCode != camera.ErrInoperable {
		t.Errorf("%+v", c)
	}
	var st camera.Status
	if r.Status("camera", &st); st.Cameras[camera.Person] != "inop" {
		t.Errorf("%+v", st)
	}
	if err := f.Return(); err != nil {
		t.Fatal(err)
	}
	take(t, r, camera.Person)
}

func TestAFileOfADeviceThatIsNoCameraIsRefusedByName(t *testing.T) {
	r := conformance.Launch(t, v4l2camera.Model, "/dev/null", nil)
	r.NotReady("backoff")
	if _, why := r.Device.State(); !strings.Contains(why, "/dev/null is no camera") {
		t.Error(why)
	}
}
