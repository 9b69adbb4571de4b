package mgmt_test

import (
	"os"
	"testing"

	"zhigui/server/internal/store/peer"
)

func TestMain(m *testing.M) { os.Exit(peer.Main(m)) }
