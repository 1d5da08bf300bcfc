package vm

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// consoleLines is how many of the console's last lines a failure shows: an oops
// with its register dump and call trace has about 60. After a panic it is the
// last ones before and as many after, for then the first say most.
const consoleLines = 60

// console keeps the last lines of what the machine prints. Its methods may be
// called from several goroutines.
type console struct {
	mu    sync.Mutex
	lines []string
	part  []byte
	panic string // the kernel's last words, if it panicked
	after int    // lines since then
}

// escapes are the terminal's control sequences, which firmware likes.
var escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[ -/]*[@-~]|[c78=>])`)

// Write never fails.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	for {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		// A line without end must not eat the memory.
		c.part = append(c.part, line[:min(len(line), max(0, 4096-len(c.part)))]...)
		if !found {
			return n, nil
		}
		c.add(string(c.part))
		c.part, p = c.part[:0], rest
	}
}

func (c *console) add(line string) {
	if line = plain(line); line == "" {
		return
	}
	switch {
	case c.panic == "" && len(c.lines) == consoleLines:
		c.lines = append(c.lines[:0], c.lines[1:]...)
	case c.panic != "":
		if c.after++; c.after > consoleLines {
			return
		}
	}
	c.lines = append(c.lines, line)
	if _, why, ok := strings.Cut(line, "Kernel panic - not syncing: "); ok && c.panic == "" {
		c.panic = why
	}
}

func plain(line string) string {
	line = escapes.ReplaceAllString(line, "")
	return strings.TrimRight(strings.ToValidUTF8(strings.ReplaceAll(line, "\r", ""), "?"), " ")
}

// tail is the last lines, each behind a newline and two blanks, or a remark
// that there are none.
func (c *console) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	if part := plain(string(c.part)); part != "" {
		lines = append(lines[:len(lines):len(lines)], part)
	}
	if len(lines) == 0 {
		return "; its console is empty"
	}
	return "; its console's last lines:\n  " + strings.Join(lines, "\n  ")
}

// panicked is the kernel's last words, if it panicked.
func (c *console) panicked() (why string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.panic, c.panic != ""
}
