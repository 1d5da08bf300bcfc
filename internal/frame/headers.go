package frame

// kind is a kind of header.
type kind uint8

const (
	ethernet kind = iota
	vlan
	arp
	ipv4
	ipv6
	udp
	tcp
	icmp
	icmpv6
	vxlan
	gre
)

// A header is where a frame has which kind of header.
type header struct {
	kind kind
	off  int // its first byte; a VLAN tag's is behind its TPID, which is the type of what is in front
	end  int // of it alone
}

// notation says how the values of a field are written.
type notation uint8

const (
	number notation = iota
	macAddress
	address4
	address6
)

// A fieldDef says where a header has a field. The field is written as part of
// a whole word at an even offset, so that the word is a summand of checksums;
// the word's other bits stay as they are.
type fieldDef struct {
	key      string
	notation notation
	bits     int // of the field
	at       int // of the word, in bytes from the header
	width    int // of the word, in bytes: 2, 4, 6 or 16
	shift    int // of the field in the word
}

// A headerDef says what a description may say of a header.
type headerDef struct {
	name   string
	kind   kind
	length int // bytes
	next   string
	fields []fieldDef
}

var ports = []fieldDef{
	{"sport", number, 16, 0, 2, 0},
	{"dport", number, 16, 2, 2, 0},
}

// headerDefs has the names of a description, and which may follow which; what
// ends a description is followed by "". Not to be changed.
var headerDefs = []headerDef{
	{"eth", ethernet, 14, "vlan qinq arp ip ip6", []fieldDef{
		{"src", macAddress, 48, 6, 6, 0},
		{"dst", macAddress, 48, 0, 6, 0},
	}},
	{"vlan", vlan, 4, "vlan arp ip ip6", tag},
	{"qinq", vlan, 4, "vlan arp ip ip6", tag},
	{"arp", arp, 28, "", []fieldDef{
		{"op", number, 16, 6, 2, 0},
		{"sha", macAddress, 48, 8, 6, 0},
		{"spa", address4, 32, 14, 4, 0},
		{"tha", macAddress, 48, 18, 6, 0},
		{"tpa", address4, 32, 24, 4, 0},
	}},
	{"ip", ipv4, 20, "udp tcp icmp gre", []fieldDef{
		{"src", address4, 32, 12, 4, 0},
		{"dst", address4, 32, 16, 4, 0},
		{"dscp", number, 6, 0, 2, 2},
		{"ecn", number, 2, 0, 2, 0},
		{"id", number, 16, 4, 2, 0},
		{"ttl", number, 8, 8, 2, 8},
	}},
	{"ip6", ipv6, 40, "udp tcp icmp6 gre", []fieldDef{
		{"src", address6, 128, 8, 16, 0},
		{"dst", address6, 128, 24, 16, 0},
		{"dscp", number, 6, 0, 2, 6},
		{"ecn", number, 2, 0, 2, 4},
		{"flow", number, 20, 0, 4, 0},
		{"ttl", number, 8, 6, 2, 0},
	}},
	{"udp", udp, 8, "vxlan", ports},
	{"tcp", tcp, 20, "", append([]fieldDef{
		{"seq", number, 32, 4, 4, 0},
		{"ack", number, 32, 8, 4, 0},
		{"flags", number, 8, 12, 2, 0},
		{"window", number, 16, 14, 2, 0},
	}, ports...)},
	{"icmp", icmp, 8, "", echo},
	{"icmp6", icmpv6, 8, "", echo},
	{"vxlan", vxlan, 8, "eth", []fieldDef{
		{"vni", number, 24, 4, 4, 8},
	}},
	{"gre", gre, 8, "eth ip ip6", []fieldDef{
		{"key", number, 32, 4, 4, 0},
	}},
}

var tag = []fieldDef{
	{"id", number, 12, 0, 2, 0},
	{"pcp", number, 3, 0, 2, 13},
}

var echo = []fieldDef{
	{"id", number, 16, 4, 2, 0},
	{"seq", number, 16, 6, 2, 0},
}

func defOf(name string) *headerDef {
	for i := range headerDefs {
		if headerDefs[i].name == name {
			return &headerDefs[i]
		}
	}
	return nil
}

func (d *headerDef) field(key string) *fieldDef {
	for i := range d.fields {
		if d.fields[i].key == key {
			return &d.fields[i]
		}
	}
	return nil
}
