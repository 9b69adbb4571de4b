// Package bus carries messages between programs by topic: Kafka, or the embedded bus of one process
// where nothing is installed. link uses it; a message is bytes and a key, no business.
//
// A published message is delivered to every group of subscribers once or more; with the embedded
// bus at most once, and only to those that are there.
package bus

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Message of a topic. Messages with the same key stay in order.
type Message struct {
	Key, Value []byte
	// TimeLeft is how long the sender waits for an answer, milliseconds as digits; "": it does not say.
	TimeLeft string
	// At is when the bus got the message, set by the bus.
	At time.Time
}

// Bus is a way to publish and to subscribe. It is safe for concurrent use.
type Bus interface {
	// Publish returns when the bus has the message: with Kafka, all replicas that are in step.
	Publish(ctx context.Context, topic string, m Message) error
	// Subscribe calls take for every message of topic, one after another, until stop. Members of one
	// group share the topic. It returns when messages published from now on will be seen.
	Subscribe(topic, group string, take func(Message)) (stop func(), err error)
	Close() error
}

// ErrFull is a topic whose subscribers do not keep up: nothing was published.
var ErrFull = errors.New("bus: the topic is full")

// Embedded is the bus of one process.
type Embedded struct {
	mu     sync.Mutex
	topics map[string]map[string]*queue // by topic and group
}

// queue is a group's share of a topic.
type queue struct {
	ch      chan Message
	members int
}

// depth of a queue.
const depth = 4096

// NewEmbedded makes a bus.
func NewEmbedded() *Embedded { return &Embedded{topics: map[string]map[string]*queue{}} }

// Publish implements Bus. It never waits: ErrFull instead. Without subscribers the message is gone.
func (b *Embedded) Publish(ctx context.Context, topic string, m Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.topics[topic] {
		if len(q.ch) == cap(q.ch) { // nobody else publishes while mu is held
			return ErrFull
		}
	}
	m.At = time.Now()
	for _, q := range b.topics[topic] {
		q.ch <- m
	}
	return nil
}

// Subscribe implements Bus.
func (b *Embedded) Subscribe(topic, group string, take func(Message)) (stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics[topic] == nil {
		b.topics[topic] = map[string]*queue{}
	}
	q := b.topics[topic][group]
	if q == nil {
		q = &queue{ch: make(chan Message, depth)}
		b.topics[topic][group] = q
	}
	q.members++
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case m := <-q.ch:
				take(m)
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-done
		b.mu.Lock()
		defer b.mu.Unlock()
		if q.members--; q.members == 0 {
			delete(b.topics[topic], group)
		}
	}), nil
}

// Close implements Bus.
func (b *Embedded) Close() error { return nil }
