package outside

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhigui/terminal/api/xfs"
)

var update = flag.Bool("update", false, "write docs/commands.md anew")

// classes are those that a counter has.
var classes = []string{"Common", "CardReader", "CashDispenser", "CashAcceptor", "CashManagement", "Storage", "KeyManagement", "Keyboard", "PinPad", "Crypto",
	"Printer", "BarcodeReader", "Camera", "Lights", "Auxiliaries", "Biometric", "TextTerminal", "VendorMode"}

const head = `# Commands of XFS4IoT 2024-3

Which command is answered by which service of a counter with every device (the service names are those of a whole scene; a further device has the commands of its model, which
` + "`driverctl models`" + ` prints). A command without a service is answered with unsupportedCommand and is not in Common.Capabilities. Written and compared by ` + "`go test ./bench/outside`" + `
(` + "`-update`" + ` writes it anew).

Listed and always refused with accessDenied, as keys are the platform's: KeyManagement.ImportKey, ImportKeyToken, StartKeyExchange, LoadCertificate, DeleteKey and Initialization,
Crypto.CryptoData, GenerateAuthentication and VerifyAuthentication. GetCertificate and ExportRSADeviceSignedItem need a PIN pad with keys over the line (` + "`remoteKeys: true`" + `); key pairs are made
by its maker, so that GenerateRSAKeyPair, ExportRSAIssuerSignedItem and ReplaceCertificate are not there. Refused to our own pages (authorizationRequired): what moves, clears or reads beside the flow; see ` + "`docs/interfaces.md`" + `. Crypto.Digest and GenerateRandom
are the platform's own, as no PIN pad here has them. The EMVCless commands, too, are the platform's: they are there when the card reader has an antenna (` + "`creatorcrt591`" + ` with ` + "`tap: true`" + `),
which this scene's has not. CashAcceptor.Deplete and GetDepleteSource are there when the acceptor has a store (` + "`itlnv200` with `payout: true`" + `; this scene's has none, ` + "`cashcodeccnet`" + ` never), and so are Dispense, Denominate, GetMixTypes and GetPresentStatus of CashDispenser there.
Classes of which nothing is here: Check, Deposit, MixedMedia, VendorApplication, BanknoteNeutralization, German, PowerManagement.
`

