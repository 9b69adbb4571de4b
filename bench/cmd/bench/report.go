package main

import (
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var page = template.Must(template.New("report").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>ZhiGui: trade figures</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}
rect{fill:#2563a8}rect.peer{fill:#b8c4d0}text{font-size:13px}</style>
<h1>Trade figures</h1><p>{{.At}}</p>
{{range .Charts}}<h2>{{.Title}}</h2><svg width="100%" viewBox="0 0 800 {{.Height}}" role="img" aria-label="{{.Title}}">
{{range .Bars}}<text x="0" y="{{.Text}}">{{.Name}}</text><rect {{if .Peer}}class="peer"{{end}} x="300" y="{{.Y}}" width="{{.W}}" height="20"></rect><text x="{{.End}}" y="{{.Text}}">{{printf "%.1f" .Value}}</text>
{{end}}</svg>{{end}}
<h2>All figures</h2><table><tr><th>Figure<th>Value<th>Unit<th>Beside it<th>Note</tr>
{{range .Figures}}<tr><td>{{.Name}}<td class="n">{{printf "%.1f" .Value}}<td>{{.Unit}}<td>{{range $k, $v := .VS}}{{$k}} {{printf "%.2f" $v}} {{end}}<td>{{.Note}}</tr>{{end}}
</table></html>
`))

type bar struct {
	Name    string
	Value   float64
	Peer    bool
	Y, Text int
	W, End  float64
}

type chart struct {
	Title  string
	Height int
	Bars   []bar
}

// report writes the figures with a chart of rates and one of times.
func report(path string, fs []figure) error {
	tps, ms := chart{Title: "Transactions per second"}, chart{Title: "Milliseconds"}
	for _, f := range fs {
		switch {
		case strings.HasSuffix(f.Name, ".tps"):
			tps.Bars = append(tps.Bars, bar{Name: f.Name, Value: f.Value})
		case f.Unit == "ms":
			ms.Bars = append(ms.Bars, bar{Name: f.Name, Value: f.Value})
		}
	}
	tps.Bars = append(tps.Bars, bar{Name: "published figure of the system to beat", Value: 451, Peer: true})
	for _, c := range []*chart{&tps, &ms} {
		top := 0.0
		for _, b := range c.Bars {
			top = max(top, b.Value)
		}
		for i := range c.Bars {
			b := &c.Bars[i]
			b.Y, b.Text = i*28, i*28+15
			b.W = 420 * b.Value / max(top, 1e-9)
			b.End = 306 + b.W
		}
		c.Height = 28 * len(c.Bars)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // written below
	return page.Execute(f, map[string]any{"At": time.Now().UTC().Format(time.RFC3339), "Charts": []chart{tps, ms}, "Figures": fs})
}
