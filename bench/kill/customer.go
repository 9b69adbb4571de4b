package kill

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"zhigui/bench/robot"
)

// customerKey is the environment variable that makes the test binary a customer's page.
const customerKey = "KILL_CUSTOMER"

// visit is what a customer wants.
type visit struct {
	Desk   robot.Desk
	Amount int64
	Manner robot.Manner
	// Notes to put in, major units: a deposit.
	Notes    []int
	TakeBack bool
	// Person whose new card is wanted, and the lobby manager who approves it.
	Person  string
	Manager robot.Manager
	// Book to be updated, open at Page.
	Book string
	Page int
	// Payee of a transfer, and those who agree to a large one.
	Payee  string
	People []robot.Manager
}

// beTheCustomer is the page in a process of its own, so that it can be killed and stopped at
// any state. It begins when a line comes in.
func beTheCustomer() {
	var w visit
	if err := json.Unmarshal([]byte(os.Getenv(customerKey)), &w); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if w.Payee != "" {
		v, err := w.Desk.Transfer(ctx, "demo-6", "123456", w.Payee, w.Amount, w.People, w.Person)
		fmt.Printf("%+v, %v\n", v, err)
		return
	}
	if w.Person != "" {
		v, err := w.Desk.NewCard(ctx, w.Manager, w.Person, "246810", w.Manner)
		fmt.Printf("%+v, %v\n", v, err)
		return
	}
	if w.Book != "" {
		v, err := w.Desk.Passbook(ctx, w.Book, w.Page)
		fmt.Printf("%+v, %v\n", v, err)
		return
	}
	if w.Notes != nil {
		v, err := w.Desk.Put(ctx, "demo-1", "123456", w.Notes, w.TakeBack)
		fmt.Printf("%+v, %v\n", v, err)
		return
	}
	v, err := w.Desk.Withdraw(ctx, "demo-1", "123456", w.Amount, w.Manner)
	fmt.Printf("%+v, %v\n", v, err)
}

// customer is one such process.
type customer struct {
	b     *branch
	cmd   *exec.Cmd
	begin io.WriteCloser
	said  strings.Builder
	gone  chan struct{}
}

func (b *branch) customer(w visit) *customer {
	b.t.Helper()
	w.Desk = b.desk
	raw, err := json.Marshal(w)
	if err != nil {
		b.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	c := &customer{b: b, cmd: exec.Command(self), gone: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), customerKey+"="+string(raw))
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	if c.begin, err = c.cmd.StdinPipe(); err != nil {
		b.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { _ = c.cmd.Wait(); close(c.gone) }()
	return c
}

func (c *customer) pid() int { return c.cmd.Process.Pid }

func (c *customer) enter() { _, _ = io.WriteString(c.begin, "go\n") }

// left waits until the customer has gone, or is stopped if that may be; it returns what the
// page said last.
func (c *customer) left(mayStop bool) string {
	c.b.t.Helper()
	limit := time.After(60 * time.Second)
	for {
		select {
		case <-c.gone:
			return strings.TrimSpace(c.said.String())
		case <-limit:
			c.b.t.Fatal("the customer does not leave")
		case <-time.After(50 * time.Millisecond):
			if mayStop && is(c.pid(), 'T') {
				return "stopped"
			}
		}
	}
}

// end ends a stopped page.
func (c *customer) end() {
	_ = syscall.Kill(c.pid(), syscall.SIGKILL)
	<-c.gone
}
