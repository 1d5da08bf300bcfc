package engine_test

import (
	"bufio"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// group is a multicast address that nothing else joins.
var group = net.HardwareAddr{0x01, 0x00, 0x5e, 0x7f, 0x12, 0x34}

// memberships are what an interface receives beyond its own address: how many
// asked for all frames, for all multicast, and whether one asked for the group.
type memberships struct {
	promisc  int
	allMulti int
	group    bool
}

func membershipsOf(t *testing.T, ns *netlab.NS, name string) (m memberships) {
	t.Helper()
	err := ns.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		m.promisc = link.Attrs().Promisc
		if m.allMulti, err = allMulti(link.Attrs().Index); err != nil {
			return err
		}
		list, err := os.ReadFile("/proc/thread-self/net/dev_mcast")
		for line := range strings.Lines(string(list)) {
			f := strings.Fields(line) // index, name, users, global users, address
			m.group = m.group || len(f) == 5 && f[1] == name && f[4] == strings.ReplaceAll(group.String(), ":", "")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// allMulti is how many asked an interface for all multicast addresses, which the
// netlink package does not tell; always 1 before Linux 6.0, which does not either.
func allMulti(index int) (int, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, 0)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return 0, err
	}
	attrs, err := nl.ParseRouteAttr(answers[0][unix.SizeofIfInfomsg:])
	for _, a := range attrs {
		if a.Attr.Type == unix.IFLA_ALLMULTI {
			return int(binary.NativeEndian.Uint32(a.Value)), err
		}
	}
	return 1, err
}

func memberConfig() *engine.Config {
	return &engine.Config{RX: 2, Promisc: true, AllMulticast: true, Multicast: []net.HardwareAddr{group}}
}

// The kernel keeps the memberships with the sockets: none outlives the port, or
// a process that is killed.
func TestPacketMembershipsEnd(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.B.NS, pair.B.Name
	before := membershipsOf(t, ns, name)
	if before.promisc != 0 || before.group {
		t.Fatalf("a new interface has %+v", before)
	}
	port := openIn(t, ns, "packet:"+name, memberConfig())
	if got := membershipsOf(t, ns, name); got.promisc == 0 || got.allMulti == 0 || !got.group {
		t.Errorf("while open: %+v", got)
	}
	if err := port.Close(); err != nil {
		t.Fatal(err)
	}
	if got := membershipsOf(t, ns, name); got != before {
		t.Errorf("after Close: %+v", got)
	}

	cmd := exec.Command(os.Args[0], "-test.run=^TestPacketMembershipsOfAnother$")
	cmd.Env = append(os.Environ(), memberOf+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	got := membershipsOf(t, ns, name)
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil || line != "open\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	if got.promisc == 0 || got.allMulti == 0 || !got.group {
		t.Errorf("while another process has it open: %+v", got)
	}
	if got := membershipsOf(t, ns, name); got != before {
		t.Errorf("after kill -9: %+v", got)
	}
}

// memberOf names an interface to the function below, which is the other process
// of the test above and does nothing elsewhere.
const memberOf = "RINGWALK_TEST_MEMBER_OF"

func TestPacketMembershipsOfAnother(t *testing.T) {
	name := os.Getenv(memberOf)
	if name == "" {
		return
	}
	port, err := engine.Open("packet:"+name, memberConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	os.Stdout.WriteString("open\n")
	time.Sleep(20 * time.Second) // to be killed
}
