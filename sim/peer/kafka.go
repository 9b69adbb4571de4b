package peer

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

//go:embed kafka.txt
var kafkaJars string

// Kafka is an Apache Kafka broker of one node, its own controller (KRaft).
type Kafka struct {
	Address string
	Secure  string // address with TLS and sign-in, of one that StartSecureKafka started
	CA      string // file of the certificate that signed the broker's, and the client's
	Cert    string // file with certificate and key of a client
	t       testing.TB
	args    []string
	log     string
	cmd     *exec.Cmd
	ended   chan struct{}
}

// StartKafka starts a broker; it ends with the test.
func StartKafka(t testing.TB) *Kafka {
	t.Helper()
	dir := t.TempDir()
	k := &Kafka{t: t, Address: free(t), args: java(t, kafkaJars), log: filepath.Join(dir, "log")}
	k.start(dir, "", "")
	return k
}

// StartSecureKafka starts a broker that also listens at Secure, where clients need a certificate, and the
// password of user, by PLAIN or SCRAM.
func StartSecureKafka(t testing.TB, user, password string) *Kafka {
	t.Helper()
	dir := t.TempDir()
	k := &Kafka{t: t, Address: free(t), Secure: free(t), CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "client.pem"), args: java(t, kafkaJars), log: filepath.Join(dir, "log")}
	certificates(t, k.CA, filepath.Join(dir, "broker.pem"), k.Cert)
	const module = "org.apache.kafka.common.security."
	k.start(dir, ",SECURE://"+k.Secure, fmt.Sprintf(`listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.secure.plain.sasl.jaas.config=%[1]splain.PlainLoginModule required user_%[2]s="%[3]s";
listener.name.secure.scram-sha-256.sasl.jaas.config=%[1]sscram.ScramLoginModule required;
listener.name.secure.scram-sha-512.sasl.jaas.config=%[1]sscram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=%[4]s
ssl.truststore.type=PEM
ssl.truststore.location=%[5]s
listener.name.secure.ssl.client.auth=required
`, module, user, password, filepath.Join(dir, "broker.pem"), k.CA), "--add-scram", fmt.Sprintf("SCRAM-SHA-256=[name=%s,password=%s]", user, password),
		"--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", user, password))
	return k
}

// start formats the broker's folder and starts it; listen is one more listener, more are its settings.
func (k *Kafka) start(dir, listen, more string, format ...string) {
	t := k.t
	t.Helper()
	control, conf := free(t), filepath.Join(dir, "server.properties")
	err := os.WriteFile(conf, fmt.Appendf(nil, `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s%[4]s
advertised.listeners=PLAINTEXT://%[1]s%[4]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
%[5]s`, k.Address, control, filepath.Join(dir, "data"), listen, more), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	tool := exec.Command(k.args[0], append(append(k.args[1:], "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", conf), format...)...)
	if out, err := tool.CombinedOutput(); err != nil {
		t.Fatalf("kafka format: %v\n%s", err, out)
	}
	k.args = append(k.args, "kafka.Kafka", conf)
	t.Cleanup(k.Kill)
	k.Restart()
}

// Restart starts the broker's program and waits until it listens.
func (k *Kafka) Restart() {
	k.t.Helper()
	out, err := os.OpenFile(k.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // the program's
	k.cmd, k.ended = exec.Command(k.args[0], k.args[1:]...), make(chan struct{})
	k.cmd.Stdout, k.cmd.Stderr, k.cmd.Dir = out, out, filepath.Dir(k.log)
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c, ended, started := k.cmd, k.ended, make(chan error)
	go func() { // the death signal is bound to the thread that started the program
		runtime.LockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			_ = c.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		k.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", k.Address); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			end = time.Time{}
		default:
		}
	}
	b, _ := os.ReadFile(k.log)
	k.t.Fatalf("kafka does not come up:\n%s", b)
}

// Kill ends the broker with SIGKILL.
func (k *Kafka) Kill() {
	if k.cmd != nil {
		_ = k.cmd.Process.Kill()
		<-k.ended
	}
}

func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only the port is wanted
	return l.Addr().String()
}
