package pktgen

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

// frames are the flags that say what frames look like.
type frames struct {
	lengths              lengths
	src, dst             string
	srcMAC, dstMAC       net.HardwareAddr
	randomSrc, randomDst bool
	flows                uint64
	seed                 uint64
	layers, fields       string
	packet, payload      string
	ipv4, ipv6           bool
	rubbish, indirect    bool
	frags, fragSize      int
	dump                 bool
	bits                 uint32
}

func (f *frames) register(fs *pflag.FlagSet) {
	fs.VarP(&f.lengths, "length", "l", "`length` of a frame in bytes, headers included (udp: ports: of a payload), or lengths, see below; twice: any length below the first and not below the second, for each frame; default: 60, or what headers and a probe need if that is more")
	fs.StringVarP(&f.src, "src", "s", "", "source `ip[:port]` or [ipv6]:port, or a range ip[:port]-ip[:port]; default: 10.0.0.1:1234")
	fs.StringVarP(&f.dst, "dst", "d", "", "destination `ip[:port]`, likewise; default: 10.1.0.1:1234")
	fs.VarP(cli.MACValue(&f.srcMAC), "src-mac", "S", "source MAC address; default: the interface's")
	fs.VarP(cli.MACValue(&f.dstMAC), "dst-mac", "D", "destination MAC address; default: broadcast")
	fs.BoolVarP(&f.ipv4, "ipv4", "4", false, "IPv4, which is the default")
	fs.BoolVarP(&f.ipv6, "ipv6", "6", false, "IPv6, from fd00::1 to fd00:0:0:1::1 where nothing else is said")
	fs.BoolVarP(&f.randomSrc, "random-src", "z", false, "any source address and port, for each frame (IPv6: any last 16 bits of the address)")
	fs.BoolVarP(&f.randomDst, "random-dst", "Z", false, "any destination address and port, likewise")
	fs.Var(cli.CountValue(&f.flows), "flows", "send from this many source addresses in turn, from -s on")
	fs.Uint64Var(&f.seed, "seed", 0, "where random values begin: the same `number` gives the same frames, however many threads send them, and the same gaps; default: another one each time")
	fs.StringVar(&f.layers, "frame", "", "the headers and their fields, as a `description`, see below; default: \"eth ip udp\"")
	fs.StringVar(&f.fields, "fields", "", "change these fields of the frame; a `description` of some of its headers")
	fs.StringVar(&f.packet, "packet", "", "send the first frame of this capture `file`, as it is but for what is changed by -s, -d, -S, -D, -z, -Z, --flows, --fields or a shorter -l")
	fs.StringVar(&f.payload, "payload", "", "`what` is behind the headers, over and over: zeros, random, text:…, hex:… or file:NAME; default: \"ringwalk \"")
	fs.BoolVarP(&f.rubbish, "rubbish", "r", false, "write nothing into the buffers but send what they hold, in netmap memory what was there before")
	fs.BoolVarP(&f.indirect, "indirect", "I", false, "VALE ports: send from memory of the program in place of the ring's buffers (NS_INDIRECT)")
	fs.IntVarP(&f.frags, "frags", "F", 1, "netmap ports: send each frame from this `number` of slots, 1 to 63, of one length to the byte")
	fs.IntVarP(&f.fragSize, "frag-size", "M", 0, "netmap ports: send at most this many `bytes` from a slot; frames for which -F slots are too few go in more")
	fs.BoolVarP(&f.dump, "dump", "X", false, "print the first frame, decoded, on standard error, then send")
	fs.Uint32VarP(&f.bits, "options", "o", 0, "pkt-gen's option `bits`: 64 is -X, 256 -r, 512 -z, 1024 -Z, 2048 -A, 32 -I; 1, 2, 4, 8, 16 and 4096 ask for what is done anyway")
}

const aboutFrames = `
Lengths (-l) are without CRC:
  60-1514        each in turn; 60-1514+2 every second one
  60,128,1514    these in turn
  60:7,590:4     seven times this and four times that, evenly mixed
  imix           60:7,590:4,1514:1      imix-csit   60:28,566:16,1514:4
  ~60-1514       any of them for each frame, ~imix likewise by its weights

A description (--frame, --fields) is words: a header's name, or field=values of the header before.
  eth src dst    vlan, qinq id pcp       arp op sha spa tha tpa
  ip src dst dscp ecn id ttl             ip6 src dst dscp ecn flow ttl
  udp sport dport                        tcp sport dport seq ack flags window
  icmp, icmp6 id seq                     vxlan vni      gre key
Values are one, a list a,b,c, a range from-to or from-to+step (down if from is the larger), or an
address with /bits for all of its prefix. field=values takes each in turn, field~values any of them
for each frame, field~ alone any value the field can have.
  pktgen -i packet:eth0 --frame "eth vlan id=1-4094 ip src~10.0.0.0/8 ttl=64-1 udp dport=53,80"
  pktgen -i packet:eth0 --frame "eth ip udp vxlan vni=1-9 eth ip6 dst=fd00::/120 tcp sport~"
Fields that are taken in turn are the digits of one number, the last one the lowest, then those of
-s and -d as in pkt-gen: destination address, port, source address, and the source port lowest. So
every combination comes once before any comes again. Thread i of p sends the combinations i, i+p,
and so on: -n is of all of them together, whatever -p is.
-s, -d, -z, -Z and --flows are about the last IP header and the ports behind it, with a tunnel the
inner ones; -S and -D about the first Ethernet header.
`

