package command

import (
	"slices"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// finish prints the final report with the verdict in it and returns the exit
// status: that of a failure before that of a shortfall before that of a report
// that could not be written.
func finish(rep *cli.Reporter, res *cli.Result, failed, short, reporting error) int {
	status := cli.ExitOK
	for _, err := range []error{failed, short} {
		if err == nil {
			continue
		}
		for _, s := range sentences(err) {
			// All queues of an interface may have failed of one cause.
			if !slices.Contains(res.Errors, s) {
				res.Errors = append(res.Errors, s)
			}
		}
		if status == cli.ExitOK {
			status = cli.Status(err)
		}
	}
	res.ExitStatus = &status
	if err := rep.Final(res); reporting == nil {
		reporting = err
	}
	if reporting != nil {
		rep.Note("%v", reporting)
		if status == cli.ExitOK {
			return cli.Status(reporting)
		}
	}
	return status
}

// sentences takes apart what errors.Join has joined.
func sentences(err error) (list []string) {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		if _, status := err.(*cli.StatusError); !status {
			for _, e := range j.Unwrap() {
				list = append(list, sentences(e)...)
			}
			return list
		}
	}
	return []string{err.Error()}
}
