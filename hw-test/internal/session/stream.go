package session

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// Stdout as Options.Results has Send write what was found to standard output as
// an archive. A run in a virtual machine, which keeps nothing, says so.
const Stdout = "-"

// Base is the directory below which results go, or results.NoDir, or Stdout.
func (o *Options) Base() string {
	if o.Results == "" {
		return results.Base()
	}
	return o.Results
}

// create makes the directory for results, if there is to be one.
func (s *Session) create(base, name string) (err error) {
	switch base {
	case results.NoDir:
		return nil
	case Stdout:
		if s.temporary, err = os.MkdirTemp("", "hw-test-results-"); err != nil {
			return fmt.Errorf("make a directory for results: %w", err)
		}
		base = s.temporary
	}
	s.dir, err = results.Create(base, name, s.Start)
	return err
}

// Send writes the directory to w and removes it, if results go to standard
// output. It is called after Finish.
func (s *Session) Send(w io.Writer) error {
	if s.temporary == "" {
		return nil
	}
	return errors.Join(s.dir.Tar(w), os.RemoveAll(s.temporary))
}
