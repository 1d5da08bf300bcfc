package vm

import (
	"fmt"
	"strings"
)

// A step is one command of a script and the operator before it.
//
//	a && b || c & d ; e
//	───────────   ─   ─
//	    job      job job      a job's last step says whether it is for the
//	                          background
type step struct {
	op   operator
	argv []string
}

type operator int

const (
	opFirst operator = iota // the job's first command
	opAnd                   // run if the one before succeeded
	opOr                    // run if the one before failed
)

// A job is commands joined by && and ||, evaluated from left to right as the
// shell does.
type job struct {
	steps      []step
	background bool
}

// parseScript reads a command line as --run takes it: a small part of what
// sh(1) reads. Words are separated by blanks. Single quotes keep everything,
// double quotes all but a backslash before one of "\$`, outside of them a
// backslash keeps the next character. Commands are joined by && and ||, and
// jobs ended by ; or a newline or, for the background, by &.
//
// What a shell does beyond that is an error where it is not quoted, rather
// than an argument that the user did not mean: | < > ( ) $ and `. Other
// characters stand for themselves, for they have a meaning in port names:
// * { } ^ ? [ ~ #.
func parseScript(s string) ([]job, error) {
	p := &parser{text: s}
	if err := p.run(); err != nil {
		return nil, err
	}
	if len(p.jobs) == 0 {
		return nil, fmt.Errorf("there is no command in %q", s)
	}
	return p.jobs, nil
}

type parser struct {
	text string
	jobs []job

	current job      // the job being read
	op      operator // before the command being read
	argv    []string // the command being read
	word    strings.Builder
	inWord  bool // a word may be empty: ''
}

func (p *parser) run() error {
	for i := 0; i < len(p.text); i++ {
		c := p.text[i]
		next := byte(0)
		if i+1 < len(p.text) {
			next = p.text[i+1]
		}
		var err error
		switch c {
		case ' ', '\t', '\r':
			p.endWord()
		case '\'', '"':
			i, err = p.quoted(i)
		case '\\':
			if i++; i == len(p.text) {
				return fmt.Errorf("%q ends with a backslash", p.text)
			}
			p.put(next)
		case '&', '|':
			switch {
			case c == next:
				i++
				err = p.endCommand(map[byte]operator{'&': opAnd, '|': opOr}[c])
			case c == '&':
				err = p.endJob(true, "&")
			default:
				err = p.needsShell(c)
			}
		case ';':
			err = p.endJob(false, ";")
		case '\n':
			// An empty line is nothing, and a line may end after && and ||.
			p.endWord()
			if len(p.argv) > 0 {
				err = p.endJob(false, "newline")
			}
		case '<', '>', '(', ')', '$', '`':
			err = p.needsShell(c)
		default:
			p.put(c)
		}
		if err != nil {
			return err
		}
	}
	p.endWord()
	if len(p.argv) == 0 && p.op == opFirst {
		return nil
	}
	return p.endJob(false, "end")
}

func (p *parser) needsShell(c byte) error {
	return fmt.Errorf("%q in %q is for a shell: quote it, or bring a shell (--include /usr/bin/busybox --run \"sh -c '…'\")", c, p.text)
}

func (p *parser) put(c byte) {
	p.word.WriteByte(c)
	p.inWord = true
}

// quoted reads the quoted part that begins at i and returns where it ends.
func (p *parser) quoted(i int) (int, error) {
	quote := p.text[i]
	p.inWord = true
	for i++; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == quote:
			return i, nil
		case quote == '\'':
			p.put(c)
		case c == '$' || c == '`':
			return i, p.needsShell(c)
		case c == '\\' && i+1 < len(p.text) && strings.IndexByte("\"\\$`", p.text[i+1]) >= 0:
			i++
			p.put(p.text[i])
		default:
			p.put(c)
		}
	}
	return i, fmt.Errorf("the quote %c in %q is not closed", quote, p.text)
}

func (p *parser) endWord() {
	if p.inWord {
		p.argv = append(p.argv, p.word.String())
		p.word.Reset()
		p.inWord = false
	}
}

// endCommand ends a command; next is the operator after it.
func (p *parser) endCommand(next operator) error {
	p.endWord()
	if len(p.argv) == 0 {
		sign := map[operator]string{opAnd: "&&", opOr: "||"}[next]
		return fmt.Errorf("there is no command before the %s in %q", sign, p.text)
	}
	p.current.steps = append(p.current.steps, step{p.op, p.argv})
	p.op, p.argv = next, nil
	return nil
}

func (p *parser) endJob(background bool, sign string) error {
	p.endWord()
	if len(p.argv) == 0 {
		if sign == "end" {
			return fmt.Errorf("%q ends where a command is missing", p.text)
		}
		return fmt.Errorf("there is no command before the %s in %q", sign, p.text)
	}
	if err := p.endCommand(opFirst); err != nil {
		return err
	}
	p.current.background = background
	p.jobs = append(p.jobs, p.current)
	p.current = job{}
	return nil
}
