package bus

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"zhigui/sim/peer"
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
	k := kafkaOf(t, brokers, Access{})
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
		_ = k.Publish(ctx, topic, Message{Key: []byte("k"), Value: []byte("before")})
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
	until(t, "a leader of the new partition", func() bool {
		conn, err := kafka.DialLeader(t.Context(), "tcp", brokers[0], topic, 5)
		if err != nil {
			return false
		}
		defer conn.Close() //nolint:errcheck // test
		_, err = conn.WriteMessages(kafka.Message{Key: []byte("k"), Value: []byte("after")})
		return err == nil
	})
	until(t, "the message of the new partition", func() bool { return all.times("after") > 0 && group.times("after") > 0 })
}

// A real broker: what is published is taken once it is killed and back, and partitions that are added
// meanwhile are read.
func TestARealBrokerIsKilledAndPartitionsAreAdded(t *testing.T) {
	b := peer.StartKafka(t)
	addedPartitions(t, []string{b.Address}, "grows")
	k := kafkaOf(t, []string{b.Address}, Access{})
	t.Cleanup(func() { _ = k.Close() })
	var all, group taken
	for name, x := range map[string]*taken{"": &all, "g2": &group} {
		stop, err := k.Subscribe("t", name, x.take)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
	}
	sure := map[string]bool{}
	publish := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			v := strconv.Itoa(i)
			until(t, "message "+v, func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				return k.Publish(ctx, "t", Message{Key: []byte(v), Value: []byte(v)}) == nil
			})
			sure[v] = true
		}
	}
	publish(0, 50)
	b.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	if err := k.Publish(ctx, "t", Message{Key: []byte("x"), Value: []byte("x")}); err == nil {
		t.Error("a dead broker took a message")
	}
	cancel()
	b.Restart()
	publish(50, 100)
	for v := range sure {
		until(t, "message "+v+" to be taken", func() bool { return all.times(v) > 0 && group.times(v) > 0 })
	}
}
