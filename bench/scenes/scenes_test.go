// Package scenes starts each of the ten kinds of terminal with its devices: real drivers on
// virtual devices, keeper, platform, server and bank, and does there what it is for.
package scenes

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
	kind "zhigui/terminal/api/scene"
)

const (
	card   = "demo-1"
	pin    = "123456"
	person = "张测试"
)

// what each scene is for, done by a customer.
var business = map[string]func(ctx context.Context, t *testing.T, b *branch.Branch){
	"atm": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if v, err := b.Desk.Withdraw(ctx, card, pin, 30000, robot.Takes); err != nil || v.Dispensed != nil {
			t.Errorf("%+v, %v", v, err)
		}
		if v, err := b.Desk.Put(ctx, card, pin, []int{100}, false); err != nil || v.Outcome != "credited" {
			t.Errorf("%+v, %v", v, err)
		}
	},
	"counter": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if v, err := b.Desk.Withdraw(ctx, card, pin, 30000, robot.Takes); err != nil || v.Dispensed != nil {
			t.Errorf("%+v, %v", v, err)
		}
		if v, err := b.Desk.Passbook(ctx, "book-1", 1); err != nil || v.Outcome != "updated" || v.Printed < 1 {
			t.Errorf("%+v, %v", v, err)
		}
	},
	"issuing": newCard,
	"vtm": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if err := b.Desk.Sign(ctx, person, "video-consent/1"); err != nil {
			t.Error(err)
		}
		camera, err := robot.Dial(ctx, b.Desk.XFS, "camera", b.Desk.Token)
		if err != nil {
			t.Fatal(err)
		}
		defer camera.Close()
		var picture struct{ PictureFile []byte }
		if err := camera.Call(ctx, "Camera.TakePicture", map[string]any{"camera": "person"}, &picture); err != nil || http.DetectContentType(picture.PictureFile) != "image/jpeg" {
			t.Errorf("%d bytes, %v", len(picture.PictureFile), err)
		}
		if v, err := b.Desk.Transfer(ctx, "demo-6", pin, "6225880000000005", 5_000_100, people(b), person); err != nil || v.Outcome != "approved" || v.Case != "ready" {
			t.Errorf("a large transfer: %+v, %v", v, err)
		}
		newCard(ctx, t, b)
	},
	"information": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		p, err := robot.Dial(ctx, b.Desk.XFS, "platform", b.Desk.Token)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		var info struct{ Notices []struct{ ZH, EN string } }
		if err := p.Call(ctx, "X-Terminal.Info", nil, &info); err != nil || len(info.Notices) == 0 || info.Notices[0].ZH == "" {
			t.Errorf("%+v, %v", info, err)
		}
	},
	"form": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if err := b.Desk.Fill(ctx, person, "开立账户", "13800000000"); err != nil {
			t.Fatal(err)
		}
		var d struct {
			Physical struct{ Pages []struct{ Text string } }
		}
		if err := b.Desk.Devices.State("printer", &d); err != nil || len(d.Physical.Pages) != 1 {
			t.Fatalf("%+v, %v", d, err)
		}
		for _, want := range []string{"业务申请书", "开立账户", person, "13800000000"} {
			if !strings.Contains(d.Physical.Pages[0].Text, want) {
				t.Errorf("no %q in\n%s", want, d.Physical.Pages[0].Text)
			}
		}
	},
	"queue": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		for _, want := range []string{"A001", "A002"} {
			if number, printed, err := b.Desk.Ticket(ctx, "A"); err != nil || number != want || !printed {
				t.Errorf("%s %v %v, want %s", number, printed, err, want)
			}
			_ = b.Desk.Devices.Do("printer", "takePaper", nil)
		}
		var d struct {
			Physical struct{ Tickets []struct{ Text string } }
		}
		if err := b.Desk.Devices.State("printer", &d); err != nil || len(d.Physical.Tickets) != 2 || !strings.Contains(d.Physical.Tickets[0].Text, "A002") {
			t.Errorf("%+v, %v", d, err)
		}
	},
	"enquiry": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if outcome, err := b.Desk.Enquire(ctx, card, pin, "balance", ""); err != nil || outcome != "approved" {
			t.Errorf("%q, %v", outcome, err)
		}
	},
	"passbook": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if v, err := b.Desk.Passbook(ctx, "book-1", 1); err != nil || v.Outcome != "nothing" { // the account has not moved
			t.Errorf("%+v, %v", v, err)
		}
	},
	"receipt": func(ctx context.Context, t *testing.T, b *branch.Branch) {
		if outcome, err := b.Desk.Enquire(ctx, card, pin, "statement", "statement"); err != nil || outcome != "approved" {
			t.Errorf("%q, %v", outcome, err)
		}
		var d struct {
			Physical struct{ Pages []struct{ Text string } }
		}
		if err := b.Desk.Devices.State("printer", &d); err != nil || len(d.Physical.Pages) != 1 || !strings.Contains(d.Physical.Pages[0].Text, "0001") {
			t.Errorf("%+v, %v", d, err)
		}
	},
}

// people are those who agree to what a customer asks for: the lobby manager, and the remote teller.
func people(b *branch.Branch) (out []robot.Manager) {
	for _, u := range scene.Users {
		if u.Name == "manager" || u.Name == "teller" {
			out = append(out, robot.Manager{URL: fmt.Sprintf("http://127.0.0.1:%d/v2/api", b.Ports.Manage), Name: u.Name, Password: u.Password})
		}
	}
	return out
}

func newCard(ctx context.Context, t *testing.T, b *branch.Branch) {
	if v, err := b.Desk.NewCard(ctx, people(b)[0], person, "246810", robot.Takes); err != nil || !v.Taken {
		t.Errorf("%+v, %v", v, err)
	}
}

