package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/server/internal/store/schema"
)

// Errors of leases.
var (
	// ErrFenced: another server has taken over the number of this one, which may write nothing any more.
	ErrFenced = errors.New("store: another server has taken over from this one")
	// ErrHeld: another server has the lease.
	ErrHeld = errors.New("store: another server has the lease")
)

// Lease is what one server at a time has. The database's clock says when it ends.
type Lease struct {
	Name, Holder string
	Epoch        int64 // rises whenever it changes hands
	Lapsed       bool  // the holder has not renewed it in time
}

// Node is the number of the server whose lease this is; 0 for the lease of a job.
func (l *Lease) Node() int {
	n, err := strconv.Atoi(strings.TrimPrefix(l.Name, nodePrefix))
	if !strings.HasPrefix(l.Name, nodePrefix) || err != nil {
		return 0
	}
	return n
}

const nodePrefix = "node."

func nodeLease(n int) string { return nodePrefix + strconv.Itoa(n) }

const (
	selLeases   = `SELECT LEASE_NAME, HOLDER_NAME, EPOCH_NUMBER, CASE WHEN EXPIRE_TIME<{now} THEN 1 ELSE 0 END FROM SY_ND_LEASE`
	openLease   = `INSERT INTO SY_ND_LEASE (LEASE_NAME, HOLDER_NAME, EPOCH_NUMBER, EXPIRE_TIME) VALUES (?, '', 0, 0) ON CONFLICT (LEASE_NAME) DO NOTHING`
	takeLease   = `UPDATE SY_ND_LEASE SET HOLDER_NAME=?, EPOCH_NUMBER=EPOCH_NUMBER+1, EXPIRE_TIME={now}+?, UPDATE_TIME={now} WHERE LEASE_NAME=? AND EPOCH_NUMBER=?`
	takeJob     = `UPDATE SY_ND_LEASE SET EPOCH_NUMBER=EPOCH_NUMBER+1, EXPIRE_TIME={now}+?, UPDATE_TIME={now}, HOLDER_NAME=? WHERE LEASE_NAME=? AND (HOLDER_NAME='' OR EXPIRE_TIME<{now})`
	renewLease  = `UPDATE SY_ND_LEASE SET EXPIRE_TIME={now}+?, UPDATE_TIME={now} WHERE LEASE_NAME=? AND EPOCH_NUMBER=? AND HOLDER_NAME=?`
	renewJobs   = `UPDATE SY_ND_LEASE SET EXPIRE_TIME={now}+?, UPDATE_TIME={now} WHERE LEASE_NAME=? AND HOLDER_NAME=?`
	giveLease   = `UPDATE SY_ND_LEASE SET HOLDER_NAME='', EPOCH_NUMBER=EPOCH_NUMBER+1, EXPIRE_TIME=0, UPDATE_TIME={now} WHERE LEASE_NAME=? AND HOLDER_NAME=?`
	lapseLease  = `UPDATE SY_ND_LEASE SET HOLDER_NAME='', EPOCH_NUMBER=EPOCH_NUMBER+1, EXPIRE_TIME=0, UPDATE_TIME={now} WHERE LEASE_NAME=? AND EPOCH_NUMBER=? AND EXPIRE_TIME<{now}`
	fenceNode   = `DELETE FROM SY_DB_WRITER WHERE NODE_NUMBER=?`
	claimWriter = `UPDATE SY_DB_WRITER SET NODE_NUMBER=?, UPDATE_TIME={now} WHERE WRITER_NAME=?`
)

// Leases lists all, whoever has them.
func (s *Store) Leases(ctx context.Context) ([]*Lease, error) {
	return list(ctx, s, func(r scanner) (*Lease, error) {
		l := &Lease{}
		return l, r.Scan(&l.Name, &l.Holder, &l.Epoch, &l.Lapsed)
	}, selLeases)
}

// Join gives the server holder a number, which only it has until Leave, or until it has not renewed it
// for ttl and another server takes over. A server that comes back gets the number it had, at once:
// the caller sees to it that no two processes have one name. From then on this store refuses to write
// (ErrFenced) when another has taken the number over. ErrNewer: a newer program has changed the schema since this
// one opened the database; from Join on none does.
func (s *Store) Join(ctx context.Context, holder string, ttl time.Duration) (node int, epoch int64, err error) {
	if s.d.engine == schema.SQLite {
		return 0, 0, errors.New("store: a SQLite file is one server's")
	}
	err = s.unchanged(ctx, func() error {
		node, epoch, err = s.join(ctx, holder, ttl)
		return err
	})
	return node, epoch, err
}

