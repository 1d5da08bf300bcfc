package preflight

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/safchain/ethtool"

	"github.com/ringwalk/ringwalk/netmap"
)

func (l *portLook) checkLink(c Check) Check {
	const want = "up, with carrier"
	switch {
	case !l.link.Up:
		return c.fail("down", want, "nothing is sent or received", "ip link set dev "+l.Interface+" up")
	case !l.link.Carrier:
		return c.fail("up, no carrier", want, "nothing is sent or received: look at the cable, the module and the peer",
			"ethtool "+l.Interface, "ethtool -m "+l.Interface)
	}
	return c.pass("up, with carrier")
}

// checkSpeed compares with the fastest mode that the device supports, as far as
// ETHTOOL_GSET has room to say it: up to 56 Gbit/s.
func (l *portLook) checkSpeed(c Check) Check {
	var cmd ethtool.EthtoolCmd
	speed, err := l.e.CmdGet(&cmd, l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	if speed == 0 || speed == math.MaxUint32 || speed == math.MaxUint16 {
		if !l.link.Carrier {
			return c.skip("there is no carrier")
		}
		return c.skip("the driver knows no speed (virtual machines' cards often do not)")
	}
	l.bps = float64(speed) * 1e6
	most := ethtool.SupportedSpeed(uint64(cmd.Supported)) / 1e6
	if uint64(speed) < most {
		return c.warn(mbps(uint64(speed)), mbps(most)+", the device's fastest", "the link is slower than the card: look at the peer, the cable and what is advertised",
			"ethtool "+l.Interface, fmt.Sprintf("ethtool -s %s speed %d duplex full autoneg on", l.Interface, most))
	}
	return c.pass("%s", mbps(uint64(speed)))
}

func mbps(n uint64) string {
	if n >= 1000 {
		return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) + " Gbit/s"
	}
	return fmt.Sprintf("%d Mbit/s", n)
}

func (l *portLook) checkDuplex(c Check) Check {
	var cmd ethtool.EthtoolCmd
	if _, err := l.e.CmdGet(&cmd, l.Interface); err != nil {
		return c.skip("%s", notTold(err))
	}
	switch cmd.Duplex { // DUPLEX_* of linux/ethtool.h
	case 0:
		return c.fail("half", "full", "frames of the two directions collide, and are lost or sent again", "ethtool -s "+l.Interface+" duplex full")
	case 1:
		return c.pass("full")
	}
	return c.skip("the driver does not know")
}

// checkDriver has nothing to judge by; the report and comparisons need it.
func (l *portLook) checkDriver(c Check) Check {
	if l.drv.Driver == "" {
		return c.skip("the interface has no driver that says its name")
	}
	words := []string{l.drv.Driver}
	if v := l.drv.Version; v != "" && v != "N/A" {
		words[0] += " " + v
	}
	if f := l.drv.FwVersion; f != "" && f != "N/A" {
		words = append(words, "firmware "+f)
	}
	return c.pass("%s", strings.Join(append(words, "at "+l.drv.BusInfo), ", "))
}

func (l *portLook) checkRoute(c Check) Check {
	if l.m.DefaultRoute(l.Interface) {
		return c.fail("it carries the default route", "an interface that only tests use",
			"a flood would leave for the office network, and netmap would cut the host off; pktgen refuses to send on it", "ip route show default")
	}
	return c.pass("no default route")
}

func (l *portLook) checkMTU(c Check) Check {
	if l.link.MTU < 1500 {
		return c.warn(fmt.Sprint(l.link.MTU), "1500 or more", "frames of 1518 bytes do not fit", fmt.Sprintf("ip link set dev %s mtu 1500", l.Interface))
	}
	return c.pass("%d", l.link.MTU)
}

func (l *portLook) checkNetmap(c Check) Check {
	if !l.netmap() {
		return c.skip("the port is opened as %s", l.spec)
	}
	const load = "scripts/build-netmap.sh --load"
	switch err := l.m.Netmap(); {
	case errors.Is(err, netmap.ErrNoModule):
		c.Lacks = true
		return c.fail("no netmap in this kernel", "netmap's module, loaded", "the port cannot be opened", load)
	case errors.Is(err, netmap.ErrOldKernel):
		c.Lacks = true
		return c.fail("an older netmap", "version 14 of its API, or newer", "the port cannot be opened", load)
	case err != nil:
		return c.fail("netmap does not answer", "netmap's module, and the right to open /dev/netmap", err.Error())
	}
	native, why := l.m.Native(l.Interface)
	mode := l.m.read("sys/module/netmap/parameters/admode") // 0: native if possible, 1: native only, 2: emulated only
	const reset = "echo 0 > /sys/module/netmap/parameters/admode"
	switch {
	case native && mode == "2":
		return c.warn("native, but emulated by order (admode 2)", "native", "emulated netmap is slower", reset)
	case native:
		return c.pass("native: %s", why)
	case mode == "1":
		return c.fail("not native, and emulation is switched off (admode 1)", "native, or emulation", "the port cannot be opened", reset)
	}
	return c.warn("emulated: "+why, "native",
		"emulated netmap is slower than packet:"+l.Interface+" for most", "scripts/build-netmap.sh --drivers "+l.kind()+" --out build/netmap")
}
