package main

import "io/fs"

// pages returns the built pages of the console and the Pad. server/web embeds them and
// replaces this function's result; nil makes the server say how to build them.
func pages() fs.FS { return nil }
