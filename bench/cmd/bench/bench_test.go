package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/bench/load"
)

func TestAFigureIsOneJSONLineWithNameValueUnitAndVS(t *testing.T) {
	var b bytes.Buffer
	fs := &figures{enc: json.NewEncoder(&b)}
	fs.add("a.b", 1234.5678, "µs", vs{"goalMax": 2000}, "")
	fs.add("c", 0.456789, "", nil, "a\nnote")
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	want := []string{`{"name":"a.b","value":1235,"unit":"µs","vs":{"goalMax":2000}}`, `{"name":"c","value":0.457,"unit":"","vs":{},"note":"a\nnote"}`}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("got %s", lines)
	}
}

func TestGoalsAreMetFromTheRightSide(t *testing.T) {
	for _, c := range []struct {
		f          figure
		met, known bool
	}{
		{figure{Value: 5000, VS: vs{"goalMin": 5000}}, true, true},
		{figure{Value: 4999, VS: vs{"goalMin": 5000}}, false, true},
		{figure{Value: 250, VS: vs{"goalMax": 250}}, true, true},
		{figure{Value: 251, VS: vs{"goalMax": 250}}, false, true},
		{figure{Value: 1, VS: vs{"reference": 2}}, false, false},
	} {
		if met, known := c.f.met(); met != c.met || known != c.known {
			t.Errorf("%+v: %v %v", c.f, met, known)
		}
	}
}

