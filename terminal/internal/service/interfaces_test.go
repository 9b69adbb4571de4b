package service

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/terminal/api/xfs"
)

func TestCapabilitiesListInterfacesCommandsAndVersionsAsTheStandardSpellsThem(t *testing.T) {
	nothing := func(context.Context, *Call) api.Completion { return Done(nil) }
	s := &Service{Name: "dev",
		Commands: map[string]Command{"CardReader.ReadRawData": {Handle: nothing}, "X-IdCard.Read": {Handle: nothing}},
		Dynamic:  func() map[string]Command { return map[string]Command{"Storage.GetStorage": {Handle: nothing}} },
		Capabilities: func(context.Context) api.Completion {
			return Done(map[string]any{"cardReader": map[string]any{"type": "dip"}})
		},
	}
	done := s.capabilities(t.Context(), nil)
	for _, p := range xfs4iot.Check("completion", "Common.Capabilities", done.Payload) {
		t.Error(p)
	}
	var got struct {
		Interfaces []iface
		CardReader map[string]string
	}
	if err := json.Unmarshal(done.Payload, &got); err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, i := range got.Interfaces {
		names += i.Name + " "
		switch i.Name {
		case "cardReader":
			if v := fmt.Sprint(i.Commands["ReadRawData"].Versions); v != "[2.0 3.0]" || len(i.Events["MediaRemovedEvent"].Versions) != 1 {
				t.Errorf("cardReader: %+v", i)
			}
		case "X-IdCard":
			if len(i.Events) != 0 || len(i.Commands) != 1 {
				t.Errorf("%+v", i)
			}
		}
	}
	if names != "cardReader common storage X-IdCard " || got.CardReader["type"] != "dip" {
		t.Errorf("%q %v", names, got.CardReader)
	}
}

func TestSetVersionsRefusesByNameWhatIsNotSpoken(t *testing.T) {
	r := serve(t, Config{})
	c := r.client()
	for i, tt := range []struct {
		payload string
		want    api.CompletionCode
	}{
		{`{"commands":{"CardReader.ReadRawData":3}}`, ""},
		{`{"commands":{"CardReader.ReadRawData":2},"events":{"Common.StatusChangedEvent":3}}`, ""},
		{`{"commands":{"CardReader.ReadRawData":4}}`, api.UnsupportedData},
		{`{"events":{"Common.StatusChangedEvent":1}}`, api.UnsupportedData},
	} {
		c.send(fmt.Sprintf(`{"header":{"type":"command","name":"Common.SetVersions","requestId":%d},"payload":%s}`, i+1, tt.payload))
		c.expect(xfs.TypeAcknowledge)
		if m := c.expect(xfs.TypeCompletion); m.Header.CompletionCode != tt.want {
			t.Errorf("%s: %+v", tt.payload, m.Header)
		}
	}
}
