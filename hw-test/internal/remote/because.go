package remote

import "fmt"

// because is what we say of an error in place of its own words, which would
// add nothing; it is still wrapped.
type because struct {
	text string
	err  error
}

func becausef(err error, format string, args ...any) error {
	return &because{fmt.Sprintf(format, args...), err}
}

func (b *because) Error() string { return b.text }
func (b *because) Unwrap() error { return b.err }