func TestRoundKeepsFourDigits(t *testing.T) {
	for in, want := range map[float64]float64{123456.7: 123457, 1234.56: 1235, 12.3456: 12.35, 0.45678: 0.457, -12.3456: -12.35, 0: 0} {
		if got := round(in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}

func TestStatOfANameWithBlanksAndParentheses(t *testing.T) {
	s, err := parseStat([]byte("4711 (a ) (b) S 42 4711 4711 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1 2 3"))
	if err != nil || s.name != "a ) (b" || s.ppid != 42 || s.cpu != 2*time.Second {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "1 2 3", "1 (a) S 1 2", "1 (a) S x 4711 4711 0 -1 0 1 0 0 0 150 50 0"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestRollupGivesRssAndPssInMB(t *testing.T) {
	text := "00400000-7fff [rollup]\nRss:  2048 kB\nPss:  1024 kB\nPss_Dirty: 9 kB\nShared_Clean: 5 kB\n"
	rss, pss, err := parseRollup([]byte(text))
	if err != nil || rss != 2 || pss != 1 {
		t.Fatal(rss, pss, err)
	}
	for _, bad := range []string{"", "Rss: 1 kB\n", "Rss: x kB\nPss: 1 kB\n"} {
		if _, _, err := parseRollup([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestMachineTimeCountsNeitherIdleNorWaitingAsBusy(t *testing.T) {
	got := parseMachine([]byte("cpu  100 10 50 1000 200 1 2 37 5 5\ncpu0 1 2 3\n"))
	if want := (times{busy: 2 * time.Second, all: 14 * time.Second}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 2 3 4 5 6 7 8 9", "cpu 1 2 3 4 5 6 7 x 9"} {
		if got := parseMachine([]byte(bad)); got != (times{}) {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// The files of the running kernel have the form that the parsers expect.
func TestOwnProcess(t *testing.T) {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Skip("no /proc")
	}
	if s, err := parseStat(b); err != nil || s.ppid != os.Getppid() {
		t.Fatalf("%+v, %v", s, err)
	}
	if m := machineTime(); m.busy <= 0 || m.all < m.busy {
		t.Fatal(m)
	}
	if rss, pss, err := memory(os.Getpid()); err != nil || rss <= 0 || pss <= 0 || pss > rss {
		t.Fatal(rss, pss, err)
	}
}

func TestABusyPortIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // test
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	if _, err := ports(n, 1); err == nil {
		t.Fatal("a busy port was given away")
	}
}

// req: PT-01
func TestTheReportIsSelfContainedAndNamesGoals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.html")
	all := []figure{
		{Name: "trade.8583_8583.tps", Value: 5100, Unit: "1/s", VS: vs{"goalMin": 5000, "reference": 451, "ceiling": 9000}},
		{Name: "driver.restart_ms", Value: 1200, Unit: "ms", VS: vs{"goalMax": 1000, "card": 300}},
	}
	fs := &figures{all: all, timelines: []timeline{{"a run", []series{{"Response time", "ms", []float64{1, 3, 2}}}}}}
	fs.compare(options{store: "sqlite"}, "mix", publishedMix, &result{Result: &load.Result{TPS: 5597, Mean: 17}, server: 100}, 100)
	o := options{store: "sqlite", conns: 100, run: 20 * time.Second, rounds: 3}
	if err := report(path, fs, o); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`class="met"`, `class="missed"`, "<svg", "at least 5000", "451", "a run", "Processor", "Memory", "System", "cores used", "3 rounds of 20s", "100 connections", "one machine", `d="M0.0 48.0L120.0 4.0L240.0 26.0"`, `<td class="n">10<td`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, row := range machine(o) {
		if row[1] == "" || strings.Contains(row[1], "?") {
			t.Errorf("the report does not know its %s", row[0])
		}
		if !strings.Contains(string(b), row[0]) {
			t.Errorf("the report has no %s", row[0])
		}
	}
	for _, no := range []string{"http://", "https://", "<script", "src="} {
		if strings.Contains(string(b), no) {
			t.Errorf("%s: the report is not self-contained", no)
		}
	}
}

// req: PT-21
func TestATimeLineLaysGeneratorsAndSamplesOnOneAxis(t *testing.T) {
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	a := &load.Result{Start: start, Seconds: 2, Timeline: []load.Second{{N: 10, Sum: 100}, {N: 20, Sum: 100, Not: 2}}}
	b := &load.Result{Start: start, Seconds: 2, Timeline: []load.Second{{N: 10, Sum: 300}}}
	var samples []sample
	for i := range 4 { // half a second off
		samples = append(samples, sample{start.Add(time.Duration(i)*time.Second - 400*time.Millisecond), time.Duration(i) * 500 * time.Millisecond, 30 + float64(i), float64(2 * i), float64(5 * i)})
	}
	got := lay("x", []*load.Result{a, b}, samples)
	want := timeline{"x", []series{{"Response time", "ms", []float64{20, 5}}, {"Approvals", "1/s", []float64{20, 20}}, {"Processor (server; 100 % is one core)", "%", []float64{50, 50}},
		{"Memory (server, resident)", "MB", []float64{31, 32}}, {"Written to disk (server)", "MB/s", []float64{2, 2}}, {"Network (loopback, all processes)", "MB/s", []float64{5, 5}}, {"Refused or in doubt", "1/s", []float64{0, 2}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSamplesAreReadFromProc(t *testing.T) {
	if got := parseStatm([]byte("1000 512 100 1 0 2 0")); got != 512*float64(os.Getpagesize())/(1<<20) {
		t.Error(got)
	}
	if got := parseIO([]byte("rchar: 1\nwrite_bytes: 3145728\ncancelled_write_bytes: 1048576\n")); got != 3 {
		t.Error(got)
	}
	if got := parseLoopback([]byte("Inter-|   Receive\n face |bytes\n    lo: 2097152 10 0\n  eth0: 5 1 0\n")); got != 2 {
		t.Error(got)
	}
}

func TestPartsAreChosenByNameOrGroup(t *testing.T) {
	for only, want := range map[string]string{"": "codec 8583 matrix delay soak driver search desk", "trade": "codec 8583 matrix delay soak", "mix": "mix", "driver,8583": "8583 driver", "x": "", "trade,x": ""} {
		chosen, err := choose(only)
		var got []string
		for _, p := range chosen {
			got = append(got, p.name)
		}
		if strings.Join(got, " ") != want || (err != nil) != (want == "") {
			t.Errorf("%q: %v, %v", only, got, err)
		}
	}
}

// The figures beside ours are those of docs/requirements.md: transactions a second and mean response of each run.
func TestThePublishedFiguresAreThoseOfTheReference(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/requirements.md")
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]published{"PT-17": publishedMix, "PT-18": publishedSoak, "PT-20": publishedDelay}
	for id, name := range map[string]string{"PT-11": "http_json_http_json", "PT-12": "http_xml_http_xml", "PT-13": "tcp_8583_tcp_8583", "PT-14": "tcp_struct_tcp_struct", "PT-15": "tcp_delimited_tcp_delimited"} {
		runs[id] = combos[slices.IndexFunc(combos, func(c combo) bool { return c.name == name })].published
	}
	for id, p := range runs {
		_, row, ok := strings.Cut(string(doc), "| "+id+" |")
		row, _, _ = strings.Cut(row, "\n")
		for _, want := range []string{fmt.Sprintf("%.1f", p.TPS), fmt.Sprintf("%.3f", p.Mean)} {
			if !ok || !strings.Contains(row, want) {
				t.Errorf("%s: no %s in %s", id, want, row)
			}
		}
	}
}
