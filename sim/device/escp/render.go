package escp

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"zhigui/sim/device/escpos"
)

// A pixel of a picture is 3 units: 120 to the inch. The printable area of an A4 sheet begins
// a little inside it.
const (
	perPixel       = 3
	sheetW, sheetH = 2976 / perPixel, 4209 / perPixel
	left, top      = 90 / perPixel, 90 / perPixel
	charPixels     = 48 / perPixel
)

// Picture is a page by its number: png, svg or txt.
func (m *Model) Picture(n int, form string) (body []byte, kind string, err error) {
	var p Page
	found := false
	m.dev.Look(func() {
		for _, q := range m.phy.Pages {
			if q.N == n {
				p, found = q, true
			}
		}
	})
	if !found {
		return nil, "", errors.New("no such page")
	}
	switch form {
	case "txt":
		return []byte(p.Text()), "text/plain; charset=utf-8", nil
	case "svg":
		return []byte(p.SVG()), "image/svg+xml", nil
	case "png":
		body, err = p.PNG()
		return body, "image/png", err
	}
	return nil, "", fmt.Errorf("no form %q", form)
}

// PNG draws the sheet.
func (p Page) PNG() ([]byte, error) {
	ft, err := escpos.Font()
	if err != nil {
		return nil, err
	}
	faces := map[int]font.Face{}
	for k := 1; k <= 2; k++ {
		if faces[k], err = opentype.NewFace(ft, &opentype.FaceOptions{Size: float64(charPixels * k), DPI: 72}); err != nil {
			return nil, err
		}
	}
	img := image.NewGray(image.Rect(0, 0, sheetW, sheetH))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.Gray{0xFD}), image.Point{}, draw.Src)
	for _, m := range p.Marks {
		k := 1
		if m.High {
			k = 2
		}
		x, y := m.X, top+m.Y/perPixel+charPixels*k-2
		for _, r := range m.Text {
			for i := range 2 {
				if i == 0 || m.Bold {
					d := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{0x18}), Face: faces[k], Dot: fixed.P(left+x/perPixel+i, y)}
					d.DrawString(string(r))
				}
			}
			x += Mark{Text: string(r), Half: m.Half, Full: m.Full}.width()
		}
	}
	for _, d := range p.Dots {
		d.each(func(x, y int) { img.SetGray(left+x/perPixel, top+y/perPixel, color.Gray{0}) })
	}
	var buf bytes.Buffer
	err = png.Encode(&buf, img)
	return buf.Bytes(), err
}

// each calls f for the black dots, in units.
func (d Dots) each(f func(x, y int)) {
	for i, b := range d.Rows {
		for k := range 8 {
			if b&(0x80>>k) != 0 {
				f(d.X+i/3*d.Step, d.Y+(i%3*8+k)*2)
			}
		}
	}
}

// SVG is the sheet for a browser, which brings its own fonts.
func (p Page) SVG() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"><rect width="100%%" height="100%%" fill="#fdfdfd"/>`, sheetW, sheetH, sheetW, sheetH)
	sb.WriteString(`<g font-family="'Noto Sans Mono CJK SC','Noto Sans CJK SC','Microsoft YaHei',monospace" fill="#181818" style="white-space:pre">`)
	for _, m := range p.Marks {
		size, weight := charPixels, ""
		if m.High {
			size *= 2
		}
		if m.Bold {
			weight = ` font-weight="bold"`
		}
		fmt.Fprintf(&sb, `<text x="%d" y="%d" font-size="%d" textLength="%d" lengthAdjust="spacingAndGlyphs"%s xml:space="preserve">%s</text>`,
			left+m.X/perPixel, top+m.Y/perPixel+size-2, size, m.width()/perPixel, weight, html.EscapeString(m.Text))
	}
	sb.WriteString(`</g><path d="`)
	for _, d := range p.Dots {
		d.each(func(x, y int) { fmt.Fprintf(&sb, "M%d %dh1v1h-1z", left+x/perPixel, top+y/perPixel) })
	}
	sb.WriteString(`"/></svg>`)
	return sb.String()
}
