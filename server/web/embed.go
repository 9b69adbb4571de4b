// Package web embeds the built pages of the console and the Pad. `make web` builds them into
// dist; a program compiled before that serves a page that says so.
package web

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// static has the start page and what stands in for pages that are not built.
//
//go:embed static
var static embed.FS

// Pages returns the pages: / leads to /console/ and /pad/.
func Pages() fs.FS {
	built, err1 := fs.Sub(dist, "dist")
	spare, err2 := fs.Sub(static, "static")
	if err := errors.Join(err1, err2); err != nil {
		panic(err) // the folders' names are constants
	}
	return layers{built, spare}
}

// layers opens a name in the first file system that has it.
type layers []fs.FS

func (l layers) Open(name string) (f fs.File, err error) {
	for _, x := range l {
		if f, err = x.Open(name); err == nil {
			return f, nil
		}
	}
	return nil, err
}
