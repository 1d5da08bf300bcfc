package results

import (
	"errors"
	"slices"
	"syscall"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// Of is the verdict of a case that an error kept from having a result: Skipped
// where the system lacks what it takes, else Invalid.
func Of(err error) Verdict {
	for _, lacks := range []error{errors.ErrUnsupported, syscall.EAFNOSUPPORT, syscall.EPROTONOSUPPORT, syscall.ENOPROTOOPT} {
		if errors.Is(err, lacks) {
			return Skipped
		}
	}
	return Invalid
}

// Order has all verdicts, what is worst first: what decides about the exit
// status, then what tells least about the device.
var Order = []Verdict{Failed, Unfinished, Invalid, Limited, None, Skipped, Passed}

// Worst is the worst of some verdicts, "" of none.
func Worst(verdicts ...Verdict) Verdict {
	for _, v := range Order {
		if slices.Contains(verdicts, v) {
			return v
		}
	}
	return ""
}

// Status is the exit status of a suite with cases of these verdicts. Broke
// tells that a program or the environment did, which is more than that a figure
// is missing.
func Status(broke bool, verdicts ...Verdict) int {
	status := cli.ExitOK
	for _, v := range verdicts {
		switch v {
		case Passed:
		case Failed, Unfinished:
			return cli.ExitFailed
		default:
			status = cli.ExitShort
		}
	}
	if broke {
		return cli.ExitFailed
	}
	return status
}
