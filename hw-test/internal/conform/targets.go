package conform

import "errors"

// config is what of the machine the user names.
type config struct {
	nics []string
}

// kinds are the names of the targets.
var kinds = []string{"vale", "pipe", "null", "sink", "veth", "native"}

// absence is the error of a target that this machine does not have. It is
// errors.ErrUnsupported.
type absence struct{ why string }

func (a absence) Error() string { return a.why }

func (a absence) Is(target error) bool { return target == errors.ErrUnsupported }
