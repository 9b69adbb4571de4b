package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"zhigui/keeper/api/release"
)

func bundleKeygen(args []string) error {
	fs := flag.NewFlagSet("bundle keygen", flag.ContinueOnError)
	private := fs.String("private", "run/release.key", "file for the private key")
	public := fs.String("public", "run/release.pub", "file for the public key")
	if err := fs.Parse(args); err != nil {
		return err
	}
	sk, pk, err := release.NewKey()
	if err != nil {
		return err
	}
	return errors.Join(writeNew(*private, 0o600, sk), writeNew(*public, 0o644, pk))
}

func bundleSign(args []string) error {
	fs := flag.NewFlagSet("bundle sign", flag.ContinueOnError)
	dir := fs.String("dir", "", "folder with the files")
	name := fs.String("name", "", "name")
	version := fs.String("version", "", "version")
	key := fs.String("key", "run/release.key", "private key")
	out := fs.String("out", "", "archive to write")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *dir == "" || *out == "" {
		return errors.New("--dir and --out are wanted")
	}
	pem, err := os.ReadFile(*key)
	if err != nil {
		return err
	}
	sk, err := release.ParsePrivate(pem)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(*out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	digest, err := release.Pack(f, *dir, *name, *version, sk)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(*out))
	}
	fmt.Printf("%s %s: archive %s, sha256 %s\n", *name, *version, *out, digest)
	return nil
}

func bundleVerify(args []string) error {
	fs := flag.NewFlagSet("bundle verify", flag.ContinueOnError)
	key := fs.String("key", "run/release.pub", "public key")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return errors.New("one archive is wanted")
	}
	pem, err := os.ReadFile(*key)
	if err != nil {
		return err
	}
	pk, err := release.ParsePublic(pem)
	if err != nil {
		return err
	}
	f, err := os.Open(fs.Arg(0))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // reading
	a, err := release.Read(f, pk)
	if err != nil {
		return err
	}
	fmt.Printf("%s %s: signature and %d files are right, sha256 %s\n", a.Manifest.Name, a.Manifest.Version, len(a.Manifest.Files), a.Digest)
	return nil
}
