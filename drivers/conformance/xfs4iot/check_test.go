package xfs4iot

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPayloadsAreComparedWithTheStandard(t *testing.T) {
	for _, tt := range []struct {
		name, kind, message, payload string
		want                         []string
	}{
		{"a good completion", "completion", "CardReader.ReadRawData", `{"track2":{"status":"dataMissing"}}`, nil},
		{"an unknown member", "completion", "CardReader.ReadRawData", `{"track9":{}}`, []string{`CardReader.ReadRawData: the standard has no member "track9"`}},
		{"an extension", "completion", "CardReader.ReadRawData", `{"X-slot":1}`, nil},
		{"a wrong enum", "unsolicited", "Common.StatusChangedEvent", `{"common":{"device":"fine"}}`,
			[]string{"Common.StatusChangedEvent.common.device: fine is none of [online offline powerOff noDevice hardwareError userError deviceBusy fraudAttempt potentialFraud starting]"}},
		{"a wrong type", "command", "CardReader.ReadRawData", `{"track1":"yes"}`, []string{"CardReader.ReadRawData.track1: yes is no boolean"}},
		{"an unknown message", "command", "CardReader.Eat", `{}`, []string{"CardReader.Eat is no message of XFS4IoT 2024-3"}},
		{"an event that is none", "event", "CardReader.ReadRawData", `{}`, []string{"CardReader.ReadRawData is no event"}},
		{"an extension's message", "command", "X-IdCard.Read", `{"a":1}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Check(tt.kind, tt.message, []byte(tt.payload))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
