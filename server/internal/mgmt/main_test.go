package mgmt_test

import (
	"os"
	"testing"

	"zhigui/sim/dbserver/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }
