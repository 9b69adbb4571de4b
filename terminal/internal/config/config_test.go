package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `
terminal: T0000001
devices:
  card: {model: creatorcrt350n, port: tty/card}
  cash: {model: puloonlcdm2000, port: tty/cash}
  pinpad: {model: szztzt598, port: tty/pinpad}
  printer: {model: escposreceipt, port: tty/printer}
`

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	p := filepath.Join(t.TempDir(), "platform.yaml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(p)
}

func TestAShortFileIsFilledWithDefaults(t *testing.T) {
	c, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if c.XFS.Addr != "127.0.0.1:5846" || !filepath.IsAbs(c.Devices["card"].Port) {
		t.Errorf("%+v", c)
	}
}

func TestATerminalNeedsOnlyTheDevicesOfItsScenes(t *testing.T) {
	for _, text := range []string{"scenes: [information]\n", "scenes: [queue]\ndevices: {printer: {model: escposreceipt, port: tty/printer}}\n"} {
		if _, err := load(t, "terminal: T0000001\n"+text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"an unknown key has line and column", good + "limts: {}\n", "[8:1]"},
		{"a wrong type has line and column", good + "limits: {padOver: lots}\n", "[8:19]"},
		{"a short terminal number", strings.Replace(good, "T0000001", "T1", 1), "terminal: "},
		{"a missing device", strings.Replace(good, "printer:", "printr:", 1), "devices.printer"},
		{"a scene that is none", good + "scenes: [kiosk]\n", "queue"},
		{"a scene without its device", good + "scenes: [form]\n", "devices.idreader"},
		{"no scene", good + "scenes: []\n", "scenes: "},
		{"two queues with one prefix", good + "queues: [{prefix: A, zh: 甲, en: A}, {prefix: A, zh: 乙, en: B}]\n", "queues[1]"},
		{"keys over the line without a PIN pad", "terminal: T0000001\nscenes: [information]\nhost: {remoteKey: true}\nserver: {url: https://x}\n", "host.remoteKey"},
		{"an unknown zone", good + "host: {zone: rsa}\n", "host.zone"},
		{"a warning that is too short", good + "timeouts: {warn: 5s}\n", "timeouts.warn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
