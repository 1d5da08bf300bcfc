package compare

import (
	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const about = `Hold the results of runs against those of others, the baseline, and say what got worse.

Each argument is one group of runs: a directory of results, as the suites leave them, or a directory
that holds such directories. Where a group is several arguments, -- is between the groups. The first
group is the baseline A; each other one is held against it.

What differs besides the figures comes first: preflight, host, build. Then, for each figure, there
is the median of each group with its median absolute deviation (MAD), and the verdict:
  regression   the medians differ by more than --threshold, for the worse, and not by chance
  improvement  the same for the better
  same         the figures differ by less than the threshold, and that is not by chance either
  unclear      neither is certain enough

Chance is judged by ranks (Mann-Whitney U test), which asks for no particular distribution: a run
far off does no harm. The confidence of regressions and improvements is over all figures of all
groups together (Holm's correction): if nothing has changed, --confidence 95 has one call in 20 at
most report any of either. So it takes runs: 10 each are enough for 4000 figures, 6 each for 20, and
one run against one shows a difference but never a verdict. That of "same" is of each figure alone.
Runs are taken for independent of each other: what changes with time, such as other load, should
fall on all groups, so take turns with the builds.

A case counts as what most of its runs ended as. One that had passed and now mostly does not is a
regression, too, also if it is now skipped or invalid. Runs of a case that are invalid, skipped or
unfinished have no figures. Figures on one side only are listed.

Suites that were told to measure otherwise (settings, environment) are not compared without --force.
A threshold below two search widths (throughput --width, 0.5 percent each) reports what the search
leaves open.`

const example = `  for b in old new; do ./$b/hw-test throughput --quick --results runs/$b; done     # ten times
  hw-test compare runs/old runs/new
  cd ~/.local/state/ringwalk/results && hw-test compare 20261127T* -- 20261128T*
  hw-test compare --threshold 2 --json runs/old runs/new | jq '.comparisons[].figures[] | .verdict'`

const statuses = `
Exit status:
  0    no regression was found
  1    results could not be read
  2    the command line is wrong, or what it names is not to be compared
  3    there is a regression
`

type options struct {
	threshold  float64 // percent
	confidence float64 // percent
	force      bool
	json       bool
}

// Command makes the subcommand compare, which leaves its exit status in
// *status.
func Command(status *int) *cobra.Command {
	o := options{threshold: 5, confidence: 95}
	cmd := &cobra.Command{
		Use: "compare BASE NEW…", Short: "say what got worse since a baseline", Long: about, Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.confidence < 50 || o.confidence > 99.999 {
				return cli.Usagef("--confidence: %v is not from 50 to 99.999 percent", o.confidence)
			}
			lists, err := split(args, cmd.ArgsLenAtDash())
			if err != nil {
				return err
			}
			groups, err := load(lists)
			if err != nil {
				return err
			}
			r, err := compare(groups, Limit{o.threshold / 100, o.confidence / 100}, o.force)
			if err != nil {
				return err
			}
			*status = r.ExitStatus
			if o.json {
				return bench.PrintJSON(cmd.OutOrStdout(), r)
			}
			r.print(cmd.OutOrStdout())
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(cli.PercentValue(&o.threshold), "threshold", "the change that counts, in `percent` of the baseline's median")
	f.Var(cli.PercentValue(&o.confidence), "confidence", "how certain a verdict is to be, in `percent`")
	f.BoolVar(&o.force, "force", false, "compare although suites were told to measure in another way")
	f.BoolVar(&o.json, "json", false, "as one JSON object on standard output")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}