// req: T-01, T-06, TX-19
func TestEachOfTheTenScenesStartsWithItsDevicesAndDoesWhatItIsFor(t *testing.T) {
	bin, err := os.MkdirTemp("", "scbin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(bin) })
	if err := branch.Build(bin, ""); err != nil {
		t.Fatal(err)
	}
	if len(kind.All) != 10 || len(business) != len(kind.All) {
		t.Fatalf("%d scenes, %d of them are tried", len(kind.All), len(business))
	}
	for _, is := range kind.All {
		t.Run(is.Name, func(t *testing.T) {
			t.Parallel()
			b := branch.Start(t, bin, scene.Options{Scenes: []string{is.Name}, All: true})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := robot.Until(60*time.Second, func() error { return inService(ctx, b, is) }); err != nil {
				t.Fatal(err)
			}
			if do := business[is.Name]; do != nil {
				do(ctx, t, b)
			}
			if is.Name == "queue" { // what becomes of a device is told to the server
				for _, step := range []struct{ action, want string }{{"powerCut", ""}, {"powerRestore", "online"}} {
					if err := b.Desk.Devices.Do("printer", step.action, nil); err != nil {
						t.Fatal(err)
					}
					if err := robot.Until(60*time.Second, func() error {
						told, _, err := heard(ctx, b)
						if now := told["printer"]; err == nil && now != step.want && (step.want != "" || now == "online") {
							err = fmt.Errorf("after %s the server still has it that the printer is %q", step.action, now)
						}
						return err
					}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
}

// A device profile alone picks the scenes: the least that a scene needs, and two scenes in one terminal.
func TestWhatATerminalOffersFollowsFromItsScenesAndDevices(t *testing.T) {
	all := func(string) bool { return true }
	without := func(no ...string) func(string) bool {
		return func(id string) bool { return !slices.Contains(no, id) }
	}
	for _, c := range []struct {
		scenes []string
		fitted func(string) bool
		want   string
	}{
		{[]string{"queue"}, all, "ticket"},
		{[]string{"queue", "enquiry"}, all, "ticket balance statement pinChange"},
		{[]string{"atm"}, without("acceptor"), "withdrawal transfer balance statement pinChange"},
		{[]string{"vtm"}, without("cards"), "transfer balance statement pinChange"},
	} {
		if got := strings.Join(kind.Started(c.scenes, c.fitted), " "); got != c.want {
			t.Errorf("%v: %s, want %s", c.scenes, got, c.want)
		}
	}
	if err := kind.Check([]string{"form"}, without("idreader")); err == nil || !strings.Contains(err.Error(), "devices.idreader") {
		t.Errorf("%v", err)
	}
	if err := kind.Check([]string{"kiosk"}, all); err == nil || !strings.Contains(err.Error(), "queue") {
		t.Errorf("%v", err)
	}
}

// inService: the scene's services can be had, its devices are there, and no others; the server sees
// it in service.
func inService(ctx context.Context, b *branch.Branch, is kind.Scene) error {
	services, err := b.Desk.Info(ctx)
	if err != nil {
		return err
	}
	delete(services, "receipt") // whether a receipt can be had; no business
	for name, s := range services {
		if !s.Available {
			return fmt.Errorf("%s cannot be had: %s", name, s.Reason)
		}
	}
	if got, want := slices.Sorted(maps.Keys(services)), slices.Sorted(slices.Values(is.Starts)); !slices.Equal(got, want) {
		return fmt.Errorf("it offers %v, not %v", got, want)
	}
	for _, id := range []string{"card", "cash", "pinpad", "printer"} {
		want := "noDevice"
		if slices.Contains(is.Devices(), id) {
			want = "online"
		}
		if err := state(ctx, b, id, want); err != nil {
			return err
		}
	}
	for _, id := range is.Devices() {
		if err := state(ctx, b, id, "online"); err != nil {
			return err
		}
	}
	told, where, err := heard(ctx, b)
	if err != nil {
		return err
	}
	if where != "inService" {
		return fmt.Errorf("the server has it %s: %v", where, told)
	}
	for _, id := range is.Devices() {
		if told[id] != "online" {
			return fmt.Errorf("the server has heard that %s is %q", id, told[id])
		}
	}
	if len(told) != len(is.Devices()) {
		return fmt.Errorf("the server has heard of %v", told)
	}
	return nil
}

// heard is what the server has heard of the terminal's devices, and of its state.
func heard(ctx context.Context, b *branch.Branch) (told map[string]string, where string, err error) {
	m, err := b.SignIn(ctx, "operator")
	if err != nil {
		return nil, "", err
	}
	var seen []struct {
		State   string
		Modules []struct{ Name, Status string }
	}
	if err := m.Call(ctx, http.MethodGet, "/terminals", nil, &seen); err != nil {
		return nil, "", err
	}
	if len(seen) != 1 {
		return nil, "", fmt.Errorf("the server sees %+v", seen)
	}
	told = map[string]string{}
	for _, m := range seen[0].Modules {
		told[m.Name] = m.Status
	}
	return told, seen[0].State, nil
}

func state(ctx context.Context, b *branch.Branch, id, want string) error {
	s, err := robot.Dial(ctx, b.Desk.XFS, id, b.Desk.Token)
	if err != nil {
		return err
	}
	defer s.Close()
	var st json.RawMessage
	if err := s.Call(ctx, "Common.Status", nil, &st); err != nil {
		return err
	}
	var common struct{ Common struct{ Device string } }
	if err := json.Unmarshal(st, &common); err != nil || common.Common.Device != want {
		return fmt.Errorf("%s is %q, not %s", id, common.Common.Device, want)
	}
	return nil
}