// config puts the flags into the generator's config.
func (f *frames) config(c *gen.Config) error {
	s := &c.Shape
	c.Len, s.Sizes = f.lengths.len, f.lengths.sizes
	c.SrcMAC, c.DstMAC = f.srcMAC, f.dstMAC
	const known = 1 | 2 | 4 | 8 | 16 | 32 | 64 | 256 | 512 | 1024 | 2048 | 4096
	if f.frags < 1 {
		return cli.Usagef("-F, --frags: %d slots for a frame: want 1 to 63", f.frags)
	}
	c.Frags, c.FragSize, c.Indirect = f.frags, f.fragSize, f.indirect || f.bits&32 != 0
	if bad := f.bits &^ known; bad != 0 {
		return cli.Usagef("-o, --options: bit %d means nothing here", bad&-bad)
	}
	f.dump = f.dump || f.bits&64 != 0
	c.Rubbish = f.rubbish || f.bits&256 != 0
	s.RandomSrc, s.RandomDst = f.randomSrc || f.bits&512 != 0, f.randomDst || f.bits&1024 != 0
	s.IPv6, s.Flows, s.Seed = f.ipv6, f.flows, f.seed
	if f.ipv4 && f.ipv6 {
		return cli.Usagef("-4 and -6 exclude each other")
	}
	if s.Seed == 0 {
		s.Seed = rand.Uint64()
	}
	c.Seed = s.Seed
	for _, e := range []struct {
		flag, text string
		to         *frame.Range
	}{{"-s, --src", f.src, &s.SrcRange}, {"-d, --dst", f.dst, &s.DstRange}} {
		if e.text == "" {
			continue
		}
		r, err := frame.ParseRange(e.text)
		if err != nil {
			return cli.Usagef("%s: %w", e.flag, err)
		}
		if v6 := r.From.Addr().Is6(); v6 && f.ipv4 || !v6 && f.ipv6 {
			return cli.Usagef("%s: %q is not of the family that -4 or -6 says", e.flag, e.text)
		}
		*e.to = r
	}
	var err error
	if f.layers != "" {
		if s.Layers, err = frame.Describe(f.layers); err != nil {
			return cli.Usagef("--frame: %w", err)
		}
	}
	if f.fields != "" {
		if s.Changes, err = frame.DescribeChanges(f.fields); err != nil {
			return cli.Usagef("--fields: %w", err)
		}
	}
	if s.Fill, err = f.fill(s.Seed); err != nil {
		return err
	}
	if f.packet != "" {
		if f.layers != "" || f.payload != "" {
			return cli.Usagef("--packet: the file says what the frame is; leave out --frame and --payload")
		}
		s.Bytes, err = firstFrame(f.packet)
	}
	return err
}

// portHas refuses fragments and indirect buffers before a port that has none is
// opened.
func (f *frames) portHas(c *gen.Config, port string, head int) error {
	spec, _, err := engine.Resolve(port)
	if err != nil {
		return nil // opening says so
	}
	if netmap := strings.HasPrefix(spec, "netmap:") || strings.HasPrefix(spec, "vale"); !netmap && (f.frags > 1 || f.fragSize > 0) {
		return cli.Usagef("-F, --frags, and -M, --frag-size: fragments are slots of a netmap port, and %s sends a frame in one piece: leave them out", port)
	}
	if c.Indirect && !command.VALE(spec) {
		return cli.Usagef("-I, --indirect: only ports of VALE switches send from memory of the program (NS_INDIRECT), and %s is none: leave it out", port)
	}
	if c.Indirect && head > 0 {
		return cli.Usagef("-I, --indirect, does not go with -H: the kernel would read a header in memory of the program as in its own, and panic")
	}
	return nil
}

// show prints the first frame if that was asked for.
func (f *frames) show(to io.Writer, g *gen.Generator) {
	if f.dump {
		fmt.Fprint(to, g.Dump())
	}
}
