package escpos

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"rsc.io/qr"
)

// Dots: a half-width character is 12 by 24, a line 30 high, the paper 576 and a margin.
const (
	colDots, charDots, lineDots = 12, 24, 30
	margin                      = 24
	paperDots                   = Columns*colDots + 2*margin
)

// ErrNoFont means that no font with Chinese characters was found: use SVG.
var ErrNoFont = errors.New("no font with Chinese characters on this machine")

var fontPatterns = []string{
	"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "/usr/share/fonts/*/*/NotoSansCJK*Regular*", "/usr/share/fonts/*/NotoSansCJK*Regular*",
	"/usr/share/fonts/*/wqy/*.ttc", "/usr/share/fonts/*/*wqy*/*.tt?", "/usr/share/fonts/*/*/*roid*allback*.ttf", "/usr/share/fonts/*/*/*Wen[kK]ai*.ttf",
	`C:\Windows\Fonts\msyh.ttc`, `C:\Windows\Fonts\simsun.ttc`,
}

var loadFont = sync.OnceValues(func() (*sfnt.Font, error) {
	for _, p := range fontPatterns {
		files, _ := filepath.Glob(p)
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			if ft := pickFont(b); ft != nil {
				return ft, nil
			}
		}
	}
	return nil, ErrNoFont
})

// Font is a font with Chinese characters of this machine, or ErrNoFont.
func Font() (*sfnt.Font, error) { return loadFont() }

// pickFont takes the monospaced simplified-Chinese member of a collection if there is one.
func pickFont(b []byte) *sfnt.Font {
	c, err := opentype.ParseCollection(b)
	if err != nil {
		return nil
	}
	var best *sfnt.Font
	score := -1
	for i := range c.NumFonts() {
		f, err := c.Font(i)
		if err != nil {
			continue
		}
		var buf sfnt.Buffer
		if g, err := f.GlyphIndex(&buf, '柜'); err != nil || g == 0 {
			continue
		}
		name, _ := f.Name(&buf, sfnt.NameIDFull)
		s := strings.Count(name, "SC")*2 + strings.Count(name, "Mono")
		if s > score {
			best, score = f, s
		}
	}
	return best
}

func lineHeight(l Line) int {
	if l.QR != "" {
		return qrSize(l) + 16
	}
	if l.Row > 0 {
		return l.rows()
	}
	return lineDots * l.height()
}

func qrSize(l Line) int {
	c, err := qr.Encode(l.QR, qr.M)
	if err != nil {
		return 200
	}
	return c.Size * max(1, l.Dots)
}

// PNG draws the ticket as it lies in the hand.
func (t Ticket) PNG() ([]byte, error) {
	ft, err := loadFont()
	if err != nil {
		return nil, err
	}
	faces := map[int]font.Face{}
	face := func(h int) (font.Face, error) {
		if faces[h] == nil {
			f, err := opentype.NewFace(ft, &opentype.FaceOptions{Size: float64(charDots * h), DPI: 72, Hinting: font.HintingNone})
			if err != nil {
				return nil, err
			}
			faces[h] = f
		}
		return faces[h], nil
	}
	height := 2 * margin
	for _, l := range t.Lines {
		height += lineHeight(l)
	}
	img := image.NewGray(image.Rect(0, 0, paperDots, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.Gray{0xFD}), image.Point{}, draw.Src)
	y := margin
	for _, l := range t.Lines {
		if l.QR != "" {
			drawQR(img, l, y)
			y += lineHeight(l)
			continue
		}
		if l.Row > 0 {
			left := symbolLeft(l, 8*l.Row)
			l.runs(func(x, row, n int) {
				draw.Draw(img, image.Rect(left+x, y+row, left+x+n, y+row+1), image.Black, image.Point{}, draw.Src)
			})
			y += lineHeight(l)
			continue
		}
		y += lineHeight(l)
		x := margin + l.indent()*colDots
		for _, s := range l.Spans {
			f, err := face(s.H)
			if err != nil {
				return nil, err
			}
			for _, r := range s.Text {
				d := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{0x18}), Face: f, Dot: fixed.P(x, y-7*l.height())}
				d.DrawString(string(r))
				if s.Bold {
					d.Dot = fixed.P(x+1, y-7*l.height())
					d.DrawString(string(r))
				}
				x += width(r) * s.W * colDots
			}
		}
	}
	var buf bytes.Buffer
	err = png.Encode(&buf, img)
	return buf.Bytes(), err
}

func symbolLeft(l Line, size int) int {
	switch l.Align {
	case "center":
		return (paperDots - size) / 2
	case "right":
		return paperDots - margin - size
	}
	return margin
}

func drawQR(img *image.Gray, l Line, y int) {
	c, err := qr.Encode(l.QR, qr.M)
	if err != nil {
		return
	}
	k := max(1, l.Dots)
	left := symbolLeft(l, c.Size*k)
	for i := range c.Size * k {
		for j := range c.Size * k {
			if c.Black(i/k, j/k) {
				img.SetGray(left+i, y+8+j, color.Gray{0})
			}
		}
	}
}

// SVG is the ticket for a browser, which brings its own fonts.
func (t Ticket) SVG() string {
	var sb strings.Builder
	height := 2 * margin
	for _, l := range t.Lines {
		height += lineHeight(l)
	}
	fmt.Fprintf(&sb, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"><rect width="100%%" height="100%%" fill="#fdfdfd"/>`, paperDots, height, paperDots, height)
	sb.WriteString(`<g font-family="'Noto Sans Mono CJK SC','Noto Sans CJK SC','Microsoft YaHei',monospace" fill="#181818" style="white-space:pre">`)
	y := margin
	for _, l := range t.Lines {
		h := lineHeight(l)
		if l.QR != "" {
			svgQR(&sb, l, y)
			y += h
			continue
		}
		if l.Row > 0 {
			left := symbolLeft(l, 8*l.Row)
			sb.WriteString(`<path d="`)
			l.runs(func(x, row, n int) { fmt.Fprintf(&sb, "M%d %dh%dv1h-%dz", left+x, y+row, n, n) })
			sb.WriteString(`"/>`)
			y += h
			continue
		}
		y += h
		x := margin + l.indent()*colDots
		for _, s := range l.Spans {
			w := s.columns() * colDots
			weight := ""
			if s.Bold {
				weight = ` font-weight="bold"`
			}
			fmt.Fprintf(&sb, `<text x="%d" y="%d" font-size="%d" textLength="%d" lengthAdjust="spacingAndGlyphs"%s xml:space="preserve">%s</text>`, x, y-7*l.height(), charDots*s.H, w, weight, html.EscapeString(s.Text))
			x += w
		}
	}
	sb.WriteString("</g></svg>")
	return sb.String()
}

func svgQR(sb *strings.Builder, l Line, y int) {
	c, err := qr.Encode(l.QR, qr.M)
	if err != nil {
		return
	}
	k := max(1, l.Dots)
	left := symbolLeft(l, c.Size*k)
	sb.WriteString(`<path d="`)
	for i := range c.Size {
		for j := range c.Size {
			if c.Black(i, j) {
				fmt.Fprintf(sb, "M%d %dh%dv%dh-%dz", left+i*k, y+8+j*k, k, k, k)
			}
		}
	}
	sb.WriteString(`"/>`)
}
