// Package camera has the typed payloads of the camera class (XFS4IoT 2024-3 Camera).
// Standard library only; anybody may import it.
package camera

// Command names.
const (
	CmdTakePicture = "Camera.TakePicture"
	CmdReset       = "Camera.Reset"
)

// Error codes of the class.
const (
	ErrNotSupported = "cameraNotSupported"
	ErrInoperable   = "cameraInoperable"
)

// The standard's cameras.
const (
	Room     = "room"
	Person   = "person"
	ExitSlot = "exitSlot"
)

// TakePicture names the camera. CamData is text for the picture, where the device can add it.
type TakePicture struct {
	Camera  string `json:"camera"`
	CamData string `json:"camData,omitempty"`
}

// Picture is TakePicture's completion: a JPEG, base64 in JSON. It shows people: never log it.
type Picture struct {
	PictureFile []byte `json:"pictureFile"`
}

// Status is the camera member of Common.Status.
type Status struct {
	Cameras map[string]string `json:"cameras"` // ok, inop, unknown
}
