// Package dbserver starts real database servers of one's own, on a temporary folder and a socket
// in it: the server's store must not be tried against imitations. Tests, the benchmark and the
// scene use it.
package dbserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver
	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Engines of the store; SQLite has no server.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
	MariaDB  = "mariadb"
)

// ErrMissing: the server's programs are not on this machine.
var ErrMissing = errors.New("dbserver: not installed")

// Server is a running database server.
type Server struct {
	Engine string
	Dir    string
	args   []string
	cmd    *exec.Cmd
	exited chan struct{}
	log    *os.File // what its programs say; a file, so that each process writes by itself
	cred   *syscall.Credential
}

// Start sets up and starts a server. Its programs are those of Debian's packages postgresql
// and mariadb-server-core, or are found by PATH. more are arguments of the server's program.
func Start(engine string, more ...string) (*Server, error) {
	s := &Server{Engine: engine}
	server, setup := find("mariadbd", "mysqld"), find("mariadb-install-db")
	if engine == Postgres {
		server, setup = find("postgres"), find("initdb")
	}
	if server == "" || setup == "" {
		return nil, fmt.Errorf("%w: %s", ErrMissing, engine)
	}
	var err error
	if s.Dir, err = os.MkdirTemp("", "zhigui-"+engine); err == nil {
		s.log, err = os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("dbserver: %w", err)
	}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		if s.cred, err = nobody(); err == nil {
			err = os.Chown(s.Dir, int(s.cred.Uid), int(s.cred.Gid))
		}
	}
	if err == nil {
		data := filepath.Join(s.Dir, "data")
		if engine == Postgres {
			s.args = []string{server, "-D", data, "-k", s.Dir, "-c", "listen_addresses=", "-c", "max_connections=300", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "timezone=UTC"}
			err = s.command(setup, "-D", data, "-A", "trust", "-U", "zhigui", "-E", "UTF8", "--locale=C", "--no-sync").Run()
		} else {
			// A file that may not grow is an error for it as for PostgreSQL, not a signal that ends it.
			s.args = []string{"/bin/sh", "-c", `trap "" XFSZ; exec "$0" "$@"`, server, "--no-defaults", "--datadir=" + data, "--socket=" + s.socket(), "--pid-file=" + filepath.Join(s.Dir, "pid"), "--skip-networking",
				"--tmpdir=" + s.Dir, "--max-connections=300", "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M", "--skip-name-resolve"}
			err = s.command(setup, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db").Run()
		}
	}
	s.args = append(s.args, more...)
	if err == nil {
		err = s.Restart()
	}
	if err != nil {
		err = fmt.Errorf("dbserver: %s: %w\n%s", engine, err, s.Log())
		s.Close()
		return nil, err
	}
	return s, nil
}

func find(names ...string) string {
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
		dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
		slices.Reverse(dirs) // the newest
		for _, d := range append(dirs, "/usr/sbin") {
			if p, err := exec.LookPath(filepath.Join(d, n)); err == nil {
				return p
			}
		}
	}
	return ""
}

func nobody() (*syscall.Credential, error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

func (s *Server) socket() string { return filepath.Join(s.Dir, "s") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = s.Dir, s.log, s.log
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + s.Dir, "TMPDIR=" + s.Dir, "LC_ALL=C"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Pdeathsig: syscall.SIGKILL}
	return c
}

// Restart starts the server's program and waits until it answers.
func (s *Server) Restart() error {
	end := time.Now().Add(60 * time.Second)
	for {
		started := make(chan error)
		exited := make(chan struct{})
		go func() { // the death signal is bound to the thread that started the program
			runtime.LockOSThread()
			c := s.command(s.args[0], s.args[1:]...)
			err := c.Start()
			s.cmd, s.exited = c, exited
			started <- err
			if err == nil {
				_ = c.Wait()
			}
			close(exited)
		}()
		if err := <-started; err != nil {
			return err
		}
		for time.Now().Before(end) {
			select {
			case <-exited: // the remains of a killed one may still hold its memory
			default:
				if s.answers() {
					return nil
				}
				time.Sleep(20 * time.Millisecond)
				continue
			}
			break
		}
		if time.Now().After(end) {
			return errors.New("does not answer")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Server) admin() (*sql.DB, error) {
	if s.Engine == Postgres {
		return sql.Open("pgx", s.dsn("postgres"))
	}
	return sql.Open("mysql", "root@unix("+s.socket()+")/")
}

func (s *Server) answers() bool {
	db, err := s.admin()
	if err != nil {
		return false
	}
	defer db.Close() //nolint:errcheck // a question
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return db.PingContext(ctx) == nil
}

func (s *Server) dsn(name string) string {
	if s.Engine == Postgres {
		return "postgres://zhigui@/" + name + "?host=" + s.Dir
	}
	return "mysql://root@/" + name + "?socket=" + s.socket()
}

// Database makes an empty database and returns its data source name.
func (s *Server) Database(name string) (string, error) {
	return s.dsn(name), s.Exec("CREATE DATABASE " + name)
}

// Drop removes a database, whoever uses it.
func (s *Server) Drop(name string) error {
	q := "DROP DATABASE IF EXISTS " + name
	if s.Engine == Postgres {
		q += " WITH (FORCE)"
	}
	return s.Exec(q)
}

// Exec runs a statement as the administrator.
func (s *Server) Exec(q string) error {
	db, err := s.admin()
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // done
	if _, err = db.Exec(q); err != nil {
		return fmt.Errorf("dbserver: %w", err)
	}
	return nil
}

// Pid of the server's program.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Kill ends the server with SIGKILL, as a crash would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Close ends the server and removes its folder.
func (s *Server) Close() {
	if s.exited != nil {
		s.Kill()
	}
	_ = s.log.Close()
	for range 100 { // a killed one's children still write for a moment
		if os.RemoveAll(s.Dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
