package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// timeLeft is the header of a record that says how long its sender waits. The time of its maker is what it counts
// from, on a topic with LogAppendTime, too: kafka-go does not read the broker's there.
const timeLeft = "time-left"

// Kafka is a cluster of brokers.
type Kafka struct {
	brokers []string
	dialer  *kafka.Dialer
	via     *kafka.Transport
	w       *kafka.Writer
	log     *slog.Logger
	every   time.Duration // how often subscribers look for partitions that were added
}

// NewKafka makes a client; nothing is connected yet.
func NewKafka(brokers []string, a Access, log *slog.Logger) (*Kafka, error) {
	m, err := a.mechanism()
	if err != nil {
		return nil, err
	}
	k := &Kafka{brokers: brokers, log: log, every: 5 * time.Second,
		dialer: &kafka.Dialer{Timeout: 10 * time.Second, DualStack: true, TLS: a.TLS, SASLMechanism: m}, via: &kafka.Transport{TLS: a.TLS, SASL: m, MetadataTTL: time.Second}} // so soon the writer knows a new leader
	k.w = &kafka.Writer{Addr: kafka.TCP(brokers...), Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, Transport: k.via,
		BatchTimeout: time.Millisecond, BatchSize: 128, MaxAttempts: 1, AllowAutoTopicCreation: true}
	return k, nil
}

// Publish implements Bus. An error leaves it open whether the brokers have the message.
func (k *Kafka) Publish(ctx context.Context, topic string, m Message) error {
	r := kafka.Message{Topic: topic, Key: m.Key, Value: m.Value}
	if m.TimeLeft != "" {
		r.Headers = []kafka.Header{{Key: timeLeft, Value: []byte(m.TimeLeft)}}
	}
	err := k.w.WriteMessages(ctx, r)
	if err != nil {
		return fmt.Errorf("bus: publish: %w", err)
	}
	return nil
}

// Ready tells whether a broker can be reached.
func (k *Kafka) Ready(ctx context.Context) error {
	for _, b := range k.brokers {
		c, err := k.dialer.DialContext(ctx, "tcp", b)
		if err == nil {
			return c.Close()
		}
	}
	return errors.New("bus: no broker can be reached")
}

// Subscribe implements Bus. Without a group every subscriber sees every message from now on, of all
// partitions; with one, members share them and what nobody has taken yet comes first.
func (k *Kafka) Subscribe(topic, group string, take func(Message)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	if err := k.create(ctx, topic); err != nil {
		cancel()
		return nil, err
	}
	conf := kafka.ReaderConfig{Brokers: k.brokers, Dialer: k.dialer, Topic: topic, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: 50 * time.Millisecond, ReadBackoffMin: 5 * time.Millisecond, ReadBackoffMax: 200 * time.Millisecond}
	var wg sync.WaitGroup
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	if group != "" {
		conf.GroupID, conf.StartOffset, conf.CommitInterval = group, kafka.FirstOffset, 100*time.Millisecond
		// Brokers take no shorter session by default; what a member that is gone held is another's so soon.
		conf.SessionTimeout, conf.RebalanceTimeout, conf.HeartbeatInterval, conf.JoinGroupBackoff = 6*time.Second, 6*time.Second, time.Second, 200*time.Millisecond
		conf.WatchPartitionChanges, conf.PartitionWatchInterval = true, k.every
		wg.Go(func() { k.read(ctx, kafka.NewReader(conf), topic, take) })
		return stop, nil
	}
	have := map[int]bool{}
	add := func(partition int, offset int64) error {
		conf := conf
		conf.Partition = partition
		r := kafka.NewReader(conf)
		if err := r.SetOffset(offset); err != nil {
			return errors.Join(err, r.Close())
		}
		have[partition] = true
		wg.Go(func() { k.read(ctx, r, topic, take) })
		return nil
	}
	parts, err := k.partitions(ctx, topic)
	for _, p := range parts {
		var end int64
		if end, err = k.end(ctx, topic, p); err == nil {
			err = add(p, end)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("bus: subscribe: %w", err)
	}
	wg.Go(func() {
		t := time.NewTicker(k.every)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			parts, err := k.partitions(ctx, topic)
			for _, p := range parts {
				if err == nil && !have[p] {
					k.log.Info("bus: new partition", "topic", topic, "partition", p)
					err = add(p, kafka.FirstOffset) // all of it came after the subscription
				}
			}
			if err != nil && ctx.Err() == nil {
				k.log.Warn("bus: partitions", "topic", topic, "error", err.Error())
			}
		}
	})
	return stop, nil
}

// read gives take what r reads until ctx ends.
func (k *Kafka) read(ctx context.Context, r *kafka.Reader, topic string, take func(Message)) {
	defer r.Close() //nolint:errcheck // reading
	for {
		m, err := r.ReadMessage(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, io.EOF):
			return
		case err != nil:
			k.log.Warn("bus: read", "topic", topic, "error", err.Error())
			select {
			case <-ctx.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		default:
			x := Message{Key: m.Key, Value: m.Value, At: m.Time}
			for _, h := range m.Headers {
				if h.Key != timeLeft {
					continue
				}
				if x.TimeLeft != "" || len(h.Value) == 0 { // two of them, or an empty one: none that can be believed
					x.TimeLeft = "?"
					continue
				}
				x.TimeLeft = string(h.Value)
			}
			take(x)
		}
	}
}

// end is the offset that the next message of a partition will have.
func (k *Kafka) end(ctx context.Context, topic string, partition int) (int64, error) {
	c, err := k.dial(func(b string) (*kafka.Conn, error) { return k.dialer.DialLeader(ctx, "tcp", b, topic, partition) })
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // reading
	return c.ReadLastOffset()
}

// dial asks one broker after another.
func (k *Kafka) dial(f func(broker string) (*kafka.Conn, error)) (c *kafka.Conn, err error) {
	for _, b := range k.brokers {
		if c, err = f(b); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func (k *Kafka) partitions(ctx context.Context, topic string) (out []int, err error) {
	c, err := k.dial(func(b string) (*kafka.Conn, error) { return k.dialer.DialContext(ctx, "tcp", b) })
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	defer c.Close() //nolint:errcheck // reading
	parts, err := c.ReadPartitions(topic)
	if err != nil {
		return nil, fmt.Errorf("bus: topic %s: %w", topic, err)
	}
	for _, p := range parts {
		out = append(out, p.ID)
	}
	return out, nil
}

// create makes the topic when it is missing.
func (k *Kafka) create(ctx context.Context, topic string) error {
	if _, err := k.partitions(ctx, topic); err == nil {
		return nil
	}
	c := &kafka.Client{Addr: kafka.TCP(k.brokers...), Timeout: 10 * time.Second, Transport: k.via}
	r, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 4, ReplicationFactor: -1}}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return fmt.Errorf("bus: topic %s: %w", topic, err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) { // the broker that made it tells the others, and itself, a moment later
		if _, err := k.partitions(ctx, topic); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// Close implements Bus.
func (k *Kafka) Close() error {
	err := k.w.Close()
	k.via.CloseIdleConnections()
	return err
}
