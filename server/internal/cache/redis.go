package cache

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisOptions tell where a Redis is: one node (Addresses[0]), a master that sentinels watch (Master), or a
// cluster.
type RedisOptions struct {
	Addresses []string // of the node, the sentinels, or some nodes of the cluster
	Master    string   // its name at the sentinels
	Cluster   bool
	User      string
	Password  string
	Sentinel  string // password of the sentinels
	TLS       *tls.Config
	Prefix    string // of all keys: one Redis may serve several systems
	Timeout   time.Duration
}

// Redis is the engine that servers share.
type Redis struct {
	c      redis.UniversalClient
	prefix string
}

// quiet drops the client's own log: the breaker says once what is wrong.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// NewRedis makes the engine. It does not wait for the server: what is away now may come.
func NewRedis(o RedisOptions) (*Redis, error) {
	if len(o.Addresses) == 0 {
		return nil, errors.New("cache: no address of a Redis")
	}
	redis.SetLogger(quiet{})
	if o.Timeout <= 0 {
		o.Timeout = 50 * time.Millisecond
	}
	u := &redis.UniversalOptions{Addrs: o.Addresses, MasterName: o.Master, Username: o.User, Password: o.Password, SentinelPassword: o.Sentinel, TLSConfig: o.TLS,
		MaxRetries: -1, DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout, ContextTimeoutEnabled: true, DisableIdentity: true, ConnMaxIdleTime: time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}}
	r := &Redis{prefix: o.Prefix}
	switch {
	case o.Cluster:
		r.c = redis.NewClusterClient(u.Cluster())
	case o.Master != "":
		r.c = redis.NewFailoverClient(u.Failover())
	default:
		r.c = redis.NewClient(u.Simple())
	}
	return r, nil
}

// A value begins with one of these.
const (
	isLease = "L"
	isValue = "V"
)

// putScript replaces a lease by the value that was read under it.
var putScript = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end return 0`)

// Get implements Engine.
func (r *Redis) Get(ctx context.Context, key string) ([]byte, string, error) {
	v, err := r.c.Get(ctx, r.prefix+key).Result()
	if err == nil {
		if text, ok := strings.CutPrefix(v, isValue); ok {
			return []byte(text), "", nil
		}
		return nil, "", nil
	}
	if !errors.Is(err, redis.Nil) {
		return nil, "", fmt.Errorf("cache: %w", err)
	}
	lease := isLease + rand.Text()
	err = r.c.SetArgs(ctx, r.prefix+key, lease, redis.SetArgs{Mode: "NX", TTL: LeaseTime}).Err()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, "", nil
	case err != nil:
		return nil, "", fmt.Errorf("cache: %w", err)
	}
	return nil, lease, nil
}

// Put implements Engine.
func (r *Redis) Put(ctx context.Context, key, lease string, value []byte, expires time.Duration) error {
	if lease == "" {
		return nil
	}
	if err := putScript.Run(ctx, r.c, []string{r.prefix + key}, lease, isValue+string(value), max(expires.Milliseconds(), 1)).Err(); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// Delete implements Engine. In a cluster each key has a node of its own.
func (r *Redis) Delete(ctx context.Context, keys ...string) error {
	p := r.c.Pipeline()
	for _, k := range keys {
		p.Del(ctx, r.prefix+k)
	}
	if _, err := p.Exec(ctx); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// Close implements Engine.
func (r *Redis) Close() error { return r.c.Close() }
