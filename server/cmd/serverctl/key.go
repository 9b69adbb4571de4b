package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/remote"
	"zhigui/server/internal/store"
)

// Where key commands read and write; tests replace them.
var (
	stdin  io.Reader = os.Stdin
	stdout io.Writer = os.Stdout
)

// keyJob is one key command: its flags, the person who stands behind it, and its audit line.
type keyJob struct {
	fs      *flag.FlagSet
	cfg, by *string
	owner   *string
	in      io.Reader
	out     io.Writer
	lines   *bufio.Scanner
	st      *store.Store
	h       hsm.HSM
	what    string
}

func newKeyJob(what string) *keyJob {
	fs := flag.NewFlagSet(what, flag.ContinueOnError)
	return &keyJob{fs: fs, what: what, in: stdin, out: stdout, cfg: fs.String("config", "server.yaml", "configuration of the server"),
		by:    fs.String("by", "", "sign-in name of the person; the password is the first line of standard input"),
		owner: fs.String("owner", "", "name of the zone")}
}

// start parses, signs the person in (role admin or operator) and opens the module.
func (j *keyJob) start(args []string) error {
	if err := j.fs.Parse(args); err != nil {
		return err
	}
	if *j.by == "" || *j.owner == "" {
		return errors.New("--by and --owner are wanted")
	}
	j.lines = bufio.NewScanner(j.in)
	st, h, err := open(*j.cfg)
	if err != nil {
		return err
	}
	j.st, j.h = st, h
	if err := signIn(st, *j.by, j.line()); err != nil {
		return errors.Join(err, j.audit("refused"), st.Close())
	}
	return nil
}

// soft is the software module; a device has components at its own console.
func (j *keyJob) soft() (*hsm.Soft, error) {
	if s, ok := j.h.(*hsm.Soft); ok {
		return s, nil
	}
	return nil, errors.New("components of this module are entered at its console; key form reads what the console gives")
}

// line is the next line of standard input without spaces at its ends.
func (j *keyJob) line() string {
	if !j.lines.Scan() {
		return ""
	}
	return strings.TrimSpace(j.lines.Text())
}

// audit writes what was done; nothing was done that it could not write.
func (j *keyJob) audit(note string) error {
	return j.st.AddAudit(context.Background(), store.Audit{User: *j.by, Action: strings.ReplaceAll(j.what, " ", "."), Target: *j.owner, Note: note, At: time.Now()})
}

// done closes the job with its audit line.
func (j *keyJob) done(note string, err error) error {
	if err != nil {
		note = "failed: " + err.Error()
	}
	return errors.Join(err, j.audit(note), j.st.Close())
}

func keyAlg(name string) (paycrypto.Alg, error) {
	switch name {
	case "3des":
		return paycrypto.DES, nil
	case "aes":
		return paycrypto.AES, nil
	case "sm4":
		return paycrypto.SM4, nil
	}
	return 0, errors.New("--alg: 3des, aes or sm4")
}

func keyComponent(args []string) error {
	j := newKeyJob("key component")
	algName := j.fs.String("alg", "aes", "3des, aes or sm4 (under which keys come bare only)")
	number := j.fs.Int("number", 1, "which component, from 1")
	generate := j.fs.Int("generate", 0, "make a component of so many bytes and print it once, instead of reading one")
	if err := j.start(args); err != nil {
		return err
	}
	return j.component(*algName, *number, *generate)
}

func (j *keyJob) component(algName string, number, generate int) error {
	alg, err := keyAlg(algName)
	if err != nil {
		return j.done("", err)
	}
	soft, err := j.soft()
	if err != nil {
		return j.done("", err)
	}
	c := hsm.Component{Owner: *j.owner, Alg: alg, Number: number, By: *j.by}
	var kcv, share []byte
	if generate > 0 {
		if share, kcv, err = soft.NewComponent(c, generate); err == nil {
			_, err = fmt.Fprintf(j.out, "component %d: %X\n", number, share)
		}
	} else {
		if share, err = hex.DecodeString(strings.ReplaceAll(j.line(), " ", "")); err != nil {
			err = errors.New("the second line of standard input must be the component, hexadecimal")
		} else {
			kcv, err = soft.EnterComponent(c, share)
		}
	}
	clear(share)
	if err == nil {
		_, err = fmt.Fprintf(j.out, "component %d of %s, by %s: check value %X\n", number, *j.owner, *j.by, kcv)
	}
	return j.done(fmt.Sprintf("component %d, check value %X", number, kcv), err)
}

