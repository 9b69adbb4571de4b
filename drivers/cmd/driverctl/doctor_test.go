package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"zhigui/drivers/conformance"
	"zhigui/drivers/wire/portlock"
	"zhigui/sim/device"
)

// diagnosis runs the doctor, which must find something, and looks for words in what it says.
func diagnosis(t *testing.T, want []string, args ...string) {
	t.Helper()
	out, err := ctl(t, "", append([]string{"doctor"}, args...)...)
	if err == nil {
		t.Fatalf("the doctor found nothing\n%s", out)
	}
	for _, w := range want {
		if !strings.Contains(out+err.Error(), w) {
			t.Errorf("no %q in\n%s%v", w, out, err)
		}
	}
}

func TestTheDoctorSaysWhoHasThePort(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	lock, err := portlock.Take(sim.Port())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	diagnosis(t, []string{"in use by process", filepath.Base(os.Args[0]), "another driver has the port"}, "gm65", sim.Port())
}

func TestTheDoctorFindsAnotherProgramOnThePort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it looks into /proc")
	}
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	cmd := exec.Command("sh", "-c", `exec 3<>"$0"; echo open; read x`, sim.Port())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	diagnosis(t, []string{"is open in process", "(sh -c", "another program has the port"}, "gm65", sim.Port())
}

func TestTheDoctorFollowsALinkThatLeadsNowhere(t *testing.T) {
	link := filepath.Join(t.TempDir(), "port")
	if err := os.Symlink("/dev/pts/none", link); err != nil {
		t.Fatal(err)
	}
	diagnosis(t, []string{"it is a link to /dev/pts/none", "ports that are there", "does not exist"}, "gm65", link)
}

func TestTheDoctorNamesUserAndGroupOfAPort(t *testing.T) {
	info, err := os.Stat("/dev/null")
	if err != nil {
		t.Skip(err)
	}
	if got := owner(info); runtime.GOOS == "linux" && !strings.Contains(got, "group root") {
		t.Error(got)
	}
	if mayUse(filepath.Join(t.TempDir(), "none")) && runtime.GOOS == "linux" {
		t.Error("a file that is not there may be used")
	}
}

func TestTheDoctorTellsSilenceFromNoise(t *testing.T) {
	silent := conformance.NewPeer(t, func(p *conformance.Peer) {
		for ok := true; ok; {
			_, ok = p.Read(0)
		}
	})
	diagnosis(t, []string{"nothing came back", "baud 9600", "->"}, "gm65", silent.Port(), "--profile", "replyMs=50")
	noisy := conformance.NewPeer(t, func(p *conformance.Peer) {
		for {
			if _, ok := p.Read(0); !ok {
				return
			}
			p.Send(0xF8, 0x00)
		}
	})
	diagnosis(t, []string{"bytes came back that are no answer of a gm65", "wrong speed", "<- ", "F8"}, "gm65", noisy.Port(), "--profile", "replyMs=50")
}

func TestTheDoctorFindsTheModelThatIsThere(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "ccnet"})
	begin := time.Now()
	diagnosis(t, []string{"serialscanner: no", "answers as a cashcodeccnet"}, "gm65", sim.Port(), "--profile", "replyMs=50", "--probe")
	t.Logf("%s", time.Since(begin))
}

func TestTheDoctorProvesNothingOfAModelThatIsNeverAnswered(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	out, err := ctl(t, "", "doctor", "serialscanner", sim.Port())
	if err != nil || !strings.Contains(out, "nothing proves that a device is there") {
		t.Errorf("%s %v", out, err)
	}
}
