package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"zhigui/server/internal/store"
	"zhigui/server/internal/store/schema"
)

func schemaCheck(args []string) error {
	if len(args) > 0 {
		return errors.New("schema check takes no arguments")
	}
	for _, x := range schema.Exceptions {
		fmt.Printf("excepted: %s %s %s: %s\n", x.Rule, x.Table, x.Column, x.Reason)
	}
	fs := schema.Check(schema.Tables, schema.Exceptions)
	for _, f := range fs {
		fmt.Println(f)
	}
	if len(fs) > 0 {
		return fmt.Errorf("%d breaches", len(fs))
	}
	fmt.Printf("%d tables, no breach\n", len(schema.Tables))
	return nil
}

func schemaDDL(args []string) error {
	fs := flag.NewFlagSet("schema ddl", flag.ContinueOnError)
	engine := fs.String("engine", "postgres", "sqlite, mariadb or postgres")
	if err := fs.Parse(args); err != nil {
		return err
	}
	return store.Print(os.Stdout, *engine)
}