func (s *Store) join(ctx context.Context, holder string, ttl time.Duration) (node int, epoch int64, err error) {
	for range 10 {
		ls, err := s.Leases(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("store: leases: %w", err)
		}
		if node, epoch = choose(ls, holder); node == 0 {
			return 0, 0, fmt.Errorf("store: %d servers share this database, no more can", Nodes-1)
		}
		err = s.write(ctx, func(tx *Tx) error {
			if _, err := tx.exec(openLease, nodeLease(node)); err != nil {
				return err
			}
			n, err := tx.exec(takeLease, holder, ttl.Milliseconds(), nodeLease(node), epoch)
			if err == nil && n == 0 {
				err = ErrHeld
			}
			if err != nil {
				return err
			}
			if _, err := tx.exec(fenceNode, node); err != nil {
				return err
			}
			for _, l := range s.w.names {
				if _, err := tx.exec(claimWriter, node, l); err != nil {
					return err
				}
			}
			return nil
		})
		if errors.Is(err, ErrHeld) {
			continue // another was quicker
		}
		if err != nil {
			return 0, 0, fmt.Errorf("store: join: %w", err)
		}
		s.w.node.Store(int64(node))
		return node, epoch + 1, nil
	}
	return 0, 0, ErrHeld
}

// choose finds the number that holder had, else one that nobody has, else one whose server is gone.
func choose(ls []*Lease, holder string) (node int, epoch int64) {
	have := map[int]*Lease{}
	for _, l := range ls {
		have[l.Node()] = l
		if l.Node() > 0 && l.Holder == holder {
			return l.Node(), l.Epoch
		}
	}
	for n := 1; n < Nodes; n++ {
		if have[n] == nil {
			return n, 0
		}
		if have[n].Holder == "" {
			return n, have[n].Epoch
		}
	}
	for n, l := range have {
		if n > 0 && l.Lapsed {
			return n, l.Epoch
		}
	}
	return 0, 0
}

// Renew keeps the number of a server; ErrFenced: it is another's.
func (s *Store) Renew(ctx context.Context, node int, epoch int64, holder string, ttl time.Duration) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(renewLease, ttl.Milliseconds(), nodeLease(node), epoch, holder)
		if err == nil && n == 0 {
			err = ErrFenced
		}
		return err
	})
}

// Fence takes the number from a server whose lease has lapsed; it can write nothing any more. Nobody
// has the number then. ErrHeld: it has renewed it, or another server was quicker.
func (s *Store) Fence(ctx context.Context, l *Lease) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(lapseLease, l.Name, l.Epoch)
		if err == nil && n == 0 {
			err = ErrHeld
		}
		if err == nil {
			_, err = tx.exec(fenceNode, l.Node())
		}
		return err
	})
}

// HoldJob takes or renews the lease of a job for holder; false when another has it.
func (s *Store) HoldJob(ctx context.Context, job, holder string, ttl time.Duration) (held bool, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		held = true
		if n, err := tx.exec(renewJobs, ttl.Milliseconds(), job, holder); n > 0 || err != nil {
			return err
		}
		if _, err := tx.exec(openLease, job); err != nil {
			return err
		}
		n, err := tx.exec(takeJob, ttl.Milliseconds(), holder, job)
		held = n > 0
		return err
	})
	return held && err == nil, err
}

// Leave gives back what holder has of these leases.
func (s *Store) Leave(ctx context.Context, holder string, names ...string) error {
	return s.write(ctx, func(tx *Tx) error {
		for _, name := range names {
			if _, err := tx.exec(giveLease, name, holder); err != nil {
				return err
			}
		}
		return nil
	})
}

// LeaveNode gives the number of a server back; what it left undone is anybody's.
func (s *Store) LeaveNode(ctx context.Context, node int, holder string) error {
	return s.Leave(ctx, holder, nodeLease(node))
}

// Newest is the newest journal number that server node has made from a moment on, 0 when there is none.
func (s *Store) Newest(ctx context.Context, node int, from time.Time) (n int64, err error) {
	err = s.row(ctx, fmt.Sprintf(`SELECT COALESCE(MAX(JOURNAL_NUMBER), 0) FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER>=? AND JOURNAL_NUMBER %% %d=?`, Nodes), NumberAt(from), node).Scan(&n)
	return n, err
}

// Alone tells whether the engine has one server at most.
func (s *Store) Alone() bool { return s.d.engine == schema.SQLite }

// File is the file that a data source name of SQLite means; empty for another engine.
func File(dsn string) string {
	d, err := dialectOf(dsn)
	if err != nil {
		return ""
	}
	return d.file
}

// notIn is a condition on a number, for numbers of servers.
func notIn(expr string, nodes []int) string {
	if len(nodes) == 0 {
		return "1=1"
	}
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = strconv.Itoa(n)
	}
	return expr + " NOT IN (" + strings.Join(texts, ",") + ")"
}
