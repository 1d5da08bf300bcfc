package testbed

// At names a thing of a host for people: "eth1", and "eth1 of gen" where that is
// another one.
func At(thing, host string) string {
	if host == "" {
		return thing
	}
	return thing + " of " + host
}

// String names the port: "packet:eth1 of gen".
func (p *Port) String() string { return At(p.Spec, p.Host) }

// String names both ends: "packet:eth1 of gen → packet:eth2".
func (f Flow) String() string { return f.From.String() + " → " + f.To.String() }
