package main

import (
	"errors"
	"fmt"
	"html/template"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

var sheet = template.Must(template.New("report").Funcs(template.FuncMap{"num": num}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>ZhiGui: figures</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem;color:#1b2733}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d5dbe1;padding:.3rem .6rem;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.s{color:#5a6773;font-size:13px}
.wide{font-size:13px}.wide td,.wide th{padding:.3rem .35rem}.met{color:#16703c;font-weight:600}.missed{color:#b3261e;font-weight:600}
rect{fill:#2563a8}rect.peer{fill:#b8c4d0}text{font-size:13px;fill:#1b2733}line{stroke:#b3261e;stroke-dasharray:4 3}h2{margin-top:2rem}
.runs{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem}.runs figure{margin:0}.runs figcaption{font-size:13px;color:#5a6773}
.runs svg{width:100%;height:5rem;background:#f5f7f9}path{fill:none;stroke:#2563a8;stroke-width:1.2;vector-effect:non-scaling-stroke}</style>
<h1>Figures</h1>
<table>{{range .Machine}}<tr><th>{{index . 0}}<td>{{index . 1}}</tr>{{end}}</table>
<h2>Goals</h2><table><tr><th>Figure<th>Value<th>Goal<th></tr>
{{range .Goals}}<tr><td>{{.Name}}<td class="n">{{num .Value}} {{.Unit}}<td class="n">{{.Goal}}<td class="{{.Class}}">{{.Class}}</tr>{{end}}</table>
{{with .Compared}}<h2>Beside the reference</h2><p>Published: 100 users without pauses for 30 minutes (the soak: 400 ms of pause, 12 hours; the delay: 80 users, 15 minutes), an application server of 8 cores with DM8, load generator,
hosts and database apart. Here: server, bank host, database and load generator together on {{$.Cores}} cores, shorter runs; every transaction is a durable row of the journal and in the bank host's books.</p>
<table class="wide"><tr><th>Run<th>Store<th>TPS<th>published<th>times<th>of the ceiling<th>mean, ms<th>published<th>p99, ms<th>correct, %<th>published<th>server CPU, %<th>published</tr>
{{range .}}<tr><td>{{.Run}}<td>{{.Store}}<td class="n">{{num .TPS}}<td class="n">{{if .Published.TPS}}{{num .Published.TPS}}{{end}}<td class="n">{{if .Times}}{{num .Times}}{{end}}<td class="n">{{if .Ceiling}}{{num .Ceiling}}{{end}}<td class="n">{{num .Mean}}<td class="n">{{if .Published.TPS}}{{num .Published.MeanMS}}{{end}}<td class="n">{{num .P99}}<td class="n">{{printf "%.3f" .Correct}}<td class="n">{{if .Published.TPS}}{{num .Published.Correct}}{{end}}<td class="n">{{num .CPU}}<td class="n">{{if .Published.TPS}}{{num .Published.CPU}}{{end}}</tr>
{{end}}</table>{{end}}
{{range .Charts}}<h2>{{.Title}}</h2><svg width="100%" viewBox="0 0 800 {{.Height}}" role="img" aria-label="{{.Title}}">
{{range .Bars}}<text x="0" y="{{.Text}}">{{.Name}}</text><rect {{if .Peer}}class="peer" {{end}}x="310" y="{{.Y}}" width="{{num .W}}" height="20"></rect><text x="{{num .End}}" y="{{.Text}}">{{num .Value}}</text>
{{end}}{{if .Goal}}<line x1="{{num .At}}" x2="{{num .At}}" y1="0" y2="{{.Height}}"></line>{{end}}</svg>{{if .Goal}}<p>Broken line: goal {{num .Goal}}.</p>{{end}}{{end}}
{{range .Timelines}}<h2>{{.Name}}</h2><div class="runs">{{range .Series}}<figure><svg viewBox="0 0 240 72" preserveAspectRatio="none" role="img" aria-label="{{.Title}}"><path d="{{.Path}}"></path></svg>
<figcaption>{{.Title}}: mean {{num .Mean}}, highest {{num .Top}} {{.Unit}}; {{len .Points}} s from left to right</figcaption></figure>{{end}}</div>{{end}}
<h2>All figures</h2><table><tr><th>Figure<th>Value<th>Beside it<th>What it is</tr>
{{range .Figures}}<tr><td>{{.Name}}<td class="n">{{num .Value}} {{.Unit}}<td class="s">{{range $k, $v := .VS}}{{$k}}&nbsp;{{num $v}}<br>{{end}}<td class="s">{{.Note}}</tr>{{end}}
</table>
<p>Reference: the system to beat publishes 451 transactions a second from ISO 8583 to ISO 8583, 504 from JSON, 821 delimited and 560 mixed, at 100 users on 8 cores, load generator apart.</p></html>
`))

func num(v float64) string {
	switch {
	case v >= 100 || v == float64(int64(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 99.9:
		return fmt.Sprintf("%.2f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

type bar struct {
	Name    string
	Value   float64
	Peer    bool
	Y, Text int
	W, End  float64
}

type chart struct {
	Title    string
	Height   int
	Bars     []bar
	Goal, At float64
}

// charts picks what belongs together; a chart without figures is left out.
func charts(all []figure) []chart {
	by := map[string]figure{}
	for _, f := range all {
		by[f.Name] = f
	}
	value := func(c *chart, name, label string) {
		if f, ok := by[name]; ok {
			c.Bars = append(c.Bars, bar{Name: label, Value: f.Value})
		}
	}
	beside := func(c *chart, name, key, label string) {
		if v, ok := by[name].VS[key]; ok {
			c.Bars = append(c.Bars, bar{Name: label, Value: v, Peer: true})
		}
	}
	tps := chart{Title: "Transactions per second, 8583 to 8583", Goal: by["trade.8583_8583.tps"].VS["goalMin"]}
	value(&tps, "trade.8583_8583.tps", "server")
	value(&tps, "trade.8583_8583.fsync2ms.tps", "server, 2 ms in every fsync")
	beside(&tps, "trade.8583_8583.tps", "ceiling", "bare forwarder (ceiling)")
	beside(&tps, "trade.8583_8583.fsync2ms.tps", "unbatched", "2 ms without group commit (calculated)")
	beside(&tps, "trade.8583_8583.tps", "reference", "reference, published, 8 cores")
	cpu := chart{Title: "CPU per transaction, µs", Goal: by["trade.cpu_us_per_txn"].VS["goalMax"]}
	value(&cpu, "trade.cpu_us_per_txn", "server")
	beside(&cpu, "trade.cpu_us_per_txn", "ceiling", "bare forwarder")
	beside(&cpu, "trade.cpu_us_per_txn", "bank", "bank host")
	beside(&cpu, "trade.cpu_us_per_txn", "generator", "load generator")
	call := chart{Title: "A call to a driver process, µs (median)", Goal: by["driver.call_us.p50"].VS["goalMax"]}
	value(&call, "driver.health_us.p50", "empty call")
	value(&call, "driver.command_us.p50", "command with its stream")
	again := chart{Title: "A killed driver is ready again, ms", Goal: by["driver.recover_ms.p50"].VS["goalMax"]}
	own := chart{Title: "How much of a command is ours, ms (median)", Goal: by["driver.ours_ms.p50"].VS["goalMax"]}
	private := chart{Title: "Private memory of a driver process, MB"}
	for _, f := range fleet {
		for name, c := range map[string]*chart{"driver.call_us.p50": &call, "driver.recover_ms.p50": &again, "driver.ours_ms.p50": &own, "driver.memory_mb.private": &private} {
			if v, ok := by[name].VS[f.id]; ok {
				c.Bars = append(c.Bars, bar{Name: f.driver, Value: v})
			}
		}
	}
	beside(&call, "driver.call_us.p50", "grpc", "plain gRPC echo")
	start := chart{Title: "A whole branch, s"}
	value(&start, "desk.start_s", "empty folder to withdrawals offered")
	beside(&start, "desk.start_s", "preparation", "of it keys, certificates, accounts")
	beside(&start, "desk.start_s", "firstStart", "of it the first start")
	beside(&start, "desk.start_s", "laterStart", "a later start")
	mem := chart{Title: "Resident memory at rest, MB"}
	for _, n := range []string{"platformd", "keeperd", "server"} {
		value(&mem, "idle.rss_mb."+n, n)
	}
	var out []chart
	for _, c := range []chart{tps, cpu, call, own, again, private, start, mem} {
		if len(c.Bars) == 0 {
			continue
		}
		top := c.Goal
		for _, b := range c.Bars {
			top = max(top, b.Value)
		}
		for i := range c.Bars {
			b := &c.Bars[i]
			b.Y, b.Text = i*28, i*28+15
			b.W = 420 * b.Value / max(top, 1e-9)
			b.End = 316 + b.W
		}
		c.At, c.Height = 310+420*c.Goal/max(top, 1e-9), 28*len(c.Bars)
		out = append(out, c)
	}
	return out
}

type goal struct {
	figure
	Goal, Class string
}

func goals(all []figure) []goal {
	var out []goal
	for _, f := range all {
		met, known := f.met()
		if !known {
			continue
		}
		g := goal{figure: f, Class: "missed"}
		if met {
			g.Class = "met"
		}
		if v, ok := f.VS["goalMin"]; ok {
			g.Goal = "at least " + num(v)
		} else {
			g.Goal = "at most " + num(f.VS["goalMax"])
		}
		out = append(out, g)
	}
	return out
}

// machine says what the figures were measured on.
func machine(o options) [][2]string {
	info := map[string]string{}
	for _, file := range []string{"/proc/cpuinfo", "/proc/meminfo"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok {
				info[strings.TrimSpace(k)] = strings.TrimSpace(v)
			}
		}
	}
	one := func(file string) string {
		b, err := os.ReadFile(file)
		if err != nil {
			return "?"
		}
		return strings.TrimSpace(string(b))
	}
	host := "its fast codec"
	if o.moov {
		host = "moov-io/iso8583"
	}
	load := strings.Fields(one("/proc/loadavg") + " ? ? ?")
	out := map[string]string{
		"1 Date":      time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		"2 Processor": fmt.Sprintf("%s, %d cores used", info["model name"], runtime.NumCPU()),
		"3 Memory":    info["MemTotal"],
		"4 System":    fmt.Sprintf("%s %s, %s", runtime.GOOS, one("/proc/sys/kernel/osrelease"), runtime.Version()),
		"5 Load":      fmt.Sprintf("average %s at the end; generator, bank host, database and server share one machine and its loopback", load[0]),
		"6 Runs":      fmt.Sprintf("%d rounds of %s after %s, %d connections; bank host with %s", o.rounds, o.run, o.warm, o.conns, host),
	}
	var rows [][2]string
	for _, k := range slices.Sorted(maps.Keys(out)) {
		rows = append(rows, [2]string{k[2:], out[k]})
	}
	return rows
}

func report(path string, fs *figures, o options) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	rows := machine(o)
	for _, x := range fs.all {
		if x.Name == "fsync_us.p50" {
			rows = append(rows, [2]string{"fsync", fmt.Sprintf("%s µs (median of 300)", num(x.Value))})
		}
	}
	return errors.Join(sheet.Execute(f, map[string]any{"Machine": rows, "Goals": goals(fs.all), "Charts": charts(fs.all), "Compared": fs.compared, "Timelines": fs.timelines, "Figures": fs.all, "Cores": runtime.NumCPU()}), f.Close())
}
