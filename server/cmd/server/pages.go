package main

import (
	"io/fs"

	"zhigui/server/web"
)

// pages returns the built pages of the console and the Pad.
func pages() fs.FS { return web.Pages() }
