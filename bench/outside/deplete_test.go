package outside

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// req: X-06
func TestAnOutsideClientEmptiesTheStoreOfARecycler(t *testing.T) {
	b := branch.Start(t, "", scene.Options{Zone: "3des", Also: []string{"acceptor"}, Acceptor: scene.Recycler})
	c := &counter{Branch: b, url: b.Desk.XFS + "/xfs4iot/v1.0", token: b.Token("xfs"), devices: b.Desk.Devices}
	acceptor := c.service(t, "acceptor")
	var units struct {
		DepleteSources []struct{ CashUnitSource string }
	}
	if err := robot.Until(30*time.Second, func() error {
		got := acceptor.do("CashAcceptor.GetDepleteSource", `{"cashUnitTarget":"unitcashbox"}`)
		if err := json.Unmarshal(got.Payload, &units); err != nil || len(units.DepleteSources) == 0 { // the device has not said yet what it holds
			return fmt.Errorf("%+v %s", got.Header, got.Payload)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var sources []map[string]string
	for _, u := range units.DepleteSources {
		sources = append(sources, map[string]string{"source": u.CashUnitSource})
	}
	order, err := json.Marshal(map[string]any{"depleteSources": sources, "cashUnitTarget": "unitcashbox"})
	if err != nil {
		t.Fatal(err)
	}
	done := acceptor.do("CashAcceptor.Deplete", string(order))
	const want = `"depleteSourceResults":[{"cashUnitSource":"unit100CNY1","cashItem":"type100CNY1","numberOfItemsRemoved":5},{"cashUnitSource":"unit20CNY1","cashItem":"type20CNY1","numberOfItemsRemoved":3}]`
	if done.Header.CompletionCode != "" || !strings.Contains(string(done.Payload), want) || !strings.Contains(string(done.Payload), `"numberOfItemsReceived":8`) {
		t.Fatalf("%+v %s", done.Header, done.Payload)
	}
	box := string(acceptor.do("Storage.GetStorage", "").Payload)
	if !strings.Contains(box, `"type100CNY1":{"fit":5}`) || !strings.Contains(box, `"X-count":8`) || !strings.Contains(box, `"accurate"`) || strings.Contains(box, `"inaccurate"`) {
		t.Error(box)
	}
	if done := acceptor.do("CashAcceptor.Deplete", string(order)); done.Header.CompletionCode != "" || strings.Contains(string(done.Payload), "unit100CNY1") {
		t.Errorf("an empty store: %+v %s", done.Header, done.Payload)
	}
}
