package device

import (
	"slices"

	"zhigui/sim/device/ccnet"
	"zhigui/sim/device/crt288k"
	"zhigui/sim/device/crt350n"
	"zhigui/sim/device/crt591"
	"zhigui/sim/device/escp"
	"zhigui/sim/device/escpos"
	"zhigui/sim/device/gm65"
	"zhigui/sim/device/itlssp"
	"zhigui/sim/device/kmy3501"
	"zhigui/sim/device/lcdm2000"
	"zhigui/sim/device/lcdm4000"
	"zhigui/sim/device/megatec"
	"zhigui/sim/device/modbussiu"
	"zhigui/sim/device/omron3s4yr"
	"zhigui/sim/device/pr2"
	"zhigui/sim/device/r30x"
	"zhigui/sim/device/samv"
	"zhigui/sim/device/starline"
	"zhigui/sim/device/vtpanel"
	"zhigui/sim/device/xfscdm"
	"zhigui/sim/device/zt598"
)

// catalogue has one row for each model: its usual id, its baud rate, where its settings are
// in a Config, and how it is made.
var catalogue = []kind{
	row("crt350n", "card", 115200, func(c Config) *crt350n.Config { return c.Reader },
		func(c Config, s crt350n.Config) (*crt350n.Model, error) { return crt350n.New(c.StateDir, s) }),
	row("omron3s4yr", "card", 9600, func(c Config) *omron3s4yr.Config { return c.Omron },
		func(c Config, s omron3s4yr.Config) (*omron3s4yr.Model, error) { return omron3s4yr.New(c.StateDir, s) }),
	row("crt288k", "card", 9600, func(c Config) *crt288k.Config { return c.Dip },
		func(c Config, s crt288k.Config) (*crt288k.Model, error) { return crt288k.New(c.StateDir, s) }),
	row("crt591", "cards", 9600, func(c Config) *crt591.Config { return c.Cards },
		func(c Config, s crt591.Config) (*crt591.Model, error) { return crt591.New(c.StateDir, s) }),
	row("lcdm2000", "cash", 9600, func(c Config) *lcdm2000.Config { return c.Dispenser },
		func(c Config, s lcdm2000.Config) (*lcdm2000.Model, error) {
			return lcdm2000.New(c.StateDir, c.Clock, s)
		}),
	row("lcdm4000", "cash", 9600, func(c Config) *lcdm4000.Config { return c.Cash4 },
		func(c Config, s lcdm4000.Config) (*lcdm4000.Model, error) {
			return lcdm4000.New(c.StateDir, c.Clock, s)
		}),
	row("xfscdm", "cash", 0, func(c Config) *xfscdm.Config { return c.CashXFS },
		func(c Config, s xfscdm.Config) (*xfscdm.Model, error) {
			return xfscdm.New(c.StateDir, c.Clock, s)
		}),
	row("pr2", "passbook", 9600, func(c Config) *pr2.Config { return c.Passbook },
		func(c Config, s pr2.Config) (*pr2.Model, error) { return pr2.New(c.StateDir, s) }),
	row("kmy3501", "pinpad", 9600, func(c Config) *kmy3501.Config { return c.KMY },
		func(c Config, s kmy3501.Config) (*kmy3501.Model, error) { return kmy3501.New(c.StateDir, s) }),
	row("zt598", "pinpad", 9600, func(c Config) *zt598.Config { return c.PinPad },
		func(c Config, s zt598.Config) (*zt598.Model, error) { return zt598.New(c.StateDir, s) }),
	row("escpos", "printer", 115200, func(c Config) *escpos.Config { return c.Printer },
		func(c Config, s escpos.Config) (*escpos.Model, error) { return escpos.New(c.StateDir, s) }),
	row("escp", "statement", 19200, func(c Config) *escp.Config { return c.Statement },
		func(c Config, s escp.Config) (*escp.Model, error) { return escp.New(c.StateDir, s) }),
	row("starline", "printer", 9600, func(c Config) *starline.Config { return c.Star },
		func(c Config, s starline.Config) (*starline.Model, error) { return starline.New(c.StateDir, s) }),
	row("ccnet", "validator", 9600, func(c Config) *ccnet.Config { return c.Validator },
		func(c Config, s ccnet.Config) (*ccnet.Model, error) { return ccnet.New(c.StateDir, c.Clock, s) }),
	row("itlssp", "acceptor", 9600, func(c Config) *itlssp.Config { return c.Acceptor },
		func(c Config, s itlssp.Config) (*itlssp.Model, error) { return itlssp.New(c.StateDir, c.Clock, s) }),
	row("gm65", "scanner", 9600, func(c Config) *gm65.Config { return c.Scanner },
		func(c Config, s gm65.Config) (*gm65.Model, error) { return gm65.New(c.StateDir, s) }),
	row("modbussiu", "siu", 9600, func(c Config) *modbussiu.Config { return c.Sensors },
		func(c Config, s modbussiu.Config) (*modbussiu.Model, error) { return modbussiu.New(c.StateDir, s) }),
	row("megatec", "ups", 2400, func(c Config) *megatec.Config { return c.UPS },
		func(c Config, s megatec.Config) (*megatec.Model, error) { return megatec.New(c.StateDir, s) }),
	row("samv", "idreader", 115200, func(c Config) *samv.Config { return c.IDReader },
		func(c Config, s samv.Config) (*samv.Model, error) { return samv.New(c.StateDir, s) }),
	row("vtpanel", "panel", 9600, func(c Config) *vtpanel.Config { return c.Panel },
		func(c Config, s vtpanel.Config) (*vtpanel.Model, error) { return vtpanel.New(c.StateDir, s) }),
	row("r30x", "finger", 57600, func(c Config) *r30x.Config { return c.Finger },
		func(c Config, s r30x.Config) (*r30x.Model, error) { return r30x.New(c.StateDir, s) }),
}

// kind is one row of the catalogue.
type kind struct {
	model, id string
	baud      int
	// check validates the model's settings; given is false if the Config has none.
	check func(Config) (given bool, err error)
	build func(Config) (model, error)
}

func row[S interface{ Validate() error }, M model](name, id string, baud int, settings func(Config) *S, build func(Config, S) (M, error)) kind {
	return kind{model: name, id: id, baud: baud,
		check: func(c Config) (bool, error) {
			if s := settings(c); s != nil {
				return true, (*s).Validate()
			}
			return false, nil
		},
		build: func(c Config) (model, error) {
			var s S
			if p := settings(c); p != nil {
				s = *p
			}
			return build(c, s)
		},
	}
}

func find(name string) (kind, bool) {
	i := slices.IndexFunc(catalogue, func(k kind) bool { return k.model == name })
	if i < 0 {
		return kind{}, false
	}
	return catalogue[i], true
}

func modelNames() []string {
	out := []string{}
	for _, k := range catalogue {
		out = append(out, k.model)
	}
	slices.Sort(out)
	return out
}

func usualID(model string) string {
	k, _ := find(model)
	return k.id
}

// Models are the models that can be started, with their usual ids.
func Models() map[string]string {
	out := map[string]string{}
	for _, k := range catalogue {
		out[k.model] = k.id
	}
	return out
}
