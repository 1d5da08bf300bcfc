package manual

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestMarkdown(t *testing.T) {
	const text = "One *two* <three> _four_ [x] `y` \\z\nand more:\n  a   table\n\n    of * two\nEnd.\n  last"
	const want = "One \\*two\\* \\<three> \\_four\\_ \\[x] \\`y\\` \\\\z\nand more:\n" +
		"\n```\n  a   table\n\n    of * two\n\n```\nEnd.\n\n```\n  last\n```\n"
	if got := markdown(text); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestPages has a root with a subcommand and a program, and one of each kind
// that has no page.
func TestPages(t *testing.T) {
	flags := pflag.NewFlagSet("prog", pflag.ContinueOnError)
	flags.StringP("port", "i", "", "the `port`")
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "root", Short: "it is the root", Run: run}
	root.AddCommand(
		Command(func() []Program { return []Program{{"prog", "it is a program", "Before.", "\nAfter *all*.\n", flags}} }),
		&cobra.Command{Use: "prog", Run: run, DisableFlagParsing: true},
		&cobra.Command{Use: "secret", Run: run, Hidden: true},
	)
	root.CompletionOptions.DisableDefaultCmd = true
	dir := filepath.Join(t.TempDir(), "new")
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	var names []string
	pages := map[string]string{}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names, pages[e.Name()] = append(names, e.Name()), string(b)
	}
	if got := strings.Join(names, " "); got != "prog.1 root-man.1 root.1" {
		t.Error(got)
	}
	for page, wants := range map[string][]string{
		"root.1":     {`.TH "ROOT" "1"`, "it is the root", "root-man(1)"},
		"root-man.1": {"Exit status:", "  2    the command line is wrong", "EXAMPLE"},
		"prog.1":     {`.TH "PROG" "1"`, "Before.", "After *all*", "--port", "the \\fBport"},
	} {
		for _, want := range wants {
			if !strings.Contains(strings.ReplaceAll(pages[page], `\-`, "-"), want) {
				t.Errorf("%s lacks %q:\n%s", page, want, pages[page])
			}
		}
	}
	for _, args := range [][]string{{"man"}, {"man", dir, dir}} {
		root.SetArgs(args)
		root.SilenceErrors, root.SilenceUsage = true, true
		if err := root.Execute(); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
