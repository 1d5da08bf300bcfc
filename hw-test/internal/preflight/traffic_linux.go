package preflight

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"

	"github.com/ringwalk/ringwalk/qdisc"
)

// checkSockets looks for other packet sockets that see the port's frames, from
// /proc/net/packet (net/packet/af_packet.c, packet_seq_show).
func (l *portLook) checkSockets(c Check) Check {
	if l.netmap() {
		return c.skip("netmap takes the frames before a socket sees them")
	}
	inodes, err := l.packetSockets()
	if err != nil {
		return c.skip("%v", err)
	}
	if len(inodes) == 0 {
		return c.pass("none")
	}
	targets := map[string]bool{}
	for _, i := range inodes {
		targets["socket:["+i+"]"] = true
	}
	owners := l.m.processes(func(p procfs.Proc, _ string) bool {
		fds, err := p.FileDescriptorTargets()
		return err == nil && slices.ContainsFunc(fds, func(to string) bool { return targets[to] })
	})
	found := fmt.Sprintf("%d", len(inodes))
	if len(owners) > 0 {
		found += ", of " + strings.Join(owners, ", ")
	} else {
		found += ", of programs that only root sees"
	}
	why, do := "the kernel copies every frame for each of them", "and end what is not needed, such as tcpdump or a DHCP client"
	if strings.Contains(found, ofAnotherRun) {
		why, do = "two runs over one port take each other's frames for their own, and their trials are invalid", "and wait until that run has ended"
	}
	c = c.warn(found, "none", why, "ss -0 -p   # "+do)
	c.Varies = true // process numbers
	return c
}

func (l *portLook) packetSockets() (inodes []string, err error) {
	// A thread may be in another network namespace than its process.
	f, err := os.Open(l.m.path("proc/thread-self/net/packet"))
	if os.IsNotExist(err) {
		f, err = os.Open(l.m.path("proc/net/packet"))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan() // sk RefCnt Type Proto Iface R Rmem User Inode
	for s.Scan() {
		w := strings.Fields(s.Text())
		if len(w) < 9 {
			continue
		}
		index, err := strconv.Atoi(w[4])
		// 0 is all interfaces; a socket without a protocol receives nothing.
		if err == nil && (index == l.link.Index || index == 0) && w[3] != "0000" {
			inodes = append(inodes, w[8])
		}
	}
	return inodes, s.Err()
}

// plain are the queueing disciplines that neither hold frames back on purpose
// nor drop before they are full.
var plain = []string{"noqueue", "pfifo_fast", "pfifo", "bfifo", "mq", "mqprio", "multiq", "fq_codel", "fq"}

func (l *portLook) checkQdisc(c Check) Check {
	if native, _ := l.m.Native(l.Interface); l.netmap() && native {
		return c.skip("native netmap sends past it")
	}
	s, err := l.m.Qdisc(l.Interface)
	if err != nil {
		return c.skip("%v", err)
	}
	var kinds, odd []string
	for _, q := range s.Qdiscs {
		word := q.Kind
		if q.Parent == qdisc.Ingress {
			word += " on the way in"
		}
		if !slices.Contains(kinds, word) {
			kinds = append(kinds, word)
		}
		if q.Parent == qdisc.Ingress || !slices.Contains(plain, q.Kind) {
			odd = append(odd, word)
		}
	}
	found := strings.Join(kinds, ", ")
	if found == "" {
		found = "none yet (the link is down)"
	}
	if len(odd) > 0 {
		return c.warn(found, "one that neither shapes nor filters", strings.Join(odd, ", ")+" may hold frames back or drop them",
			"hw-test qdisc show "+l.Interface, "hw-test qdisc set "+l.Interface+" default   # until: hw-test qdisc restore "+l.Interface)
	}
	return c.pass("%s", found)
}
