package peer

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

//go:embed kafka.txt
var kafkaJars string

// Kafka is an Apache Kafka broker that is a controller, too (KRaft): alone, or one of a cluster.
type Kafka struct {
	Address string
	Secure  string // address with TLS and sign-in, of one that StartSecureKafka started
	CA      string // file of the certificate that signed the broker's, and the client's
	Cert    string // file with certificate and key of a client
	t       testing.TB
	node    int
	control string // address of the controller
	args    []string
	log     string
	program
}

// StartKafka starts a broker; it ends with the test.
func StartKafka(t testing.TB) *Kafka {
	t.Helper()
	dir := t.TempDir()
	k := &Kafka{t: t, node: 1, Address: free(t), control: free(t), args: java(t, kafkaJars), log: filepath.Join(dir, "log")}
	k.start(dir, "", "")
	return k
}

// StartKafkaCluster starts three brokers. Every topic has three replicas, of which two must have a message before it is
// acknowledged; those that are named have one partition, which the first broker leads.
func StartKafkaCluster(t testing.TB, topics ...string) (brokers [3]*Kafka) {
	t.Helper()
	args := java(t, kafkaJars)
	args = slices.Insert(args, 1, "-Xms64m")
	args[slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "-Xmx") })] = "-Xmx256m"
	var voters []string
	for i := range brokers {
		brokers[i] = &Kafka{t: t, node: i + 1, Address: free(t), control: free(t), args: args, log: filepath.Join(t.TempDir(), "log")}
		voters = append(voters, fmt.Sprintf("%d@%s", i+1, brokers[i].control))
	}
	var wg sync.WaitGroup
	errs := make([]error, len(brokers))
	for i, k := range brokers {
		wg.Go(func() { errs[i] = k.format(filepath.Dir(k.log), strings.Join(voters, ","), "", "") })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, k := range brokers { // none of them listens before two are there
		t.Cleanup(k.Kill)
		k.launch()
	}
	for _, k := range brokers {
		k.await()
	}
	c := &kafka.Client{Addr: kafka.TCP(KafkaAddresses(brokers)...), Timeout: 10 * time.Second}
	q := &kafka.CreateTopicsRequest{}
	for _, topic := range topics {
		q.Topics = append(q.Topics, kafka.TopicConfig{Topic: topic, NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignments: []kafka.ReplicaAssignment{{Partition: 0, Replicas: []int{1, 2, 3}}}})
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		r, err := c.CreateTopics(t.Context(), q)
		if err == nil {
			for _, topic := range topics {
				if e := r.Errors[topic]; !errors.Is(e, kafka.TopicAlreadyExists) {
					err = errors.Join(err, e)
				}
			}
		}
		if err == nil {
			return brokers
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// KafkaAddresses are those of a cluster.
func KafkaAddresses(brokers [3]*Kafka) []string {
	return []string{brokers[0].Address, brokers[1].Address, brokers[2].Address}
}

// KafkaLeader answers which broker leads the one partition of a topic, counted from nought, and how many replicas are in step with it;
// -1 while nobody knows.
func KafkaLeader(ctx context.Context, brokers [3]*Kafka, topic string) (leader, inStep int) {
	c := &kafka.Client{Addr: kafka.TCP(KafkaAddresses(brokers)...), Timeout: time.Second}
	m, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil || len(m.Topics) != 1 || len(m.Topics[0].Partitions) != 1 {
		return -1, 0
	}
	p := m.Topics[0].Partitions[0]
	return p.Leader.ID - 1, len(p.Isr)
}

// StartSecureKafka starts a broker that also listens at Secure, where clients need a certificate, and the
// password of user, by PLAIN or SCRAM.
func StartSecureKafka(t testing.TB, user, password string) *Kafka {
	t.Helper()
	dir := t.TempDir()
	k := &Kafka{t: t, node: 1, Address: free(t), control: free(t), Secure: free(t), CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "client.pem"), args: java(t, kafkaJars), log: filepath.Join(dir, "log")}
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

// start formats the folder of a broker that is alone and starts it.
func (k *Kafka) start(dir, listen, more string, format ...string) {
	k.t.Helper()
	if err := k.format(dir, "1@"+k.control, listen, more, format...); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(k.Kill)
	k.Restart()
}

// format makes the broker's folder; listen is one more listener, more are its settings.
func (k *Kafka) format(dir, voters, listen, more string, format ...string) error {
	conf, replicas := filepath.Join(dir, "server.properties"), strings.Count(voters, "@")
	err := os.WriteFile(conf, fmt.Appendf(nil, `process.roles=broker,controller
node.id=%[6]d
controller.quorum.voters=%[7]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s%[4]s
advertised.listeners=PLAINTEXT://%[1]s%[4]s
controller.listener.names=CONTROLLER
log.dirs=%[3]s
default.replication.factor=%[8]d
offsets.topic.replication.factor=%[8]d
min.insync.replicas=%[9]d
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
%[5]s`, k.Address, k.control, filepath.Join(dir, "data"), listen, more, k.node, voters, replicas, (replicas+1)/2), 0o600)
	if err != nil {
		return err
	}
	tool := exec.Command(k.args[0], append(append(k.args[1:], "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", conf), format...)...)
	if out, err := tool.CombinedOutput(); err != nil {
		return fmt.Errorf("kafka format: %w\n%s", err, out)
	}
	k.args = append(slices.Clone(k.args), "kafka.Kafka", conf)
	return nil
}

// Restart starts the broker's program and waits until it listens.
func (k *Kafka) Restart() {
	k.t.Helper()
	k.launch()
	k.await()
}

func (k *Kafka) launch() {
	k.t.Helper()
	out, err := os.OpenFile(k.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // the program's
	k.run(k.t, filepath.Dir(k.log), out, k.args)
}

func (k *Kafka) await() {
	k.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", k.Address); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-k.ended:
			end = time.Time{}
		default:
		}
	}
	b, _ := os.ReadFile(k.log)
	k.t.Fatalf("kafka does not come up:\n%s", b)
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
