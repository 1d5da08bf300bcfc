package preflight

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ringwalk/ringwalk/internal/nic"
)

func (l *portLook) checkNUMA(c Check) Check {
	nodes, ok := l.m.cpus("sys/devices/system/node/online")
	if l.pci == "" {
		return c.skip("the device is on no PCI bus")
	}
	if !ok || len(nodes) < 2 {
		return c.pass("the machine has one node")
	}
	node, err := strconv.Atoi(l.m.read(l.pci, "numa_node"))
	if err != nil || node < 0 {
		return c.skip("the device is of no NUMA node, says its firmware")
	}
	local, _ := l.m.cpus("sys/devices/system/node", fmt.Sprintf("node%d", node), "cpulist")
	var far []int
	for _, n := range l.CPUs {
		if !slices.Contains(local, n) {
			far = append(far, n)
		}
	}
	if len(far) > 0 {
		return c.warn(fmt.Sprintf("the card is on node %d, CPUs %s are not", node, nic.WriteCPUs(far)), "CPUs of "+nic.WriteCPUs(local),
			"every frame crosses from one node to the other", "pktgen -a "+nic.WriteCPUs(local[:min(len(local), len(l.CPUs))]))
	}
	return c.pass("node %d, CPUs %s", node, nic.WriteCPUs(local))
}

func (l *portLook) checkPCIe(c Check) Check {
	if l.pci == "" {
		return c.skip("the device is on no PCI bus")
	}
	speed, ok1 := gts(l.m.read(l.pci, "current_link_speed"))
	width, err := strconv.Atoi(l.m.read(l.pci, "current_link_width"))
	if !ok1 || err != nil || width == 0 {
		return c.skip("the device shows no PCI Express link (it is emulated, or conventional PCI)")
	}
	most, ok := gts(l.m.read(l.pci, "max_link_speed"))
	lanes, err := strconv.Atoi(l.m.read(l.pci, "max_link_width"))
	if !ok || err != nil {
		most, lanes = speed, width
	}
	found := fmt.Sprintf("%g GT/s ×%d", speed, width)
	want := fmt.Sprintf("%g GT/s ×%d", most, lanes)
	look := "lspci -vv -s " + filepath.Base(l.pci) + " | grep Lnk"
	if rate := pcieRate(speed, width); l.bps > 0 && rate < l.bps {
		return c.fail(fmt.Sprintf("%s, %.1f Gbit/s", found, rate/1e9), want, fmt.Sprintf("the bus is slower than the link's %s", mbps(uint64(l.bps/1e6))), look)
	}
	if speed < most || width < lanes {
		return c.warn(found, want+", which the card can do", "the slot, or the riser, gives the card less than it can take", look)
	}
	return c.pass("%s", found)
}

// gts reads "8.0 GT/s PCIe".
func gts(s string) (float64, bool) {
	n, unit, _ := strings.Cut(s, " ")
	v, err := strconv.ParseFloat(n, 64)
	return v, err == nil && strings.HasPrefix(unit, "GT/s")
}

// pcieRate is a link's rate one way in bits a second, with its line coding
// (8b/10b up to 5 GT/s, 128b/130b above) and without its packets' headers.
func pcieRate(gts float64, lanes int) float64 {
	coding := 8.0 / 10
	if gts > 5 {
		coding = 128.0 / 130
	}
	return gts * 1e9 * coding * float64(lanes)
}

// An interrupt is one of a port's.
type interrupt struct {
	number string
	name   string
	cpus   []int // that it may go to
}

// queueInterrupt fits names such as eth0-TxRx-0, i40e-eth0-TxRx-0, mlx5_comp0,
// virtio2-input.0, and not those of the link or of configuration.
var queueInterrupt = regexp.MustCompile(`(?i)(txrx|rx|tx|input|output|comp|fp).?\d`)

// interrupts are those of the port's queues, or all of the device's where none
// has a queue's name.
func (l *portLook) interrupts() (list []interrupt, err error) {
	numbers, err := os.ReadDir(l.m.path(l.pci, "msi_irqs"))
	var names []string
	for _, n := range numbers {
		names = append(names, n.Name())
	}
	if irq := l.m.read(l.pci, "irq"); err != nil && irq != "" && irq != "0" {
		names = []string{irq} // no MSI
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	fs, err := l.m.proc()
	if err != nil {
		return nil, err
	}
	self, err := fs.Self()
	if err != nil {
		return nil, err
	}
	all, err := self.Interrupts()
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		cpus, ok := l.m.cpus("proc/irq", n, "smp_affinity_list")
		if ok {
			words := strings.Fields(all[n].Devices) // "3-edge eth0-TxRx-2"
			name := ""
			if len(words) > 0 {
				name = words[len(words)-1]
			}
			list = append(list, interrupt{n, name, cpus})
		}
	}
	queues := slices.DeleteFunc(slices.Clone(list), func(i interrupt) bool { return !queueInterrupt.MatchString(i.name) })
	if len(queues) > 0 {
		return queues, nil
	}
	return list, nil
}

func (l *portLook) checkInterrupts(c Check) Check {
	if l.pci == "" {
		return c.skip("the device is on no PCI bus")
	}
	list, err := l.interrupts()
	if err != nil {
		return c.skip("%v", err)
	}
	if len(list) == 0 {
		return c.skip("the device has no interrupts of its own now")
	}
	var all []int
	elsewhere := 0
	for _, i := range list {
		if len(l.CPUs) > 0 && slices.ContainsFunc(i.cpus, func(n int) bool { return !slices.Contains(l.CPUs, n) }) {
			elsewhere++
		}
		all = append(all, i.cpus...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	found := fmt.Sprintf("%d, on CPUs %s", len(list), nic.WriteCPUs(all))
	enough := min(2, len(list), max(len(l.CPUs), 1))
	switch {
	case elsewhere > 0, len(l.CPUs) > 0 && len(all) < enough:
		for n, i := range list {
			cpu := strconv.Itoa(l.CPUs[n%len(l.CPUs)])
			c.fix = append(c.fix, Setting{What: "irq", Name: i.number, Port: l.Interface, Set: cpu})
			if n < 4 {
				c.Do = append(c.Do, fmt.Sprintf("echo %s > /proc/irq/%s/smp_affinity_list   # %s", cpu, i.number, i.name))
			}
		}
		if len(list) > 4 {
			c.Do = append(c.Do, fmt.Sprintf("…and so on for %d more; --fix does it", len(list)-4))
		}
		return c.warn(found, "CPUs "+nic.WriteCPUs(l.CPUs)+", one each in turn", "what one CPU fetches another one works on, and other programs' CPUs are disturbed", c.Do...)
	case len(l.CPUs) == 0 && len(list) > 1 && len(all) == 1:
		return c.warn(found, "spread over CPUs", "one CPU takes the frames of all queues", "say --cpus, and --fix spreads them")
	}
	return c.pass("%s", found)
}