func keyForm(args []string) error {
	j := newKeyJob("key form")
	of := j.fs.Int("of", 2, "number of components, 2 to 9")
	algName := j.fs.String("alg", "aes", "3des, aes or sm4; of a module behind TCP, which wants the components from its console as further lines")
	text := j.fs.String("kcv", "", "check value that the key must have, 6 hexadecimal digits or more")
	if err := j.start(args); err != nil {
		return err
	}
	want, err := hex.DecodeString(*text)
	if err != nil {
		return j.done("", errors.New("--kcv: hexadecimal digits are wanted"))
	}
	if *of < 2 || *of > 9 {
		return j.done("", hsm.ErrCeremony)
	}
	var kcv []byte
	switch m := j.h.(type) {
	case *hsm.Soft:
		kcv, err = m.FormKEK(*j.owner, *of, want)
	case *remote.Module:
		var alg paycrypto.Alg
		if alg, err = keyAlg(*algName); err == nil {
			blocks := make([]string, *of)
			for i := range blocks {
				blocks[i] = j.line()
			}
			kcv, err = m.FormKEK(*j.owner, alg, want, blocks...)
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(j.out, "KEK of %s: check value %X\n", *j.owner, kcv)
	}
	return j.done(fmt.Sprintf("KEK of %d components, check value %X", *of, kcv), err)
}

func keyCancel(args []string) error {
	j := newKeyJob("key cancel")
	if err := j.start(args); err != nil {
		return err
	}
	soft, err := j.soft()
	if err == nil {
		err = soft.CancelCeremony(*j.owner)
	}
	return j.done("components forgotten", err)
}

func keyImport(args []string) error {
	j := newKeyJob("key import")
	kek := j.fs.String("kek", "", "owner of the KEK")
	if err := j.start(args); err != nil {
		return err
	}
	ref, err := j.importKeys(*kek, j.line(), j.line())
	if err == nil {
		_, err = fmt.Fprintf(j.out, "keys of %s: version %d\n", ref.Owner, ref.Version)
	}
	return j.done(fmt.Sprintf("PIN and MAC key, version %d, under the KEK of %s", ref.Version, *kek), err)
}

// importKeys takes a PIN and a MAC key as key blocks, or bare: X, 32 hexadecimal digits, a space and the check value.
func (j *keyJob) importKeys(kek, pik, mak string) (hsm.Ref, error) {
	if !strings.HasPrefix(pik, "X") {
		return j.h.ImportBlocks(*j.owner, kek, pik, mak)
	}
	var keys [2]hsm.Cryptogram
	for i, line := range []string{pik, mak} {
		text, check, _ := strings.Cut(strings.TrimPrefix(line, "X"), " ")
		wrapped, err := hex.DecodeString(text)
		kcv, err2 := hex.DecodeString(strings.TrimSpace(check))
		if err != nil || err2 != nil || !strings.HasPrefix(line, "X") {
			return hsm.Ref{}, errors.New("a bare key is a line with X, 32 hexadecimal digits, a space and the 6 to 16 of its check value")
		}
		keys[i] = hsm.Cryptogram{Wrapped: wrapped, KCV: kcv}
	}
	return j.h.ImportCryptograms(*j.owner, kek, keys[0], keys[1])
}

// keyData installs data keys, or makes them for the other side, which has to have them first.
func keyData(args []string) error {
	j := newKeyJob("key data")
	kek := j.fs.String("kek", "", "owner of the KEK")
	alg := j.fs.String("make", "", "make keys of this algorithm and print them as key blocks; they are not installed by it")
	if err := j.start(args); err != nil {
		return err
	}
	if *alg != "" {
		return j.makeData(*kek, *alg)
	}
	ref, err := j.h.ImportData(*j.owner, *kek, j.line(), j.line())
	var id [3]byte
	if err == nil {
		_, id, err = j.h.DataKey(ref)
	}
	if err == nil {
		_, err = fmt.Fprintf(j.out, "data keys of %s: version %d, check value %X\n", ref.Owner, ref.Version, id)
	}
	return j.done(fmt.Sprintf("data keys, version %d, check value %X, under the KEK of %s", ref.Version, id, *kek), err)
}

func (j *keyJob) makeData(kek, name string) error {
	alg, ok := map[string]paycrypto.Alg{"3des": paycrypto.DES, "aes": paycrypto.AES, "sm4": paycrypto.SM4}[name]
	soft, err := j.soft()
	if err == nil && !ok {
		err = errors.New("--make: 3des, aes or sm4")
	}
	var data, mak string
	if err == nil {
		data, mak, err = soft.MakeData(kek, alg)
	}
	if err == nil {
		_, err = fmt.Fprintf(j.out, "%s\n%s\n", data, mak)
	}
	return j.done("new data keys made, under the KEK of "+kek, err)
}

func keyExport(args []string) error {
	j := newKeyJob("key export")
	kek := j.fs.String("kek", "", "owner of the KEK")
	if err := j.start(args); err != nil {
		return err
	}
	ref, err := j.h.Current(*j.owner)
	for _, u := range []hsm.Use{hsm.UsePIN, hsm.UseMAC} {
		var block string
		if err == nil {
			block, err = j.h.ExportBlock(ref, u, *kek)
		}
		if err == nil {
			_, err = fmt.Fprintln(j.out, block)
		}
	}
	return j.done(fmt.Sprintf("PIN and MAC key, version %d, under the KEK of %s", ref.Version, *kek), err)
}

func keyList(args []string) error {
	fs := flag.NewFlagSet("key list", flag.ContinueOnError)
	cfg := fs.String("config", "server.yaml", "configuration of the server")
	owner := fs.String("owner", "", "of one owner only")
	if err := fs.Parse(args); err != nil {
		return err
	}
	st, _, err := open(*cfg)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // reading
	recs, err := st.LoadKeys(*owner)
	if err != nil {
		return err
	}
	uses := map[hsm.Use]string{hsm.UseTMK: "TMK", hsm.UsePIN: "PIN", hsm.UseMAC: "MAC", hsm.UseIssuer: "issuer", hsm.UseKEK: "KEK", hsm.UseComponent: "component", hsm.UseData: "data", hsm.UseTDK: "TDK", hsm.UseSigner: "signature", hsm.UseDevice: "PIN pad", hsm.UseNext: "next TMK", hsm.UseMaker: "maker", hsm.UseRevoked: "revoked", hsm.UseFile: "file", hsm.UseDigest: "digest"}
	names := map[paycrypto.Alg]string{paycrypto.DES: "3des", paycrypto.SM4: "sm4", paycrypto.AES: "aes"}
	for _, r := range recs {
		fmt.Fprintf(stdout, "%-24s %-9s version %-4d %-4s check value %X\n", r.Owner, uses[r.Use], r.Version, names[r.Alg], r.KCV[:min(3, len(r.KCV))])
	}
	return nil
}
