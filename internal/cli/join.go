package cli

import "fmt"

// Join makes one sentence of errors, with "; " between; nil is none. It wraps
// them all, as errors.Join does, which puts each on a line.
func Join(list ...error) (all error) {
	for _, err := range list {
		switch {
		case err == nil:
		case all == nil:
			all = err
		default:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}
