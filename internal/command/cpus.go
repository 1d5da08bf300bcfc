package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/nic"
)

// cpus returns the CPUs that the threads are bound to, one each in turn, nil if
// to none.
func (c *Common) cpus() ([]int, error) {
	list, run, err := parseCPUs(c.CPUs)
	switch {
	case err != nil:
		return nil, err
	case c.Cores > 0 && len(list) > 0 && !run:
		return nil, cli.Usagef("-c, --cores: it goes with -a and a single CPU, the first of a run, not with the list %q", c.CPUs)
	case !run:
		return list, nil
	}
	for i := 1; i < engine.MaxQueues; i++ {
		list = append(list, list[0]+i)
	}
	if c.Cores > 0 {
		for i := range list {
			list[i] %= c.Cores
		}
	}
	return list, nil
}

// parseCPUs reads "0,2-3". A single number is the first of a run, as pkt-gen's
// -a is.
func parseCPUs(s string) (cpus []int, run bool, err error) {
	if s == "" {
		return nil, false, nil
	}
	const most = 1023
	for _, part := range strings.Split(s, ",") {
		lo, hi, isRange := strings.Cut(part, "-")
		a, err1 := strconv.ParseUint(lo, 10, 16)
		b, err2 := a, error(nil)
		if isRange {
			b, err2 = strconv.ParseUint(hi, 10, 16)
		}
		if err1 != nil || err2 != nil || b < a || b > most {
			return nil, false, cli.Usagef("-a, --cpu: %q is no list of CPUs like 0,2-3 (0 to %d)", s, most)
		}
		for n := a; n <= b; n++ {
			cpus = append(cpus, int(n))
		}
	}
	return cpus, len(cpus) == 1, nil
}

// Node returns the CPUs that the port's threads should keep to when -a does not
// bind them: those of the NUMA node that the interface is on, from whose memory
// and bus it takes the frames. It says so, and returns nil where there is
// nothing to choose.
func (c *Common) Node(info engine.Info, rep *cli.Reporter) []int {
	if c.CPUs != "" || info.Interface == "" {
		return nil
	}
	node, cpus := nic.Node(info.Interface)
	if len(cpus) > 0 {
		rep.Note("the threads keep to NUMA node %d, that of %s (%s); -a says otherwise", node, info.Interface, cpuWord(cpus))
	}
	return cpus
}

func cpuWord(cpus []int) string {
	if len(cpus) == 1 {
		return fmt.Sprintf("CPU %d", cpus[0])
	}
	return fmt.Sprintf("%d CPUs from %d on", len(cpus), cpus[0])
}
