package bus

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// taken collects what subscribers get.
type taken struct {
	mu  sync.Mutex
	got map[string]int
}

func (x *taken) take(m Message) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.got == nil {
		x.got = map[string]int{}
	}
	x.got[string(m.Value)]++
}

func (x *taken) times(v string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.got[v]
}

func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 1500 {
		if f() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("did not come about: " + what)
}

func TestPartitionsThatAreAddedAreRead(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	addedPartitions(t, c.ListenAddrs(), "t")
}

// addedPartitions subscribes with and without a group, adds partitions, and writes into a new one.
func addedPartitions(t *testing.T, brokers []string, topic string) {
	k := NewKafka(brokers, slog.New(slog.DiscardHandler))
	k.every = 100 * time.Millisecond
	t.Cleanup(func() { _ = k.Close() })
	var all, group taken
	for name, x := range map[string]*taken{"": &all, "g": &group} {
		stop, err := k.Subscribe(topic, name, x.take)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
	}
	until(t, "the first message", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_ = k.Publish(ctx, topic, Message{[]byte("k"), []byte("before")})
		return all.times("before") > 0 && group.times("before") > 0
	})
	client := &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: 10 * time.Second}
	r, err := client.CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 6}}})
	if err == nil {
		err = r.Errors[topic]
	}
	if err != nil {
		t.Fatal(err)
	}
	var conn *kafka.Conn
	until(t, "a leader of the new partition", func() bool {
		conn, err = kafka.DialLeader(t.Context(), "tcp", brokers[0], topic, 5)
		return err == nil
	})
	defer conn.Close() //nolint:errcheck // test
	if _, err := conn.WriteMessages(kafka.Message{Key: []byte("k"), Value: []byte("after")}); err != nil {
		t.Fatal(err)
	}
	until(t, "the message of the new partition", func() bool { return all.times("after") == 1 && group.times("after") > 0 })
}
