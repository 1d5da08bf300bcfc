// Package manual is hw-test's subcommand man: manual pages made from the help
// texts, by cobra, which also makes the completion for shells.
//
//	cobra commands ── -h texts, flags ──▶ markdown ──▶ DIR/hw-test-throughput.1
//	pktgen, rcv ───── the same ─────────────────────▶ DIR/pktgen.1, DIR/rcv.1
//
// There is no other source for them, so they say what the programs do.
package manual

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// A Program is another program of ours that gets a page.
type Program struct {
	Name, Short string
	// About and More are its help text before and behind the flags.
	About, More string
	Flags       *pflag.FlagSet
}

const about = `Write manual pages (section 1) into DIR: of hw-test and each of its subcommands, of pktgen and of
rcv. They are the help texts once more. Pages of the same name are written over.`

const example = `  hw-test man build/man && man -l build/man/pktgen.1`

const statuses = `
Exit status:
  0    the pages are there
  1    they could not be written
  2    the command line is wrong
`

// Command makes the subcommand man. Programs is called when it runs.
func Command(programs func() []Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "man DIR", Short: "write manual pages", Long: about, Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usagef("%s wants one directory", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make the directory for manual pages: %w", err)
			}
			list := []*cobra.Command{cmd.Root()}
			for _, p := range programs() {
				c := &cobra.Command{Use: p.Name, Short: p.Short, Long: p.About + "\n" + p.More, Run: func(*cobra.Command, []string) {}}
				c.Flags().SortFlags = false
				c.Flags().AddFlagSet(p.Flags)
				list = append(list, c)
			}
			for _, c := range list {
				if err := write(c, args[0]); err != nil {
					return fmt.Errorf("write manual pages: %w", err)
				}
			}
			return nil
		},
	}
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// write writes the pages of a command and those below. It changes their texts.
func write(c *cobra.Command, dir string) error {
	date := built()
	prepare(c)
	return doc.GenManTreeFromOpts(c, doc.GenManTreeOptions{
		Header:           &doc.GenManHeader{Section: "1", Date: &date, Source: "ringwalk " + cli.Version(), Manual: "ringwalk"},
		Path:             dir,
		CommandSeparator: "-",
	})
}

// built is when the build's commit was made, so that pages of one build are the
// same; today where that is not known.
func built() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				return t
			}
		}
	}
	return time.Now()
}

// prepare makes help texts into what cobra takes for markdown. The exit
// statuses are what a command has added to cobra's usage. A command whose flags
// cobra does not know is a program with a page of its own.
func prepare(c *cobra.Command) {
	c.Hidden = c.Hidden || c.DisableFlagParsing
	more := strings.TrimPrefix(c.UsageTemplate(), new(cobra.Command).UsageTemplate())
	long := c.Long
	if long == "" {
		long = c.Short
	}
	c.Long = markdown(long + "\n" + more)
	c.DisableAutoGenTag = true
	for _, below := range c.Commands() {
		prepare(below)
	}
}

// markdown keeps lines that are indented as they are, and the rest from being
// taken for markup.
func markdown(text string) string {
	var b strings.Builder
	verbatim := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, "  ")
		if line != "" && indented != verbatim {
			verbatim = indented
			b.WriteString("\n```\n")
		}
		if line == "" || verbatim {
			b.WriteString(line + "\n")
			continue
		}
		b.WriteString(escape.Replace(line) + "\n")
	}
	if verbatim {
		b.WriteString("```\n")
	}
	return b.String()
}

var escape = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "`", "\\`")
