package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Command prepares hw-test to run with args in a user namespace and a network
// namespace of its own.
func Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	cmd, err := carried.Command(ctx, "hw-test", args...)
	if err != nil {
		return nil, err
	}
	return cmd, netlab.InUserNS(cmd)
}

// NoArgs refuses arguments that are no flags, for a command without subcommands.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("%q is not a flag of %s", args[0], cmd.CommandPath())
	}
	return nil
}

// PrintJSON prints a report as one object.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the JSON report: %w", err)
	}
	return nil
}
