// Package pictures is a virtual camera: a folder with JPEG test pictures, where the camera
// driver looks instead of at a device file. There is no line, so it is no model of package
// device.
//
// Imported by tests and by whoever sets up a scene.
package pictures

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
)

// Folder is the camera. Its port is the folder's path.
type Folder struct{ path string }

// Make fills a folder with n pictures of numbered bars.
func Make(path string, n int) (*Folder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	for i := range n {
		b, err := Picture(i)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("%03d.jpg", i)), b, 0o644); err != nil {
			return nil, err
		}
	}
	return &Folder{path}, nil
}

// Picture is test picture i: i+1 bright bars on a dark ground.
func Picture(i int) ([]byte, error) {
	img := image.NewGray(image.Rect(0, 0, 320, 240))
	for x := range 320 {
		for y := range 240 {
			if x/8%2 == 0 && x/16 <= i {
				img.SetGray(x, y, color.Gray{Y: 230})
			}
		}
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 80})
	return b.Bytes(), err
}

// Port is what a driver opens.
func (f *Folder) Port() string { return f.path }

func (f *Folder) away() string { return f.path + ".away" }

// PowerCut takes the camera away, PowerRestore brings it back: a camera lives on its USB port.
func (f *Folder) PowerCut() { _ = f.Vanish() }

// PowerRestore is Return.
func (f *Folder) PowerRestore() { _ = f.Return() }

// Vanish unplugs the camera.
func (f *Folder) Vanish() error { return os.Rename(f.path, f.away()) }

// Return plugs it in again.
func (f *Folder) Return() error { return os.Rename(f.away(), f.path) }

// Garbage puts a file before the others that is no picture.
func (f *Folder) Garbage() error {
	return os.WriteFile(filepath.Join(f.path, "000-noise.jpg"), []byte{0xFF, 0xD8, 0xFF, 0x5A}, 0o644)
}
