package messagelog

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

var errCut = errors.New("the last line is cut off")

// line is an entry as it stands in a file.
type line struct {
	number int64
	sealed string
	hash   string
}

// walked is how far a file is good.
type walked struct {
	before string // hash of the entry before its first
	number int64  // its last good entry
	end    int64  // bytes up to its end
}

// walk reads a file and follows its chain.
func walk(name string, f func(line) error) (g walked, err error) {
	file, err := open(name)
	if err != nil {
		return g, err
	}
	defer file.Close() //nolint:errcheck // reading
	r := bufio.NewReaderSize(file, 64<<10)
	base := filepath.Base(name)
	hash := ""
	for at := 1; ; at++ {
		text, err := r.ReadString('\n')
		if err == io.EOF && text == "" {
			return g, nil
		}
		if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) { // the second: of a compressed file
			return g, fmt.Errorf("%s:%d: %w", base, at, errCut)
		}
		if err != nil {
			return g, err
		}
		body := strings.TrimSuffix(text, "\n")
		if at == 1 {
			before, ok := strings.CutPrefix(body, header)
			if !ok || len(before) != len(start) {
				return g, fmt.Errorf("%s:1: is no message log", base)
			}
			g.before, hash = before, before
			g.end += int64(len(text))
			continue
		}
		part := strings.LastIndexByte(body, ' ')
		words := strings.Fields(body)
		if part < 0 || len(words) != 4 || link(hash, body[:part]) != words[3] {
			return g, fmt.Errorf("%s:%d: the chain breaks here: changed, or something before it is missing", base, at)
		}
		n, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil || g.number > 0 && n != g.number+1 {
			return g, fmt.Errorf("%s:%d: entry %s after %d", base, at, words[0], g.number)
		}
		hash, g.number = words[3], n
		g.end += int64(len(text))
		if err := f(line{n, words[2], hash}); err != nil {
			return g, err
		}
	}
}

// Verify follows the chain of a folder through all its files and answers how many entries it has, and the
// first thing that is wrong. anchors are hashes by entry, as they were kept elsewhere.
func Verify(dir string, anchors map[int64]string) (entries int64, err error) {
	files, err := Files(dir)
	if err != nil {
		return 0, err
	}
	hash, last := "", int64(0)
	for i, name := range files {
		before := hash
		g, err := walk(name, func(x line) error {
			if last > 0 && x.number != last+1 {
				return fmt.Errorf("%s: entry %d follows %d", filepath.Base(name), x.number, last)
			}
			if want := anchors[x.number]; want != "" && want != x.hash {
				return fmt.Errorf("%s: entry %d is not the one that was there: the log was written again", filepath.Base(name), x.number)
			}
			hash, last = x.hash, x.number
			entries++
			return nil
		})
		if err != nil {
			return entries, err
		}
		if i > 0 && g.before != before {
			return entries, fmt.Errorf("%s does not follow the file before it", filepath.Base(name))
		}
		if g.number == 0 {
			hash = g.before
		}
	}
	for n := range anchors {
		if n > last {
			return entries, fmt.Errorf("entry %d was there, and the log ends with %d: its end is cut off", n, last)
		}
	}
	return entries, nil
}

// Read opens the entries of a folder, oldest first, and gives them to f.
func Read(dir string, s Sealer, f func(number int64, e Entry) error) error {
	files, err := Files(dir)
	if err != nil {
		return err
	}
	for _, name := range files {
		_, err := walk(name, func(x line) error {
			sealed, err := base64.StdEncoding.DecodeString(x.sealed)
			if err != nil {
				return fmt.Errorf("entry %d: %w", x.number, err)
			}
			plain, err := s.Open(nil, sealed, aad(x.number))
			if err != nil {
				return fmt.Errorf("entry %d: %w", x.number, err)
			}
			var e Entry
			if err := json.Unmarshal(plain, &e); err != nil {
				return fmt.Errorf("entry %d: %w", x.number, err)
			}
			return f(x.number, e)
		})
		if err != nil && !errors.Is(err, errCut) {
			return err
		}
	}
	return nil
}
