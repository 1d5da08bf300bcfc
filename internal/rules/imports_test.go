package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ours begins the import path of every package of this module.
const ours = "github.com/ringwalk/ringwalk/"

const (
	nothing  = ""
	anything = "*"
)

// A row lets those named on the left import, or be imported by, those named on
// the right. Names are separated by spaces; a/* is every package below a.
type row struct{ left, right string }

// rooms says which packages of ours a package may import; the first row that
// names the package counts. Over all of them: nobody imports a program, and
// what is for tests is imported by tests only. Test files are free otherwise.
var rooms = []row{
	// room                                          may import of ours
	{"netmap", nothing},
	{"internal/frame internal/cli internal/netlab internal/journal internal/cputime", nothing},
	{"internal/rules", nothing},
	{"netmap/netmaptest netmap/conformance", "netmap"},
	{"engine/internal/backend", "netmap"},
	{"engine/internal/*", "netmap engine/internal/backend engine/internal/mmsg"},
	{"engine", "netmap engine/internal/*"},
	{"pktgen/gen pktgen/rtt rcv/meter", "engine netmap internal/frame internal/cputime"},
	{"internal/metrics", "internal/cli"},
	// Both change interfaces, and one journal remembers it.
	{"qdisc internal/nic", "internal/journal"},
	{"internal/testnet", "internal/netlab"},
	{"internal/command internal/command/*", anything},
	{"pktgen rcv hw-test hw-test/internal/* examples/*", anything},
}

// modules says which packages may import a module that is not ours. gopacket
// is for templates and capture files and costs too much on the path of a
// packet; libraries have no command line. What is in no row comes in only
// behind one that is.
var modules = []row{
	// module                                        may be imported by
	{"golang.org/x/sys", anything},
	{"golang.org/x/net/route", "engine"},
	{"golang.org/x/net/bpf", "engine engine/internal/* internal/command/*"},
	{"golang.org/x/net/html", nothing}, // tests read pages with it
	{"github.com/vishvananda/netlink github.com/vishvananda/netns", anything},
	{"github.com/google/gopacket", "internal/frame engine/internal/pcap"},
	{"github.com/gopacket/gopacket", "engine/internal/pcap"},
	{"golang.org/x/term github.com/spf13/pflag", "internal/cli internal/command internal/command/* pktgen rcv hw-test hw-test/internal/*"},
	{"github.com/spf13/cobra", "hw-test hw-test/internal/*"},
	{"github.com/safchain/ethtool", "internal/nic hw-test/internal/*"},
	{"github.com/prometheus/client_golang", "internal/metrics hw-test/internal/session"},
	{"github.com/aclements/go-moremath", "hw-test/internal/compare"},
	{"go.yaml.in/yaml/v4 github.com/prometheus/procfs", "hw-test/internal/*"},
	{"golang.org/x/crypto/ssh github.com/skeema/knownhosts", "hw-test/internal/remote hw-test/internal/sshtest"},
	{"github.com/kevinburke/ssh_config", "hw-test/internal/remote"},
	{"github.com/HdrHistogram/hdrhistogram-go", "pktgen/gen pktgen/rtt rcv/meter"},
	{"gonum.org/v1/plot", "hw-test/internal/page"},
	{"github.com/cavaliergopher/cpio github.com/ulikunitz/xz github.com/klauspost/compress", "hw-test/internal/*"},
}

// forTests is what only tests, and these packages themselves, import.
const forTests = "testing testing/* internal/testnet hw-test/internal/sshtest netmap/netmaptest examples/internal/exampletest"

// among says whether one of names, separated by spaces, stands for pkg.
func among(pkg, names string) bool {
	return slices.ContainsFunc(strings.Fields(names), func(n string) bool {
		below, isTree := strings.CutSuffix(n, "*")
		return n == pkg || isTree && strings.HasPrefix(pkg, below)
	})
}

func importFaults(files []goFile) []string {
	mains := map[string]bool{}
	for _, f := range files {
		mains[f.dir] = mains[f.dir] || f.main()
	}
	var faults []string
	unknown := map[string]bool{}
	for _, f := range files {
		i := slices.IndexFunc(rooms, func(r row) bool { return among(f.dir, r.left) })
		if i < 0 {
			if !unknown[f.dir] {
				faults = append(faults, f.dir+" is in no row of the table: say in internal/rules what it may import")
			}
			unknown[f.dir] = true
			continue
		}
		for _, p := range f.imports {
			if why := importFault(&f, p, rooms[i].right, mains); why != "" {
				faults = append(faults, fmt.Sprintf("%s imports %s, %s", f.path, p, why))
			}
		}
	}
	return faults
}

