package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
)

// fault is a file of a host's TMPDIR that says what its agents do instead of
// their work.
const fault = "fault"

// TestMain makes the test binary what hw-test is on a host, and the programs
// below by their names.
func TestMain(m *testing.M) {
	switch name := sshtest.Program(os.Args[0]); {
	case name == "hw-test":
		os.Exit(hwTest(os.Args[1:]))
	case plays[name] != nil:
		plays[name](os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func hwTest(args []string) int {
	word, _ := os.ReadFile(filepath.Join(os.TempDir(), fault))
	switch {
	case args[0] == "--version": // to see that a copy starts
		return 0
	case args[0] == "agent" && string(word) == "dies":
		fmt.Fprintln(os.Stderr, "panic: says a test")
		return 2
	case args[0] == "agent" && string(word) == "babbles":
		fmt.Println(strings.Repeat("no gob at all ", 1000))
		time.Sleep(time.Hour)
	}
	root := &cobra.Command{SilenceUsage: true}
	root.AddCommand(Command(), remote.SuperviseCommand())
	root.SetArgs(args)
	if root.Execute() != nil {
		return 1
	}
	return 0
}

var plays = map[string]func(args []string){
	// play-leave changes an interface for its time, which is over too soon.
	"play-leave": func(args []string) {
		r := preflight.Run(context.Background(), []preflight.Port{{Spec: "packet:" + args[0]}}, nil)
		f, notes, err := preflight.Fix(context.Background(), r, nil)
		fmt.Println(len(f.Settings), notes, err)
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	},
	// play-preflight is the command.
	"play-preflight": func(args []string) {
		status := 0
		c := preflight.Command(&status, Reach)
		c.SilenceErrors, c.SilenceUsage = true, true
		c.SetArgs(args)
		fmt.Println(c.Execute())
	},
	// play-connect says what it finds of the hosts of a lab's first path.
	"play-connect": func(args []string) {
		l, err := lab.Load(args[0])
		if err != nil {
			fmt.Println(err)
			return
		}
		hosts, err := Connect(context.Background(), l, l.Paths()[:1])
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, m := range hosts.Machines() {
			fmt.Println(m.Name, m.Host.OS)
		}
		for _, n := range l.Nodes {
			fmt.Println(n.Name, n.Ports[0].Interface)
		}
		fmt.Println(hosts.Close())
	},
}
