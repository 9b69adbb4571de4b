package peer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Redis is a redis-server: a node, or a sentinel.
type Redis struct {
	Address string
	t       testing.TB
	args    []string
	dir     string
	program
}

// StartRedis starts a node that keeps nothing on disk; it ends with the test. lines are directives of its
// configuration, beside the port.
func StartRedis(t testing.TB, lines ...string) *Redis {
	t.Helper()
	return startRedis(t, nil, append([]string{"save \"\"", "appendonly no"}, lines...))
}

func startRedis(t testing.TB, flags, lines []string) *Redis {
	t.Helper()
	file := Program(t, "redis-server", "redis-server")
	r := &Redis{t: t, Address: free(t), dir: t.TempDir()}
	_, port, _ := net.SplitHostPort(r.Address)
	conf := filepath.Join(r.dir, "redis.conf")
	text := strings.Join(append([]string{"bind 127.0.0.1", "port " + port, "daemonize no", "dir " + r.dir}, lines...), "\n") + "\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = append([]string{file, conf}, flags...)
	t.Cleanup(r.Kill)
	r.Restart()
	return r
}

// Restart starts the server's program and waits until it answers.
func (r *Redis) Restart() {
	r.t.Helper()
	var log bytes.Buffer
	r.run(r.t, r.dir, &log, r.args)
	for end := time.Now().Add(20 * time.Second); ; {
		if _, err := r.Do("PING"); err == nil || errors.Is(err, errRefused) {
			return
		}
		select {
		case <-r.ended:
			r.t.Fatalf("redis: %s", log.String())
		default:
		}
		if time.Now().After(end) {
			r.t.Fatal("redis does not answer")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Do sends one command and answers the raw reply.
func (r *Redis) Do(args ...string) (string, error) {
	c, err := net.DialTimeout("tcp", r.Address, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // done
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	q := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		q += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(c, q); err != nil {
		return "", err
	}
	out, err := reply(bufio.NewReader(c))
	if err == nil && strings.HasPrefix(out, "-") {
		err = fmt.Errorf("%w: %s", errRefused, out)
	}
	return out, err
}

var errRefused = errors.New("redis")

// reply reads one reply of RESP 2 as it is on the line.
func reply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$':
		if n < 0 {
			return line, nil
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(r, b)
		return line + string(b), err
	case '*':
		for range max(n, 0) {
			more, err := reply(r)
			if err != nil {
				return "", err
			}
			line += more
		}
	}
	return line, nil
}

func (r *Redis) must(args ...string) string {
	r.t.Helper()
	out, err := r.Do(args...)
	if err != nil {
		r.t.Fatal(args, err)
	}
	return out
}

// await repeats a question until the answer has a text.
func (r *Redis) await(text string, args ...string) {
	r.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := r.Do(args...)
		if err == nil && strings.Contains(out, text) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("redis: %v has no %q: %q %v", args, text, out, err)
		}
	}
}

// RedisSentinel is a master with a replica, and three sentinels that watch them as "main".
type RedisSentinel struct {
	Nodes     []*Redis // the first began as master
	Sentinels []*Redis
}

// StartRedisSentinel starts them; a master that is silent for half a second is replaced.
func StartRedisSentinel(t testing.TB) *RedisSentinel {
	t.Helper()
	s := &RedisSentinel{Nodes: []*Redis{StartRedis(t)}}
	host, port, _ := net.SplitHostPort(s.Nodes[0].Address)
	s.Nodes = append(s.Nodes, StartRedis(t, "repl-diskless-sync-delay 0", "replicaof "+host+" "+port))
	s.Nodes[1].await("master_link_status:up", "INFO", "replication")
	for range 3 {
		s.Sentinels = append(s.Sentinels, startRedis(t, []string{"--sentinel"}, []string{"sentinel monitor main " + host + " " + port + " 2",
			"sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 3000"}))
	}
	for _, x := range s.Sentinels {
		x.await("num-other-sentinels\r\n$1\r\n2\r\n", "SENTINEL", "MASTER", "main")
		x.await("num-slaves\r\n$1\r\n1\r\n", "SENTINEL", "MASTER", "main")
	}
	return s
}

// Addresses of the sentinels.
func (s *RedisSentinel) Addresses() []string { return addresses(s.Sentinels) }

// StartRedisCluster starts a cluster of three masters, without replicas.
func StartRedisCluster(t testing.TB) []*Redis {
	t.Helper()
	const slots = 16384
	var nodes []*Redis
	for i := range 3 {
		bus := free(t)
		_, busPort, _ := net.SplitHostPort(bus)
		n := StartRedis(t, "cluster-enabled yes", "cluster-node-timeout 1000", "cluster-require-full-coverage no", "cluster-port "+busPort)
		from, to := slots*i/3, slots*(i+1)/3-1
		n.must("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(from), fmt.Sprint(to))
		if i > 0 {
			_, port, _ := net.SplitHostPort(n.Address)
			nodes[0].must("CLUSTER", "MEET", "127.0.0.1", port, busPort)
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.await("cluster_known_nodes:3", "CLUSTER", "INFO")
		n.await("cluster_slots_ok:16384", "CLUSTER", "INFO")
		n.await("cluster_state:ok", "CLUSTER", "INFO")
	}
	return nodes
}

// RedisAddresses are those of nodes.
func RedisAddresses(nodes []*Redis) []string { return addresses(nodes) }

func addresses(rs []*Redis) (out []string) {
	for _, r := range rs {
		out = append(out, r.Address)
	}
	return out
}
