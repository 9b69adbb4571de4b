package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"zhigui/drivers/internal/scaffold"
)

// create is driverctl new: it makes the beginning of a driver in the module around the
// working folder.
func create(args []string, out io.Writer) error {
	if len(args) != 3 {
		return fmt.Errorf("want: driverctl new <class> <maker> <model>; classes: %s", strings.Join(scaffold.Classes(), ", "))
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	root, err := scaffold.Root(dir)
	if err != nil {
		return err
	}
	m, err := scaffold.New(root, args[0], args[1], args[2])
	if err != nil {
		return err
	}
	for _, f := range m.New {
		fmt.Fprintln(out, "new     ", f)
	}
	for _, f := range m.Changed {
		fmt.Fprintln(out, "one row ", f)
	}
	fmt.Fprintf(out, "\nnext: go test ./drivers/models/%[1]s ./sim/device/%[2]s && make conform ARGS=%[1]s\nthen write the device's own bytes into drivers/models/%[1]s/README.md (docs/tutorial-driver.md)\n", m.Pkg, m.Sim)
	return nil
}
