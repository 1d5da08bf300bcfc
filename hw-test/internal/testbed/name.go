package testbed

// String names the port for people: "packet:eth1", and "packet:eth1 of gen" where
// it is another host's.
func (p *Port) String() string {
	if p.Host == "" {
		return p.Spec
	}
	return p.Spec + " of " + p.Host
}

// String names both ends: "packet:eth1 of gen → packet:eth2".
func (f Flow) String() string { return f.From.String() + " → " + f.To.String() }