// importFault says why f may not import p, or nothing.
func importFault(f *goFile, p, may string, mains map[string]bool) string {
	pkg, isOurs := strings.CutPrefix(p, ours)
	if !f.test && among(pkg, forTests) && !among(f.dir, forTests) {
		return "which is for tests only"
	}
	if isOurs {
		switch {
		case mains[pkg] && !(f.test && pkg == f.dir):
			return "which is a program"
		case !f.test && !among(pkg, may):
			return "which the table does not let " + f.dir + " do"
		}
		return ""
	}
	if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for _, r := range modules {
		for module := range strings.FieldsSeq(r.left) {
			if p != module && !strings.HasPrefix(p, module+"/") {
				continue
			}
			if !f.test && !among(f.dir, r.right) {
				return "which is only for " + r.right
			}
			return ""
		}
	}
	return "of a module that is in no row of the table"
}

// TestImports holds the two tables above.
func TestImports(t *testing.T) {
	report(t, importFaults(goFiles(t, repository())))
}

func TestImportFaults(t *testing.T) {
	src := func(pkg string, imports ...string) string {
		for i, p := range imports {
			imports[i] = fmt.Sprintf("import _ %q\n", p)
		}
		return "package " + pkg + "\n" + strings.Join(imports, "")
	}
	expect(t, importFaults(goFiles(t, tree(
		// As it should be.
		"netmap/ring.go", src("netmap", "fmt", "unsafe", "golang.org/x/sys/unix"),
		"netmap/ring_test.go", src("netmap_test", "testing", ours+"internal/testnet", ours+"engine", "github.com/gopacket/gopacket/layers"),
		"engine/open.go", src("engine", ours+"netmap", ours+"engine/internal/packet", "github.com/vishvananda/netlink"),
		"engine/internal/mmsg/mmsg.go", src("mmsg", ours+"netmap", ours+"engine/internal/backend"),
		"engine/internal/pcap/pcap.go", src("pcap", "github.com/gopacket/gopacket/pcapgo"),
		"internal/testnet/testnet.go", src("testnet", "testing", ours+"internal/netlab"),
		"internal/command/rcv/rcv.go", src("rcv", ours+"rcv/meter", "github.com/spf13/pflag"),
		"pktgen/main.go", src("main", ours+"internal/command/pktgen"),
		"pktgen/main_test.go", src("main_test", ours+"pktgen"),
		"hw-test/internal/self/self.go", src("self", ours+"hw-test/internal/carried", "github.com/spf13/cobra"),
		// As it should not be.
		"netmap/port_freebsd.go", src("netmap", ours+"engine"),
		"netmap/testing.go", src("netmap", "testing"),
		"netmap/other_test.go", src("netmap", ours+"pktgen", "github.com/stretchr/testify/assert"),
		"engine/internal/backend/backend.go", src("backend", ours+"engine/internal/mmsg"),
		"engine/internal/packet/packet.go", src("packet", ours+"engine/internal/udp", "github.com/google/gopacket/layers"),
		"engine/frame.go", src("engine", ours+"internal/frame", "github.com/gopacket/gopacket"),
		"pktgen/gen/gen.go", src("gen", ours+"rcv/meter", "github.com/spf13/pflag"),
		"internal/command/run.go", src("command", ours+"rcv", ours+"internal/testnet", "testing/iotest", "github.com/spf13/cobra"),
		"rcv/main.go", src("main", "golang.org/x/net/ipv4", "golang.org/x/sysfake"),
		"engine/other/other.go", src("other", "testing"),
		"engine/other/more.go", src("other"),
	))),
		"netmap/port_freebsd.go imports "+ours+"engine, which the table does not let netmap do",
		"netmap/testing.go imports testing, which is for tests only",
		"netmap/other_test.go imports "+ours+"pktgen, which is a program",
		"netmap/other_test.go imports github.com/stretchr/testify/assert, of a module that is in no row",
		"backend.go imports "+ours+"engine/internal/mmsg, which the table",
		"packet.go imports "+ours+"engine/internal/udp, which the table",
		"packet.go imports github.com/google/gopacket/layers, which is only for internal/frame engine/internal/pcap",
		"engine/frame.go imports "+ours+"internal/frame, which the table",
		"engine/frame.go imports github.com/gopacket/gopacket, which is only for",
		"gen.go imports "+ours+"rcv/meter, which the table",
		"gen.go imports github.com/spf13/pflag, which is only for",
		"run.go imports "+ours+"rcv, which is a program",
		"run.go imports "+ours+"internal/testnet, which is for tests only",
		"run.go imports testing/iotest, which is for tests only",
		"run.go imports github.com/spf13/cobra, which is only for",
		"rcv/main.go imports golang.org/x/net/ipv4, of a module that is in no row",
		"rcv/main.go imports golang.org/x/sysfake, of a module that is in no row",
		"engine/other is in no row of the table",
	)
}
