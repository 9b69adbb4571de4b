// Command driverd is the driver process of every model: driverd <model>. The platform
// starts it through drivers/host; by hand use driverctl.
package main

import (
	"fmt"
	"os"

	"zhigui/drivers/models"
	"zhigui/drivers/sdk"
)

func main() {
	if !sdk.Started() || len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "driverd is started by the platform, one process for each device: driverd <model>")
		fmt.Fprintln(os.Stderr, "To try a device by hand: driverctl run <model> --port <path>")
		fmt.Fprintln(os.Stderr, "Models:")
		for _, m := range models.All() {
			fmt.Fprintf(os.Stderr, "  %-16s %s, %s\n", m.Name, m.Class, m.Maker)
		}
		os.Exit(2)
	}
	m, ok := models.Find(os.Args[1])
	if !ok {
		fmt.Fprintf(os.Stderr, "driverd: no model %q\n", os.Args[1])
		os.Exit(2)
	}
	sdk.Serve(m)
}