// commands asks every service for its commands, and compares the whole with the page in docs.
func commands(t *testing.T, b *counter, services []string) {
	by := map[string][]string{} // command → services
	for _, name := range services {
		var caps struct {
			Interfaces []struct {
				Name     string
				Commands map[string]any
			}
		}
		if err := json.Unmarshal(b.service(t, name).do("Common.Capabilities", "").Payload, &caps); err != nil {
			t.Fatal(err)
		}
		for _, i := range caps.Interfaces {
			for c := range i.Commands {
				full := strings.ToUpper(i.Name[:1]) + i.Name[1:] + "." + c
				by[full] = append(by[full], name)
			}
		}
	}
	var page strings.Builder
	page.WriteString(head)
	for _, class := range classes {
		fmt.Fprintf(&page, "\n## %s\n\n| Command | Services |\n|---|---|\n", class)
		for _, name := range xfs.Commands(class) {
			list := by[name]
			slices.Sort(list)
			if len(list) == len(services) {
				list = []string{"all"}
			}
			fmt.Fprintf(&page, "| %s | %s |\n", strings.TrimPrefix(name, class+"."), cmp.Or(strings.Join(list, ", "), "–"))
		}
	}
	file := filepath.Join("..", "..", "docs", "commands.md")
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil { //nolint:gosec // a page of the docs
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page.String() {
		for _, line := range strings.Split(page.String(), "\n") {
			if !strings.Contains(string(have), line+"\n") {
				t.Errorf("docs/commands.md does not say: %s", line)
			}
		}
		t.Error("docs/commands.md is not as the services are: run with -update")
	}
	// What is not listed is refused by its name, wherever it is tried.
	for _, name := range slices.Sorted(maps.Keys(map[string]bool{"card": true, "cash": true, "pinpad": true, "acceptor": true, "printer": true, "panel": true, "siu": true})) {
		c := b.service(t, name)
		for _, class := range classes {
			for _, command := range xfs.Commands(class) {
				if slices.Contains(by[command], name) {
					continue
				}
				if got := c.do(command, "").Header.CompletionCode; got != "unsupportedCommand" {
					t.Errorf("%s on %s: %q", command, name, got)
				}
			}
		}
	}
}

// questions are commands that move nothing, and what is wrong with some of them.
func questions(t *testing.T, b *counter) {
	for _, q := range []struct{ service, command, payload, code, errorCode, answer string }{
		{"cash", "CashDispenser.GetMixTypes", ``, "", "", `"mix1"`},
		{"cash", "CashDispenser.Denominate", `{"request":{"denomination":{"app":{"currencies":{"CNY":150}}}}}`, "", "", `"unit1":1`},
		{"cash", "CashDispenser.Denominate", `{"request":{"denomination":{"app":{"counts":{"unit2":3}}}}}`, "", "", `"CNY":150`},
		{"cash", "CashDispenser.Denominate", `{"request":{"denomination":{"app":{"currencies":{"CNY":100},"counts":{"unit2":3}}}}}`, "commandErrorCode", "invalidDenomination", ""},
		{"cash", "CashDispenser.Denominate", `{"request":{"denomination":{"app":{"currencies":{"EUR":100}}}}}`, "commandErrorCode", "invalidCurrency", ""},
		{"cash", "CashDispenser.Denominate", `{"request":{"denomination":{"service":{"currencies":{"CNY":100},"mix":"mix9"}}}}`, "commandErrorCode", "invalidMixNumber", ""},
		{"cash", "CashDispenser.Denominate", `{"request":{"denomination":{"app":{"currencies":{"CNY":10}}}}}`, "commandErrorCode", "notDispensable", ""},
		{"cash", "CashDispenser.Dispense", `{"position":"outRear","denomination":{"denomination":{"app":{"currencies":{"CNY":100}}}}}`, "commandErrorCode", "unsupportedPosition", ""},
		{"cash", "CashDispenser.GetPresentStatus", `{"position":"outLeft"}`, "commandErrorCode", "unsupportedPosition", ""},
		{"cash", "CashDispenser.GetPresentStatus", `{"position":"outDefault"}`, "", "", `"notPresented"`},
		{"cash", "CashManagement.GetBankNoteTypes", ``, "", "", `"typeCNY100"`},
		{"acceptor", "CashAcceptor.GetPresentStatus", ``, "", "", `"notPresented"`},
		{"acceptor", "Storage.GetStorage", ``, "", "", `"unitcashbox"`},
		{"acceptor", "Storage.EndExchange", ``, "commandErrorCode", "noExchangeActive", ""},
		{"acceptor", "Storage.StartExchange", ``, "", "", ""},
		{"acceptor", "Storage.StartExchange", ``, "commandErrorCode", "exchangeActive", ""},
		{"acceptor", "Storage.SetStorage", `{"storage":{"unitcashbox":{"cash":{"status":{"initial":{"typeCNY100":{"fit":3}}}}}}}`, "invalidData", "", ""},
		{"acceptor", "Storage.SetStorage", `{"storage":{"unitcashbox":{"cash":{"status":{"initial":{}}}}}}`, "", "", ""},
		{"acceptor", "Storage.EndExchange", ``, "", "", ""},
		{"printer", "Printer.GetQueryForm", `{"formName":"withdrawal"}`, "", "", `"amount"`},
		{"printer", "Printer.GetQueryForm", `{"formName":"none"}`, "commandErrorCode", "formNotFound", ""},
		{"printer", "Printer.GetQueryField", `{"formName":"withdrawal","fieldName":"pan"}`, "", "", `"static"`},
		{"printer", "Printer.GetQueryField", `{"formName":"withdrawal","fieldName":"none"}`, "commandErrorCode", "fieldNotFound", ""},
		{"printer", "Printer.GetMediaList", ``, "", "", `[]`},
		{"pinpad", "Crypto.Digest", `{"hashAlgorithm":"sha256","data":"YWJj"}`, "", "", `"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="`}, // FIPS 180-2, "abc"
		{"pinpad", "Crypto.Digest", `{"hashAlgorithm":"md5","data":"YWJj"}`, "unsupportedData", "", ""},
		{"pinpad", "Crypto.GenerateRandom", ``, "", "", `"randomNumber"`},
		{"pinpad", "PinPad.MaintainPin", `{"maintainPIN":true}`, "unsupportedData", "", ""},
		{"pinpad", "PinPad.GetQueryPCIPTSDeviceId", ``, "", "", `"szztzt598"`},
		{"pinpad", "KeyManagement.GetKeyDetail", ``, "", "", `"keyBlockInfo"`},
		{"pinpad", "KeyManagement.GetKeyDetail", `{"keyName":"none"}`, "commandErrorCode", "keyNotFound", ""},
		{"pinpad", "KeyManagement.GenerateKCV", `{"key":"none","keyCheckMode":"zero"}`, "commandErrorCode", "keyNotFound", ""},
		{"pinpad", "KeyManagement.GenerateKCV", `{"key":"none","keyCheckMode":"self"}`, "commandErrorCode", "modeNotSupported", ""},
	} {
		got := b.service(t, q.service).do(q.command, q.payload)
		if got.Header.CompletionCode != q.code || !strings.Contains(string(got.Payload), q.answer) || q.errorCode != "" && !strings.Contains(string(got.Payload), `"`+q.errorCode+`"`) {
			t.Errorf("%s %s: %+v %s", q.command, q.payload, got.Header, got.Payload)
		}
	}
	c := b.service(t, "cash")
	counted := func() string { return string(c.do("Storage.GetStorage", "").Payload) }
	before := counted()
	if got := c.do("CashDispenser.TestCashUnits", "").Header.CompletionCode; got != "" {
		t.Errorf("a test of the units: %q", got)
	}
	if after := counted(); after == before || !strings.Contains(after, `"rejected":{"typeCNY100":{"fit":1}}`) {
		t.Errorf("the note that the test took is not booked: %s", after)
	}
	if got := c.do("CashManagement.Reset", "").Header.CompletionCode; got != "" {
		t.Errorf("reset: %q", got)
	}
}
