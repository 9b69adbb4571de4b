// Command serverctl prepares and inspects a server: certificates, zone keys, terminals,
// users, bundles; and it prints messages for people, masked.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
)

type command struct {
	usage string
	run   func(args []string) error
}

var commands map[string]command

func init() {
	commands = map[string]command{
		"pki init":        {"pki init --dir DIR [--host NAME,IP…]: make a development CA and the server's certificate", pkiInit},
		"pki issue":       {"pki issue --dir DIR --terminal ID: make a terminal's certificate", pkiIssue},
		"zone keys":       {"zone keys --out FILE: make the PIN and MAC key shared with the bank host", zoneKeysCmd},
		"terminal add":    {"terminal add --config FILE --id 8 --branch B --zone 3des|sm4 --tmk-out FILE|--remote [--merchant 15] [--name-zh …] [--name-en …]: register a terminal and make its TMK, or leave that to remote key loading", terminalAdd},
		"key component":   {"key component --config FILE --owner ZONE --by NAME --number N --alg 3des|aes [--generate BYTES] < password, component: a person brings his share of a KEK", keyComponent},
		"key form":        {"key form --config FILE --owner ZONE --by NAME --of N --kcv DIGITS < password: make the KEK of the components", keyForm},
		"key cancel":      {"key cancel --config FILE --owner ZONE --by NAME < password: forget the components entered so far", keyCancel},
		"certificates":    {"certificates [--config FILE]: the certificates that the configuration names, and when they end", certificates},
		"key data":        {"key data --config FILE --owner NAME --by NAME --kek ZONE [--make 3des|aes|sm4] < password, data block, MAC block: install data keys of a partner or host; with --make print new ones for the other side instead", keyData},
		"key import":      {"key import --config FILE --owner ZONE --by NAME --kek ZONE < password, PIN block, MAC block: install keys from TR-31 key blocks", keyImport},
		"key export":      {"key export --config FILE --owner ZONE --by NAME --kek ZONE < password: print the PIN and the MAC key as TR-31 key blocks", keyExport},
		"key rotate":      {"key rotate --config FILE --owner data --by NAME < password: make a new key for columns and files and seal the journal again with it", keyRotate},
		"key signer":      {"key signer --config FILE --owner ZONE --by NAME --alg rsaPss|rsaPkcs1|sm2 --out FILE < password: make a signature key and write its public key", keySigner},
		"key digest":      {"key digest --config FILE --owner ZONE --by NAME --alg hmacSm3|hmacSha256 [--make] [--forget] < password, key: the key of a partner's digests, or make one and print it once; --forget: the one before is not taken any more", keyDigest},
		"key device":      {"key device --config FILE --owner TERMINAL --by NAME --serial NUMBER --sign FILE --encrypt FILE < password: register a PIN pad's public keys for remote key loading", keyDevice},
		"key maker":       {"key maker --config FILE --owner MAKER --by NAME [--ca FILE] < password: trust the PIN pads of a maker by its CA certificates; without --ca: no more", keyMaker},
		"key revoke":      {"key revoke --config FILE --owner SERIAL --by NAME < password: a PIN pad gets no key any more, terminals that have it lose theirs", keyRevoke},
		"key list":        {"key list --config FILE [--owner ZONE]: owners, versions and check values", keyList},
		"merchant import": {"merchant import --config FILE [--by NAME < password] MERCHANTS.yaml: register merchants, their fees and who shares their money", merchantImport},
		"clearing run":    {"clearing run --config FILE --day yyyyMMdd [--by NAME < password]: what a settlement day pays to whom", clearingRun},
		"recon run":       {"recon run --config FILE --host H|--partner CHANNEL --day yyyyMMdd [--format core|cups|NAME|FILE.yaml] BOOK: compare a settlement day with the host's book and the terminals' journals, or what came by a channel with its partner's book", reconRun},
		"recon report":    {"recon report --config FILE --day yyyyMMdd: comparisons, open differences, and what each terminal did", reconReport},
		"messages verify": {"messages verify --config FILE: follow the chain of the sealed message log, and compare it with the audit trail", messagesVerify},
		"messages read":   {"messages read --config FILE --by NAME [--terminal ID] [--from yyyyMMddHHmm] [--to yyyyMMddHHmm] < password: print the messages, masked; leaves a line in the audit trail", messagesRead},
		"schema check":    {"schema check: what in the tables breaks a house rule for databases, and what is excepted, with the reason", schemaCheck},
		"schema ddl":      {"schema ddl --engine sqlite|mariadb|postgres: print the statements that make the tables, for a person who does it", schemaDDL},
		"store archive":   {"store archive --config FILE --month yyyyMM: a closed month of the journal goes to the folder store.archives", storeArchive},
		"store restore":   {"store restore --config FILE --month yyyyMM: bring an archived month back into the tables", storeRestore},
		"store list":      {"store list --config FILE: archived months, with the SM3 of their files", storeList},
		"user add":        {"user add --config FILE --name N --role operator|manager|teller|admin [--branch B|*] [--display D] [--keep] < password", userAdd},
		"describe":        {"describe --dialect NAME|FILE.yaml < message (hexadecimal or as it is, with or without its frame): print it, masked; without --dialect: in the built-in one that fits, or the built-in names when there is no message", describe},
		"pack":            {"pack --dialect NAME|FILE.yaml < transaction (JSON: type, values, lists; bytes as hex:…): print the message in hexadecimal, with a MAC of zeros", packCmd},
		"bundle keygen":   {"bundle keygen --private FILE --public FILE: make a release key pair (SM2)", bundleKeygen},
		"bundle sign":     {"bundle sign --dir DIR --name N --version V --key FILE --out FILE.tar.gz: pack and sign a bundle", bundleSign},
		"bundle verify":   {"bundle verify --key FILE FILE.tar.gz: check signature and every file", bundleVerify},
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "serverctl:", err)
		os.Exit(1)
	}
}

// force brings a database up to date though servers that use it are alive.
var force bool

func run(args []string) error {
	rest := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--force" })
	force, args = len(rest) < len(args), rest
	for n := 2; n >= 1; n-- {
		if len(args) >= n {
			name := args[0]
			if n == 2 {
				name += " " + args[1]
			}
			if c, ok := commands[name]; ok {
				return c.run(args[n:])
			}
		}
	}
	names := make([]string, 0, len(commands))
	for n := range commands {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintln(os.Stderr, "  serverctl", commands[n].usage)
	}
	fmt.Fprintln(os.Stderr, "  with --force: also where a database must be brought up to date first and servers that use it are alive")
	return errors.New("which command?")
}
