package command

import (
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Finish prints the final report with the verdict in it and returns the exit
// status: that of a failure before that of a shortfall before that of a report
// that could not be written.
func Finish(rep *cli.Reporter, res *cli.Result, failed, short, reporting error) int {
	status := cli.ExitOK
	for _, err := range []error{failed, short} {
		if err == nil {
			continue
		}
		res.Errors = append(res.Errors, err.Error())
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
