package link

import (
	"context"
	"net/http"
	"testing"
	"time"

	"zhigui/server/api/message"
)

func FuzzWhatACarrierSaysOfTheTimeLeft(f *testing.F) {
	f.Add("500", "", int64(0))
	f.Add("-1", "5", int64(-3600_000))
	f.Add("999999999999", "", int64(3600_000))
	f.Fuzz(func(t *testing.T, one, two string, age int64) {
		h := http.Header{TimeLeftHeader: {one}}
		if two != "" {
			h.Add(TimeLeftHeader, two)
		}
		at := time.Now().Add(time.Duration(age%86_400_000) * time.Millisecond)
		r := ReceiptOf(receivedHTTP(context.WithValue(t.Context(), tellKey{}, true), at, h))
		if r == nil || !r.Said || r.At.After(time.Now()) || r.Left < 0 || r.Left > message.MostTimeLeft || r.Bad && r.Left != 0 || two != "" && !r.Bad {
			t.Fatalf("%+v", r)
		}
	})
}

func TestAPeerIsToldOnlyOfWhatMayBeRefusedAndOnlyWhatIsLeft(t *testing.T) {
	if left, over := telling(t.Context()); left != "" || over {
		t.Error(left, over)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if left, over := telling(ctx); left != "" || over {
		t.Error("not asked to, and yet:", left, over)
	}
	if left, over := telling(Telling(ctx)); left != "600000" || over {
		t.Error(left, over)
	}
	gone, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if left, over := telling(Telling(gone)); left != "0" || !over {
		t.Error(left, over)
	}
}
