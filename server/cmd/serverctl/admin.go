package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/choose"
	"zhigui/server/internal/identity"
	"zhigui/server/internal/store"
)

func open(path string) (*store.Store, hsm.HSM, error) {
	c, err := config.Load(path)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, nil, err
	}
	o, err := c.StoreOptions()
	if err != nil {
		return nil, nil, err
	}
	o.Writers, o.Tool, o.Force = 1, true, force
	st, err := store.Open(context.Background(), o)
	if err != nil {
		return nil, nil, err
	}
	h, err := choose.Open(c, st)
	if err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return st, h, nil
}

// tmkFile is what a key ceremony at the PIN pad reads. It is written once.
type tmkFile struct {
	Terminal string `json:"terminal"`
	Zone     string `json:"zone"` // 3des or sm4
	Key      string `json:"key"`  // 32 hexadecimal digits; of a part: the TMK is the exclusive or of both
	KCV      string `json:"kcv"`  // 8 hexadecimal digits, of the TMK
	Part     int    `json:"part,omitempty"`
}

// lines are the line of each file that takes a TMK: the TMK itself, or in two files a part, which tells nothing of it.
func (f tmkFile) lines(key []byte, files int) ([][]byte, error) {
	parts := [][]byte{key}
	if files == 2 {
		one, two := make([]byte, len(key)), make([]byte, len(key))
		if _, err := rand.Read(one); err != nil {
			return nil, fmt.Errorf("make the parts of a TMK: %w", err)
		}
		subtle.XORBytes(two, key, one)
		parts = [][]byte{one, two}
	}
	out := make([][]byte, len(parts))
	for i, p := range parts {
		if f.Key = strings.ToUpper(hex.EncodeToString(p)); files == 2 {
			f.Part = i + 1
		}
		clear(p)
		b, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		out[i] = append(b, '\n')
	}
	return out, nil
}

func terminalAdd(args []string) error {
	fs := flag.NewFlagSet("terminal add", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	t := store.Terminal{Enabled: true, Created: time.Now()}
	fs.StringVar(&t.ID, "id", "", "terminal number (field 41), 8 characters")
	fs.StringVar(&t.Merchant, "merchant", "102290000000001", "merchant number (field 42), 15 characters")
	fs.StringVar(&t.Branch, "branch", "0001", "branch")
	fs.StringVar(&t.Zone, "zone", "3des", "3des or sm4; or the name of a channel whose messages have one key: there is no TMK then")
	fs.StringVar(&t.NameZH, "name-zh", "", "name, Chinese")
	fs.StringVar(&t.NameEN, "name-en", "", "name, English")
	out := fs.String("tmk-out", "", "file for the TMK, written once, mode 0600; FILE,FILE: a part in each, for two persons")
	remote := fs.Bool("remote", false, "make no TMK: the terminal gets it over the line (key maker, key device)")
	count := fs.Int("count", 1, "register so many terminals, numbers rising from --id; the file then has one line for each")
	if err := fs.Parse(args); err != nil {
		return err
	}
	alg, own := map[string]paycrypto.Alg{"3des": paycrypto.DES, "sm4": paycrypto.SM4}[t.Zone]
	if len(t.ID) != 8 || len(t.Merchant) != 15 || t.Branch == "" || t.Zone == "" || own && (*out == "") != *remote {
		return errors.New("--id of 8, --merchant of 15 characters, --branch and --tmk-out or --remote are wanted")
	}
	own = own && !*remote
	files := strings.Split(*out, ",")
	if own && (len(files) > 2 || len(files) == 2 && filepath.Clean(files[0]) == filepath.Clean(files[1])) {
		return errors.New("--tmk-out wants a file, or two")
	}
	for _, f := range files {
		if _, err := os.Stat(f); own && err == nil {
			return fmt.Errorf("%s exists; a TMK is written only once", f)
		}
	}
	st, h, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // durable already
	text := make([][]byte, len(files))
	first, err := strconv.Atoi(t.ID)
	if err != nil && *count > 1 {
		return errors.New("--count wants a number as --id")
	}
	what := fmt.Sprintf("%d of zone %s, merchant %s, branch %s", *count, t.Zone, t.Merchant, t.Branch)
	if err := st.AddAudit(context.Background(), store.Audit{User: program, Action: "terminal.add", Target: t.ID, Note: what, At: time.Now()}); err != nil {
		return err
	}
	for i := range *count {
		if *count > 1 {
			t.ID = fmt.Sprintf("%08d", first+i)
		}
		if err := st.AddTerminal(context.Background(), &t); err != nil {
			return err
		}
		if !own {
			continue
		}
		key, kcv, err := h.CreateTMK(t.ID, alg)
		if err != nil {
			return err
		}
		lines, err := tmkFile{Terminal: t.ID, Zone: t.Zone, KCV: strings.ToUpper(hex.EncodeToString(kcv))}.lines(key, len(files))
		clear(key)
		if err != nil {
			return err
		}
		for i, b := range lines {
			text[i] = append(text[i], b...)
		}
		fmt.Printf("terminal %s, zone %s: TMK check value %X, key in %s\n", t.ID, t.Zone, kcv, strings.Join(files, " and "))
	}
	if !own {
		fmt.Fprintf(stdout, "%d terminals of channel or zone %s, merchant %s, without TMK\n", *count, t.Zone, t.Merchant)
		c, err := config.Load(*cfg)
		if err == nil && !slices.ContainsFunc(c.Channels, func(x config.Channel) bool { return x.Zone == t.Zone }) {
			fmt.Fprintf(stdout, "no channel of %s has this name or zone: until one has, what they send is answered 03\n", *cfg)
		}
		return nil
	}
	for i, f := range files {
		if err := writeNew(f, 0o600, text[i]); err != nil {
			return err
		}
	}
	return nil
}

func userAdd(args []string) error {
	fs := flag.NewFlagSet("user add", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	u := store.User{Enabled: true, Created: time.Now()}
	keep := fs.Bool("keep", false, "the person may go on with this password; without it, it has to be changed at the first sign-in")
	fs.StringVar(&u.Name, "name", "", "sign-in name")
	fs.StringVar(&u.Display, "display", "", "name for people")
	fs.StringVar(&u.Role, "role", "operator", "operator, manager, teller or admin")
	fs.StringVar(&u.Branch, "branch", "", "branch that the person is confined to; * for a teller who serves all; operators and admins without one are head office's")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if u.Name == "" || !slices.Contains([]string{"operator", "manager", "teller", "admin"}, u.Role) || !u.Placed() {
		return errors.New("--name, --role operator|manager|teller|admin, and --branch for a manager or a teller (* for a teller of the whole bank) are wanted")
	}
	if u.Display == "" {
		u.Display = u.Name
	}
	u.First = !*keep
	line, err := bufio.NewReader(stdin).ReadString('\n')
	pass := strings.TrimRight(line, "\r\n")
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if u.Hash, err = identity.Hash(pass); err != nil {
		return fmt.Errorf("a password is read from standard input: %w", err)
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // durable already
	ctx, did := context.Background(), "user.add"
	if _, err := st.User(ctx, u.Name); err == nil {
		did = "user.replace"
	}
	if err := st.AddUser(ctx, &u); err != nil {
		return err
	}
	return st.AddAudit(ctx, store.Audit{User: program, Action: did, Target: u.Name, Note: strings.TrimSpace(u.Role + " " + u.Branch), At: time.Now()})
}
