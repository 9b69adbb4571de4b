package device_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
)

func serve(t *testing.T) (*httptest.Server, *device.Server, map[string]*device.Sim) {
	t.Helper()
	hub := engine.NewHub()
	sims := map[string]*device.Sim{}
	var list []*device.Sim
	for _, c := range device.DefaultScene(t.TempDir()).Devices {
		c.Hub, c.Pace = hub, 0
		s := device.MustStart(t, c)
		sims[s.ID()], list = s, append(list, s)
	}
	api := device.NewServer(hub, slog.New(slog.DiscardHandler), list...)
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	return srv, api, sims
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// req: UX-36
func TestActionsOverHTTPAnswerStateOrAReason(t *testing.T) {
	srv, _, sims := serve(t)
	base := srv.URL + "/api/devices/"
	for _, c := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"cash/actions/takeCash", "", 409, "no notes lie at the exit"},
		{"card/actions/insertCard", `{"card":"demo-1"}`, 409, "no insert-card command"},
		{"cash/actions/fillUnit", `{"unit":"lower","count":7,"value":20}`, 200, `"count":7`},
		{"cash/actions/fillUnit", `{"unit":"lower","count":-1}`, 400, "count"},
		{"cash/actions/dance", `{}`, 400, "no action"},
		{"cash/actions/armFault", `{"code":"33","stage":"mid-motion","times":0}`, 200, `"stage":"mid-motion"`},
		{"cash/actions/armFault", `{"code":"nonsense","stage":"mid-motion"}`, 400, "unknown fault"},
		{"cash/actions/armLine", `{"kind":"silence","times":2}`, 200, `"silence"`},
		{"cash/actions/clearFaults", ``, 200, `"armed":[]`},
		{"pinpad/actions/setStatus", `{"name":"battery","value":"low"}`, 200, `"low"`},
		{"pinpad/actions/powerCut", `[`, 400, "JSON"},
		{"nobody/actions/powerCut", ``, 404, "no device"},
	} {
		if status, body := post(t, base+c.path, c.body); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s %s: %d %s", c.path, c.body, status, body)
		}
	}
	if st := sims["cash"].State(); len(st.Armed)+len(st.Line) != 0 {
		t.Errorf("still armed: %+v", st)
	}
	res, err := http.Get(base + "cash/trace")
	if err != nil || res.StatusCode != 200 {
		t.Errorf("trace: %v", err)
	}
	res.Body.Close()
}

func TestAPageOfAnotherOriginCannotAct(t *testing.T) {
	srv, _, sims := serve(t)
	req, err := http.NewRequest(http.MethodPost, srv.URL+"/api/devices/cash/actions/powerCut", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://elsewhere.invalid")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden || !sims["cash"].State().Power {
		t.Errorf("status %d", res.StatusCode)
	}
}

// req: VD-19
func TestTheStreamTellsThatTheReaderWaitsForACard(t *testing.T) {
	srv, _, sims := serve(t)
	res, err := http.Get(srv.URL + "/api/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	br := bufio.NewReader(res.Body)
	if line, err := br.ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry") {
		t.Fatalf("%q %v", line, err)
	}
	h := dial(t, sims["card"])
	h.text("C03324100100", "P0300CRT-350N-SIM1")
	h.text("C:0", "P:000")
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		data, ok := strings.CutPrefix(line, "data: ")
		var e struct {
			Kind, Device string
			Data         any
		}
		if ok && json.Unmarshal([]byte(data), &e) == nil && e.Kind == "prompt" {
			if e.Device != "card" || e.Data != "insertCard" {
				t.Errorf("prompt %+v", e)
			}
			return
		}
	}
}

// req: VD-14
func TestTheServerIsDoneWhenEveryDeviceHasBeenEnded(t *testing.T) {
	srv, api, sims := serve(t)
	for id := range sims {
		if status, body := post(t, srv.URL+"/api/devices/"+id+"/actions/exitProgram", ""); status != 200 {
			t.Fatalf("%s: %s", id, body)
		}
	}
	<-api.Done()
}

func TestSceneErrorsNameFileLineAndColumn(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"an unknown key":        {"devices:\n  - model: escpos\n    foo: 1\n", "s.yaml:3:5: unknown field \"foo\""},
		"an unknown inner key":  {"devices:\n  - model: lcdm2000\n    dispenser:\n      upper: {amount: 3}\n", "s.yaml:4:15: unknown field \"amount\""},
		"a wrong value":         {"devices:\n  - model: crt350n\n  - model: lcdm2000\n    dispenser: {exit: no}\n", "s.yaml:3:5: lcdm2000 cash: exit:"},
		"settings of another":   {"devices:\n  - model: escpos\n    reader: {}\n", "s.yaml:2:5: escpos: settings of a crt350n given"},
		"an unknown model":      {"devices:\n  - model: x\n", "s.yaml:2:5: model:"},
		"an id twice":           {"devices:\n  - model: escpos\n  - model: escpos\n", "s.yaml:3:5: id: \"printer\" is there twice"},
		"no devices":            {"state: x\n", "s.yaml:1:1: devices:"},
		"something else":        {"devices: 7\n", "s.yaml:1:10:"},
		"what is not even YAML": {"devices: [\n", "s.yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := device.ParseScene("s.yaml", []byte(c.yaml))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestTheExampleSceneIsValidAndHasTheDemoCards(t *testing.T) {
	s, err := device.LoadScene("scene.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Devices) != 4 || len(s.Devices[0].Reader.Cards) != 5 || s.Devices[0].Reader.Cards[0] != device.DemoCards()[0] {
		t.Errorf("%+v", s.Devices[0].Reader)
	}
	if _, err := os.Stat(filepath.Join(s.State)); err == nil {
		t.Error("loading made the state folder")
	}
}

func FuzzParseScene(f *testing.F) {
	f.Add([]byte("devices:\n  - model: escpos\n"))
	f.Add([]byte("devices: [{model: crt350n, reader: {cards: [{name: a}]}}]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := device.ParseScene("f", b)
		if err == nil && len(s.Devices) == 0 {
			t.Error("accepted nothing")
		}
	})
}
